"""What was done since the start, in numbers, and how busy the last minute was."""

from typing import ClassVar, Final

from rich.text import Text
from textual.widget import Widget

from appliance.model.events import EventKind
from appliance.model.overview import Overview
from tui.pulse import Pulse
from tui.widgets.ends import ends
from tui.wording import SHAPES, count

_MINUTE: Final = 60
# What is drawn of the last minute, the first that there is room for: words, then bars.
_FORMS: Final = (("last minute ", 20), ("last minute ", 10), ("", 20), ("", 10), ("", 0))


class Tally(Widget):
    """One line: a number for each kind of event, and bars."""

    DEFAULT_CSS = """
    Tally {
        height: 1;
        padding: 0 1 0 3;
        &> .tally--number { color: $foreground; text-style: bold; }
        &> .tally--quiet { color: $foreground 60%; }
        &> .tally--bars { color: $primary; }
        &> .tally--issued { color: $success; }
        &> .tally--renewed { color: $accent; }
        &> .tally--revoked { color: $warning; }
        &> .tally--refused { color: $error; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "tally--number",
        "tally--quiet",
        "tally--bars",
        "tally--issued",
        "tally--renewed",
        "tally--revoked",
        "tally--refused",
    }

    def __init__(self, pulse: Pulse) -> None:
        super().__init__()
        self._pulse = pulse
        self._overview: Overview | None = None

    def show(self, overview: Overview) -> None:
        """Show other numbers."""
        if overview != self._overview:
            self._overview = overview
            self.refresh()

    def render(self) -> Text:
        """Draw the line."""
        if self._overview is None:
            return Text("")
        counts = (
            (EventKind.ISSUED, self._overview.issued),
            (EventKind.RENEWED, self._overview.renewed),
            (EventKind.REVOKED, self._overview.revoked),
            (EventKind.REFUSED, self._overview.refused),
        )
        numbers = Text("  ").join(self._number(kind, number) for kind, number in counts)
        width = self.size.width
        room = width - numbers.cell_len - 2
        words, columns = next(form for form in _FORMS if len(form[0]) + form[1] <= max(0, room))
        if not columns:
            return ends(numbers, Text(""), width)
        bars = self._pulse.bars(self._overview.now, columns, _MINUTE // columns)
        return ends(numbers, self._styled(words, "quiet") + self._styled(bars, "bars"), width)

    def _number(self, kind: EventKind, number: int) -> Text:
        shape = self._styled(f"{SHAPES[kind]} ", str(kind) if number else "quiet")
        return shape + self._styled(count(number), "number") + self._styled(f" {kind}", "quiet")

    def _styled(self, text: str, part: str) -> Text:
        return Text(text, self.get_component_rich_style(f"tally--{part}"))
