"""The titles over a list's columns."""

from rich.text import Text
from textual.widget import Widget

from tui.widgets.event_list import EventList


class ColumnTitles(Widget):
    """One line that stands over an EventList and has its columns."""

    DEFAULT_CSS = """
    ColumnTitles { height: 1; padding: 0 2; color: $foreground 45%; }
    """

    def __init__(self, events: EventList) -> None:
        super().__init__()
        self._events = events

    def render(self) -> Text:
        """Draw the line."""
        return Text(self._events.columns.titles(), no_wrap=True)
