"""What was issued and refused in the last 24 hours, and when."""

from typing import ClassVar, Final

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from appliance.model.activity import Activity
from tui.pulse import bars_of
from tui.widgets.ends import ends
from tui.wording import count

_WORDS: Final = " 24 h"


class Hours(Widget):
    """One line: totals, and a bar for each hour, the newest at the right."""

    DEFAULT_CSS = """
    Hours {
        height: 1;
        padding: 0 1 0 3;
        &> .hours--number { color: $foreground; text-style: bold; }
        &> .hours--quiet { color: $foreground 60%; }
        &> .hours--bars { color: $primary; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"hours--number", "hours--quiet", "hours--bars"}

    def __init__(self) -> None:
        super().__init__()
        self._activity: Activity | None = None

    def show(self, activity: Activity) -> None:
        """Show other numbers."""
        if activity != self._activity:
            self._activity = activity
            self.refresh()

    def render(self) -> Text:
        """Draw the line; bars only where there is room for all."""
        if self._activity is None:
            return Text("")
        hours = self._activity.hours
        totals = (
            ("issued", sum(each.issued for each in hours)),
            ("revoked", sum(each.revoked for each in hours)),
            ("refused", sum(each.refused for each in hours)),
        )
        line = Text("  ").join(
            Text(count(total), self._style("number")) + Text(f" {what}", self._style("quiet"))
            for what, total in totals
        )
        width = self.size.width
        bars = bars_of([each.issued for each in hours])
        if line.cell_len + len(bars) + len(_WORDS) + 2 > width:
            return ends(line, Text(_WORDS, self._style("quiet")), width)
        drawn = Text(bars, self._style("bars")) + Text(_WORDS, self._style("quiet"))
        return ends(line, drawn, width)

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"hours--{part}")
