"""One of a few words, changed by space or the arrows, and never told by colour alone."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from textual.widget import Widget


class Cycle(Widget, can_focus=True):
    """The word that is chosen, between its neighbours."""

    DEFAULT_CSS = """
    Cycle {
        height: 1;
        width: 1fr;
        &> .cycle--chosen { color: $foreground; text-style: bold; }
        &> .cycle--other { color: $foreground 55%; }
        &:focus { background: $panel; }
        &:focus > .cycle--chosen { color: $primary; text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"cycle--chosen", "cycle--other"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,right", "next(1)", "other", show=False),
        Binding("left", "next(-1)", "other", show=False),
    ]

    class Changed(Message):
        """Another word was chosen."""

        def __init__(self, cycle: "Cycle") -> None:
            super().__init__()
            self.cycle = cycle

        @property
        def control(self) -> "Cycle":
            """Whose."""
            return self.cycle

    def __init__(
        self,
        words: Sequence[tuple[str, str]],
        value: str,
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._words = words
        self._place = next((n for n, (each, _) in enumerate(words) if each == value), 0)

    @property
    def value(self) -> str:
        """What is chosen."""
        return self._words[self._place][0]

    @value.setter
    def value(self, value: str) -> None:
        self._place = next((n for n, (each, _) in enumerate(self._words) if each == value), 0)
        self.refresh()

    def render(self) -> Text:
        """Draw all words, the chosen one marked."""
        line = Text(no_wrap=True, overflow="ellipsis")
        for number, (_, word) in enumerate(self._words):
            chosen = number == self._place
            style = self.get_component_rich_style(f"cycle--{'chosen' if chosen else 'other'}")
            line.append(f"({'●' if chosen else ' '}) {word}  ", style)
        return line

    def action_next(self, by: int) -> None:
        """Choose the next one."""
        self._place = (self._place + by) % len(self._words)
        self.refresh()
        self.post_message(self.Changed(self))

    def on_click(self, event: Click) -> None:
        """Choose what was clicked."""
        start = 0
        for number, (_, word) in enumerate(self._words):
            end = start + len(word) + 6
            if start <= event.x < end:
                self.action_next(number - self._place)
            start = end
