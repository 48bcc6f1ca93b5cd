"""What was found about answers: a shape, and a sentence that says what to do."""

from collections.abc import Iterable
from typing import ClassVar, Final, final

from rich.style import Style
from rich.text import Text
from textual.widgets import Static

from appliance.model.founding import Check, Mark
from tui.wording import ACT, GOOD, LOOK, printable

_SHAPES: Final = {Mark.GOOD: GOOD, Mark.LOOK: LOOK, Mark.ACT: ACT}


@final
class Findings(Static):
    """A line or more for each finding."""

    DEFAULT_CSS = """
    Findings {
        height: auto;
        &> .findings--good { color: $success; }
        &> .findings--look { color: $warning; }
        &> .findings--act { color: $error; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"findings--{mark}" for mark in Mark}

    def show(self, checks: Iterable[Check]) -> None:
        """Show these, and no others."""
        lines = [
            Text.assemble((f"{_SHAPES[check.mark]} ", self._style(check)), printable(check.text))
            for check in checks
        ]
        self.update(Text("\n").join(lines))
        self.display = bool(lines)

    def _style(self, check: Check) -> Style:
        return self.get_component_rich_style(f"findings--{check.mark}")
