"""Whether the live view follows, holds a row, or is paused."""

from typing import ClassVar

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from tui.journal import Journal
from tui.wording import GOOD, count


class FollowState(Widget):
    """`● following`, `○ 12 newer above`, `‖ paused, 12 waiting`."""

    DEFAULT_CSS = """
    FollowState {
        width: auto;
        height: 1;
        &> .follow-state--following { color: $success; }
        &> .follow-state--held { color: $accent; }
        &> .follow-state--paused { color: $warning; text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "follow-state--following",
        "follow-state--held",
        "follow-state--paused",
    }
    text = reactive("", layout=True)
    part = reactive("following")

    def show(self, journal: Journal, *, above: int) -> None:
        """Show where the view stands; `above` is how many rows are newer than the cursor's."""
        if journal.paused:
            waiting = f", {count(journal.waiting)} waiting" if journal.waiting else ""
            self.part, self.text = "paused", f"‖ paused{waiting}"
        elif above:
            self.part, self.text = "held", f"○ {count(above)} newer above"
        else:
            self.part, self.text = "following", f"{GOOD} following"

    def render(self) -> Text:
        """Draw it."""
        style = self.get_component_rich_style(f"follow-state--{self.part}")
        return Text(self.text, style)
