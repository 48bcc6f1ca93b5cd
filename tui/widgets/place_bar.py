"""The bar of numbered screens."""

from typing import ClassVar, Final

from rich.text import Text
from textual.events import Click
from textual.widget import Widget

PLACES: Final = (
    (1, "Overview"),
    (2, "Live"),
    (3, "Certificates"),
    (4, "Provisioners"),
    (5, "Keys"),
    (6, "More"),
)
_GAP: Final = 2


class PlaceBar(Widget):
    """One line: the screens by their numbers, the one that is seen in brackets."""

    DEFAULT_CSS = """
    PlaceBar {
        height: 1;
        padding: 0 1;
        &> .place-bar--here { color: $primary; text-style: bold; }
        &> .place-bar--other { color: $foreground 60%; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"place-bar--here", "place-bar--other"}

    def __init__(self, here: str) -> None:
        super().__init__()
        self._here = here

    def render(self) -> Text:
        """Draw the line."""
        line = Text(no_wrap=True, overflow="ellipsis")
        for number, name in PLACES:
            here = name == self._here
            part = self.get_component_rich_style(f"place-bar--{'here' if here else 'other'}")
            line.append(f"[{number} {name}]" if here else f" {number} {name} ", part)
            line.append(" " * _GAP)
        return line

    def on_click(self, event: Click) -> None:
        """Go where it was clicked."""
        start = 1
        for number, name in PLACES:
            width = len(f" {number} {name} ")
            if start <= event.x < start + width:
                self.app.call_later(self.app.run_action, f"go('{name.lower()}')")
            start += width + _GAP
