"""Fields to read: sections of names and values, long values folded under themselves."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

_NAMES: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A name and its value; `part` is the style of the value: plain, good, look, act, quiet."""

    name: str
    value: str
    part: str = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Fields under a title, or plain text."""

    title: str
    fields: tuple[Field, ...] = ()
    text: str = ""


class Sheet(VerticalScroll):
    """A sheet that scrolls."""

    DEFAULT_CSS = """
    Sheet {
        padding: 0 1;
        scrollbar-size-vertical: 1;
        scrollbar-color: $primary 40%;
        scrollbar-background: $panel;
        Static { height: auto; }
        &> .sheet--title { color: $primary; }
        &> .sheet--name { color: $foreground 55%; }
        &> .sheet--plain { color: $foreground; }
        &> .sheet--quiet { color: $foreground 70%; }
        &> .sheet--good { color: $success; }
        &> .sheet--look { color: $warning; }
        &> .sheet--act { color: $error; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "sheet--title",
        "sheet--name",
        "sheet--plain",
        "sheet--quiet",
        "sheet--good",
        "sheet--look",
        "sheet--act",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "scroll", key_display="↑↓"),
        Binding("down,j", "scroll_down", "scroll", show=False),
    ]

    def __init__(self, *, names: int = _NAMES) -> None:
        super().__init__()
        self._names = names  # cells that names have

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static(id="sheet", markup=False)

    def show(self, sections: Iterable[Section]) -> None:
        """Show other sections, where it is scrolled to."""
        parts: list[RenderableType] = []
        for section in sections:
            if parts:
                parts.append(Text(""))
            parts.append(Text(section.title, self._style("title")))
            if section.fields:
                parts.append(self._table(section.fields))
            if section.text:
                parts.append(Text(section.text, self._style("quiet"), overflow="fold"))
        self.query_one("#sheet", Static).update(Group(*parts))

    def _table(self, fields: Iterable[Field]) -> Table:
        table = Table.grid()
        table.add_column(width=self._names, no_wrap=True, style=self._style("name"))
        table.add_column(overflow="fold")
        for field in fields:
            table.add_row(field.name, Text(field.value, self._style(field.part)))
        return table

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"sheet--{part}")
