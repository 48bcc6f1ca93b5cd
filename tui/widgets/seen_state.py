"""How much of the journal is seen, and what of the past is missing."""

from typing import ClassVar

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from tui.journal import Journal
from tui.wording import LOOK, count


class SeenState(Widget):
    """`312 shown of 1,902`, and what is missing."""

    DEFAULT_CSS = """
    SeenState {
        width: 1fr;
        height: 1;
        text-align: right;
        color: $foreground 60%;
        &> .seen-state--skipped { color: $warning; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"seen-state--skipped"}
    shown = reactive(0, layout=True)
    kept = reactive(0, layout=True)
    left_out = reactive(0, layout=True)
    skipped = reactive(0, layout=True)

    def show(self, journal: Journal) -> None:
        """Show the numbers of a journal."""
        self.shown, self.kept = len(journal.shown), journal.kept
        self.left_out, self.skipped = journal.left_out, journal.skipped

    def render(self) -> Text:
        """Draw as much as there is room for, the most important first from the right."""
        parts = [Text(f"{count(self.shown)} shown")]
        if self.shown != self.kept:
            parts[0].append(f" of {count(self.kept)}")
        if self.left_out:
            parts.append(Text(f"{count(self.left_out)} older not kept"))
        if self.skipped:
            style = self.get_component_rich_style("seen-state--skipped")
            parts.append(Text(f"{LOOK} {count(self.skipped)} skipped", style))
        line = Text("  ").join(reversed(parts))
        while len(parts) > 1 and line.cell_len > self.size.width:
            parts.pop(1)
            line = Text("  ").join(reversed(parts))
        return line
