"""The titles over a list's columns."""

from rich.text import Text
from textual.widget import Widget

from tui.widgets.line_list import LineList


class ColumnTitles(Widget):
    """One line that stands over a list and has its columns."""

    DEFAULT_CSS = """
    ColumnTitles { height: 1; padding: 0 2; color: $foreground 45%; }
    """

    def __init__(self, lines: LineList) -> None:
        super().__init__()
        self._lines = lines

    def render(self) -> Text:
        """Draw the line."""
        return Text(self._lines.titles(), no_wrap=True)
