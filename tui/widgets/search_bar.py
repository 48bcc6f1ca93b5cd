"""The line above a list where one types what to look for; it is seen while it is used."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Label

from tui.widgets.filter_field import FilterField


class SearchBar(Horizontal):
    """A slash and a field. What is typed comes as FilterField.Changed, its end as Left."""

    DEFAULT_CSS = """
    SearchBar {
        height: 1;
        padding: 0 2;
        display: none;
        Label { color: $primary; width: auto; }
        &.-open { display: block; }
    }
    """

    def __init__(self, placeholder: str) -> None:
        super().__init__()
        self._field = FilterField(placeholder=placeholder)

    def compose(self) -> ComposeResult:
        """Put the field behind the slash."""
        yield Label("/ ")
        yield self._field

    @property
    def value(self) -> str:
        """What is looked for; empty: everything."""
        return self._field.value

    def begin(self) -> None:
        """Have it typed."""
        self.add_class("-open")
        self._field.focus()

    def clear(self) -> None:
        """Look for everything."""
        self._field.value = ""
        self.remove_class("-open")

    @on(FilterField.Left)
    def _typing_ended(self) -> None:
        self.set_class(bool(self._field.value), "-open")
