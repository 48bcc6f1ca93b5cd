"""The pages of a form, one of which is seen."""

from collections.abc import Sequence
from typing import ClassVar, Final

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

_BETWEEN: Final = " │ "


class PageBar(Widget, can_focus=True):
    """One line of titles, the one that is seen in brackets."""

    DEFAULT_CSS = """
    PageBar {
        height: 1;
        padding: 0 1;
        &> .page-bar--here { color: $primary; text-style: bold; }
        &> .page-bar--other { color: $foreground 60%; }
        &> .page-bar--wrong { color: $error; }
        &:focus { background: $panel; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "page-bar--here", "page-bar--other", "page-bar--wrong",
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "turn(1)", "page", key_display="←→"),
        Binding("left,h", "turn(-1)", "page", show=False),
    ]

    class Turned(Message):
        """Another page is to be seen."""

        def __init__(self, page: str) -> None:
            super().__init__()
            self.page = page

    def __init__(self, pages: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._pages = pages
        self._here = 0
        self._wrong: frozenset[str] = frozenset()

    @property
    def page(self) -> str:
        """The page that is seen."""
        return self._pages[self._here][0]

    def mark(self, wrong: Sequence[str]) -> None:
        """Show on which pages something is wrong."""
        self._wrong = frozenset(wrong)
        self.refresh()

    def turn_to(self, page: str) -> None:
        """See a page."""
        self._here = next((n for n, (name, _) in enumerate(self._pages) if name == page), 0)
        self.refresh()
        self.post_message(self.Turned(self.page))

    def action_turn(self, by: int) -> None:
        """See the next page."""
        self.turn_to(self._pages[(self._here + by) % len(self._pages)][0])

    def render(self) -> Text:
        """Draw the line."""
        line = Text(no_wrap=True, overflow="ellipsis")
        for number, (name, title) in enumerate(self._pages):
            if number:
                line.append(_BETWEEN, self._style("other"))
            here, wrong = number == self._here, name in self._wrong
            text = f"{'■ ' if wrong else ''}{title}"
            style = self._style("here" if here else "wrong" if wrong else "other")
            line.append(f"[{text}]" if here else text, style)
        return line

    def on_click(self, event: Click) -> None:
        """See what was clicked."""
        plain, start = self.render().plain, 1
        for (name, _), part in zip(self._pages, plain.split(_BETWEEN), strict=True):
            if start <= event.x < start + len(part):
                self.turn_to(name)
            start += len(part) + len(_BETWEEN)

    def _style(self, part: str) -> str:
        return str(self.get_component_rich_style(f"page-bar--{part}"))
