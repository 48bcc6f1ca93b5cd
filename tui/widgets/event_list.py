"""The live table: one line an event, newest first."""

from datetime import UTC, datetime, tzinfo
from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style

from appliance.model.events import Event, EventKind
from tui.columns import SUBJECT, WHAT, Column, layout
from tui.journal import Journal, Row
from tui.widgets.line_list import LineList
from tui.wording import Calendar

_EDGES: Final = 4  # cells of a line that are not the row's: cursor, padding, scroll bar


class EventList(LineList):
    """The rows of a journal."""

    DEFAULT_CSS = """
    EventList {
        &> .event-list--plain { color: $foreground 65%; }
        &> .event-list--subject { color: $foreground; }
        &> .event-list--issued { color: $success; }
        &> .event-list--renewed { color: $accent; }
        &> .event-list--rekeyed { color: $accent; }
        &> .event-list--revoked { color: $warning; }
        &> .event-list--refused { color: $error; }
        &> .event-list--warned { color: $warning; }
        &> .event-list--noted { color: $foreground 65%; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "event-list--plain",
        "event-list--subject",
        *(f"event-list--{kind}" for kind in EventKind),
    }

    def __init__(self, journal: Journal, *, zone: tzinfo | None, id: str | None = None) -> None:  # noqa: A002
        super().__init__(empty="Nothing has happened yet.", id=id)
        self.journal = journal
        self.calendar = Calendar(zone=zone, now=datetime.fromtimestamp(0, UTC))

    @property
    def line_count(self) -> int:
        """How many rows are shown."""
        return len(self.journal.shown)

    def titles(self) -> str:
        """Write the line of titles."""
        return layout(self.size.width - _EDGES).titles()

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self.journal.shown[self.cursor] if self.line_count else None

    def stay_on(self, row: Row | None, *, following: bool) -> None:
        """After the rows changed, go back to this one, or follow if it is not shown any more."""
        place = 0
        if row is not None and not following:
            shown = enumerate(self.journal.shown)
            place = next((at for at, each in shown if each is row), 0)
        self.lines_changed(place)

    def draw(self, place: int, width: int) -> list[Segment]:
        """Draw a row."""
        event = self.journal.shown[place].event
        segments: list[Segment] = []
        for column, text in layout(width).cells(event, self.calendar):
            if segments:
                segments.append(Segment("  "))
            segments.append(Segment(text, self._style(event, column)))
        return segments

    def _style(self, event: Event, column: Column) -> Style:
        if column is WHAT:
            part = str(event.kind)
        elif column is SUBJECT:
            part = "subject"
        else:
            part = "plain"
        return self.get_component_rich_style(f"event-list--{part}")
