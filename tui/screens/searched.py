"""Lists below `6 More` that are searched: the keys and the line for it."""

from abc import abstractmethod
from datetime import tzinfo
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType

from appliance.operator.interface import Operator
from tui.screens.watched import Below
from tui.widgets.filter_field import FilterField
from tui.widgets.row_list import RowList
from tui.widgets.search_bar import SearchBar


class Searched(Below):
    """A list and a search bar, which subclasses put into place.

    They say in `searched` what follows from what is typed. Esc shows all again, then goes back.
    """

    AUTO_FOCUS = "RowList"
    placeholder: ClassVar[str] = ""  # what can be typed
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "search", key_display="/"),
        Binding("escape", "leave", "back", key_display="Esc"),
    ]

    def __init__(
        self, operator: Operator, rows: RowList, *, zone: tzinfo | None, pause: float
    ) -> None:
        super().__init__(operator, zone=zone, pause=pause)
        self._list = rows
        self._search = SearchBar(self.placeholder)

    @abstractmethod
    def searched(self) -> None:
        """Show what has the words in the bar."""

    @property
    def is_narrow(self) -> bool:
        """Whether something is left out that Esc shows again."""
        return bool(self._search.value)

    def show_all(self) -> None:
        """Leave nothing out any more."""
        self._search.clear()

    def action_search(self) -> None:
        """Type what to look for."""
        self._search.begin()

    def action_leave(self) -> None:
        """Show all again, or go back."""
        if self.is_narrow:
            self.show_all()
        else:
            self.dismiss()

    @on(FilterField.Changed)
    def _typed(self) -> None:
        self.searched()

    @on(FilterField.Left)
    def _typing_ended(self) -> None:
        self._list.focus()
