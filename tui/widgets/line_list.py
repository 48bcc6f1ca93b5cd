"""A list of lines that are drawn when they are seen: a thousand more cost nothing."""

from abc import abstractmethod
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

_WHEEL = 3  # lines


class LineList(Widget, can_focus=True):
    """Lines with a cursor. Subclasses say how many there are and draw one.

    With the cursor on the first line the list follows: what is put on top is seen at once.
    Otherwise lines that are put on top move neither the view nor the cursor.
    """

    DEFAULT_CSS = """
    LineList {
        height: 1fr;
        &> .line-list--cursor { background: $panel; }
        &> .line-list--mark { color: $primary; }
        &> .line-list--track { color: $panel; }
        &> .line-list--thumb { color: $primary 60%; }
        &> .line-list--empty { color: $foreground 50%; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line-list--cursor",
        "line-list--mark",
        "line-list--track",
        "line-list--thumb",
        "line-list--empty",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "page down", show=False),
        Binding("home", "first", "first", show=False),
        Binding("end,G", "last", "last", show=False),
        Binding("enter", "open", "details", key_display="Enter"),
    ]

    class Moved(Message):
        """The cursor went to another line."""

    class Opened(Message):
        """Enter was pressed, or the line under the cursor was clicked."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, *, empty: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.empty = empty
        self.cursor = 0
        self.top = 0
        self._base: Style | None = None

    @property
    @abstractmethod
    def line_count(self) -> int:
        """How many lines there are."""

    def titles(self) -> str:
        """Write the line of titles, for the columns of `draw`."""
        return ""

    @abstractmethod
    def draw(self, place: int, width: int) -> list[Segment]:
        """Draw a line in so many cells."""

    @property
    def following(self) -> bool:
        """Whether new lines are seen at once."""
        return self.cursor == 0

    def lines_added(self, count: int) -> None:
        """Take note of lines that were put on top, and draw again."""
        if not self.following:
            self.cursor += count
            self.top += count
        self._settle()

    def lines_changed(self, cursor: int = 0) -> None:
        """Take note that all may be different, and put the cursor somewhere."""
        self.cursor = self.top = cursor
        self._settle()

    def move_to(self, place: int) -> None:
        """Put the cursor on a line and bring it into view."""
        before = self.cursor
        self.cursor = place
        self._settle()
        if self.cursor != before:
            self.post_message(self.Moved())

    def action_move(self, by: int) -> None:
        """Move the cursor by lines."""
        self.move_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by what is seen at once."""
        page = max(1, self.size.height - 1) * by
        self.top += page
        self.move_to(self.cursor + page)

    def action_first(self) -> None:
        """Go to the first line, and follow."""
        self.move_to(0)

    def action_last(self) -> None:
        """Go to the last line."""
        self.move_to(self.line_count - 1)

    def action_open(self) -> None:
        """Open the line under the cursor."""
        if self.line_count:
            self.post_message(self.Opened(self.cursor))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there; on a second click, open it."""
        place = self.top + event.y
        if place >= self.line_count:
            return
        if place == self.cursor:
            self.action_open()
        else:
            self.move_to(place)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Move down by a few lines."""
        event.stop()
        self.move_to(self.cursor + _WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Move up by a few lines."""
        event.stop()
        self.move_to(self.cursor - _WHEEL)

    def on_resize(self) -> None:
        """Keep the cursor in view."""
        self._settle()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """Take all the width there is."""
        return container.width

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw lines, which have one style that need be put together once."""
        self._base = self.rich_style
        try:
            return super().render_lines(crop)
        finally:
            self._base = None

    def render_line(self, y: int) -> Strip:
        """Draw what is at this line of the widget."""
        width, place = self.size.width, self.top + y
        base = self._base or self.rich_style
        if place >= self.line_count:
            return self._blank(y, width, base)
        marked = place == self.cursor
        drawn = self.draw(place, width - 4)
        mark = self.get_component_rich_style("line-list--mark")
        segments = [Segment("▌ " if marked else "  ", mark), *drawn, Segment(" ")]
        strip = Strip(segments).adjust_cell_length(width - 1).apply_style(base)
        if marked:
            cursor = self.get_component_rich_style("line-list--cursor", partial=True)
            strip = Strip(
                [
                    Segment(segment.text, (segment.style or Style.null()) + cursor)
                    for segment in strip
                ]
            )
        return Strip.join([strip, Strip([self._scrollbar(y)])])

    def _blank(self, y: int, width: int, base: Style) -> Strip:
        if y == 1 and not self.line_count and self.empty:
            style = self.get_component_rich_style("line-list--empty")
            return Strip([Segment(f"  {self.empty}", style)]).adjust_cell_length(width, base)
        return Strip.blank(width, base)

    def _scrollbar(self, y: int) -> Segment:
        height, count = self.size.height, self.line_count
        if count <= height:
            return Segment(" ", self.rich_style)
        thumb = max(1, height * height // count)
        start = round(self.top / (count - height) * (height - thumb))
        part = "thumb" if start <= y < start + thumb else "track"
        return Segment("▐", self.get_component_rich_style(f"line-list--{part}"))

    def _settle(self) -> None:
        """Bring cursor and view into their bounds, and draw."""
        height = max(1, self.size.height)
        self.cursor = max(0, min(self.cursor, self.line_count - 1))
        lowest = max(0, self.line_count - height)
        self.top = max(0, min(self.top, lowest))
        self.top = max(self.cursor - height + 1, min(self.top, self.cursor))
        self.refresh()
