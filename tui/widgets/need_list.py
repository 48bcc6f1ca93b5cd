"""What is not well, a line each."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment

from tui.health import Need
from tui.widgets.line_list import LineList
from tui.wording import GOOD, fit

_TITLE = 26


class NeedList(LineList):
    """Needs, the worst first."""

    DEFAULT_CSS = """
    NeedList {
        &> .need-list--look { color: $warning; }
        &> .need-list--act { color: $error; }
        &> .need-list--plain { color: $foreground 80%; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"need-list--{part}" for part in ("look", "act", "plain")
    }

    def __init__(self) -> None:
        super().__init__(empty="Asking …", id="needs")
        self.needs: Sequence[Need] = ()

    def show(self, needs: Sequence[Need]) -> None:
        """Show other needs, with the cursor on the same one if it is still there."""
        current = self.needs[self.cursor].name if self.needs else ""
        if (self.empty, self.needs) == (NOTHING, needs):
            return
        self.needs, self.empty = needs, NOTHING
        self.lines_changed(next((at for at, each in enumerate(needs) if each.name == current), 0))

    @property
    def line_count(self) -> int:
        """How many there are."""
        return len(self.needs)

    def draw(self, place: int, width: int) -> list[Segment]:
        """Draw one."""
        need = self.needs[place]
        title = min(max(_TITLE, width // 3), width // 2)
        shape = self.get_component_rich_style(f"need-list--{need.part}")
        plain = self.get_component_rich_style("need-list--plain")
        return [
            Segment(f"{need.shape} {fit(need.title, title - 2)}  ", shape),
            Segment(fit(need.text, max(0, width - title - 2)), plain),
        ]


NOTHING = f"{GOOD} Nothing. All is well."
