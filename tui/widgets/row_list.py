"""A table whose rows are drawn when they are seen, each with its state in a shape and a word."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.segment import Segment

from tui.columns import GAP, Column
from tui.widgets.line_list import LineList

_LEAST: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row: a cell for each column. `key` tells it from others when they are shown anew.

    `part` is how its first cell looks: plain, good, look, act, quiet.
    """

    key: str
    cells: tuple[str, ...]
    part: str = "plain"


class RowList(LineList):
    """Rows under titles. One column, of width 0, takes what the others leave.

    Where there is no room for all, the last columns go first.
    """

    DEFAULT_CSS = """
    RowList {
        &> .row-list--plain { color: $foreground 80%; }
        &> .row-list--rest { color: $foreground 70%; }
        &> .row-list--quiet { color: $foreground 55%; }
        &> .row-list--good { color: $success; }
        &> .row-list--look { color: $warning; }
        &> .row-list--act { color: $error; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"row-list--{part}" for part in ("plain", "rest", "quiet", "good", "look", "act")
    }

    def __init__(self, *columns: Column, least: int = _LEAST, empty: str = "Asking …") -> None:
        super().__init__(empty=empty)
        self._least = least  # cells of the column that takes what the others leave
        self._columns = columns
        self.rows: Sequence[Row] = ()

    @property
    def line_count(self) -> int:
        """How many there are."""
        return len(self.rows)

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.rows else None

    def show(self, rows: Sequence[Row], empty: str = "There is none.") -> None:
        """Show other rows, with the cursor where it was if that row is still there.

        On the first line it stays there, and follows what comes on top.
        """
        if (self.rows, self.empty) == (rows, empty):
            return
        current, top = None if self.following else self.current, self.top
        self.rows, self.empty = rows, empty
        places = (at for at, row in enumerate(rows) if current and row.key == current.key)
        self.cursor = next(places, min(self.cursor, max(0, len(rows) - 1)))
        self.top = top
        self.on_resize()

    def titles(self) -> str:
        """Write the line of titles."""
        titles = [
            column.fit(column.title, width) for column, width in self._widths(self.size.width - 4)
        ]
        return (" " * GAP).join(titles)

    def draw(self, place: int, width: int) -> list[Segment]:
        """Draw a row."""
        row, segments = self.rows[place], list[Segment]()
        for number, (column, room) in enumerate(self._widths(width)):
            part = row.part if not number else "quiet" if row.part == "quiet" else "rest"
            style = self.get_component_rich_style(f"row-list--{part}")
            segments.append(Segment(f"{column.fit(row.cells[number], room)}{' ' * GAP}", style))
        return segments

    def _widths(self, width: int) -> list[tuple[Column, int]]:
        shown = list(self._columns)
        while len(shown) > 1 and self._needed(shown) > width:
            shown.pop()
        fixed = [each for each in shown if each.width]
        spare = max(1, width - sum(each.width + GAP for each in fixed))
        return [(each, each.width or spare) for each in shown]

    def _needed(self, columns: Sequence[Column]) -> int:
        return sum((each.width or self._least) + GAP for each in columns) - GAP
