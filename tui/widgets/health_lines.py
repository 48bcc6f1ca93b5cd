"""The parts of the box and how they are."""

from collections.abc import Sequence
from typing import ClassVar, Final

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from tui.health import Health

_NAME: Final = 11
_SHORT: Final = 4  # the last parts, two of which share a line
_WIDE: Final = 60


class HealthLines(Widget):
    """The first parts a line each, the last ones two to a line."""

    DEFAULT_CSS = """
    HealthLines {
        height: 5;
        padding: 0 1 0 3;
        &> .health-lines--name { color: $foreground 60%; }
        &> .health-lines--plain { color: $foreground; }
        &> .health-lines--quiet { color: $foreground 60%; }
        &> .health-lines--good { color: $success; }
        &> .health-lines--look { color: $warning; }
        &> .health-lines--act { color: $error; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"health-lines--{part}" for part in ("name", "plain", "quiet", "good", "look", "act")
    }

    def __init__(self) -> None:
        super().__init__()
        self._parts: Sequence[Health] = ()

    def show(self, parts: Sequence[Health]) -> None:
        """Show other states."""
        if parts != self._parts:
            self._parts = parts
            self.refresh()

    def render(self) -> Text:
        """Draw the lines; where two would not fit beside each other, the first comes alone."""
        width = self.size.width
        lines = [self._part(each, width) for each in self._parts[:-_SHORT]]
        short = self._parts[-_SHORT:]
        for left, right in zip(short[::2], short[1::2], strict=True):
            if width < _WIDE:
                lines.append(self._part(max(left, right, key=_weight), width))
                continue
            line = self._part(left, width // 2 - 1)
            line.append(" " * (width // 2 - line.cell_len))
            lines.append(line + self._part(right, width - width // 2))
        return Text("\n").join(lines)

    def _part(self, health: Health, width: int) -> Text:
        line = Text(no_wrap=True)
        line.append(f"{health.name:{_NAME}}", self._style("name"))
        line.append(health.state[:1], self._style(health.part))
        line.append(health.state[1:], self._style("quiet" if health.part == "quiet" else "plain"))
        line.truncate(max(0, width), overflow="ellipsis")
        return line

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"health-lines--{part}")


def _weight(health: Health) -> int:
    return ("quiet", "good", "look", "act").index(health.part)
