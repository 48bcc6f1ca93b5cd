"""Provisioners, a line each."""

from collections.abc import Sequence
from typing import ClassVar, Final

from rich.segment import Segment

from appliance.model.provisioners import ProvisionerSummary
from tui.widgets.line_list import LineList
from tui.wording import ACT, GOOD, LOOK, count, fit, fit_right, printable

_STATE: Final = 10
_TYPE: Final = 7
_NAME: Final = 15
_LIFETIME: Final = 7
_ISSUED: Final = 7


class ProvisionerList(LineList):
    """Who may ask: whether each serves, of which type, for which names, and what it issued."""

    DEFAULT_CSS = """
    ProvisionerList {
        &> .provisioner-list--plain { color: $foreground 65%; }
        &> .provisioner-list--name { color: $foreground; }
        &> .provisioner-list--good { color: $success; }
        &> .provisioner-list--look { color: $warning; }
        &> .provisioner-list--act { color: $error; }
        &> .provisioner-list--quiet { color: $foreground 50%; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"provisioner-list--{part}" for part in ("plain", "name", "good", "look", "act", "quiet")
    }

    def __init__(self) -> None:
        super().__init__(empty="Asking …")
        self.provisioners: Sequence[ProvisionerSummary] = ()

    @property
    def line_count(self) -> int:
        """How many there are."""
        return len(self.provisioners)

    @property
    def current(self) -> ProvisionerSummary | None:
        """The one under the cursor."""
        return self.provisioners[self.cursor] if self.provisioners else None

    def draw(self, place: int, width: int) -> list[Segment]:
        """Draw one."""
        each = self.provisioners[place]
        state, part = state_of(each)
        cells = [
            (part, fit(state, _STATE)),
            ("plain", fit(printable(each.type), _TYPE)),
            ("name", fit(printable(each.name), _NAME)),
        ]
        rest = width - _STATE - _TYPE - _NAME - _LIFETIME - _ISSUED - 12
        if rest > 0:
            cells.append(("plain", fit(printable(each.names), rest)))
        cells.append(("plain", fit_right(each.lifetime, _LIFETIME)))
        cells.append(("plain", fit_right(count(each.issued), _ISSUED)))
        return [
            Segment(f"{text}  ", self.get_component_rich_style(f"provisioner-list--{style}"))
            for style, text in cells
        ]

    def titles(self) -> str:
        """Write the line of titles, for the columns of `draw`."""
        rest = self.size.width - 4 - _STATE - _TYPE - _NAME - _LIFETIME - _ISSUED - 12
        line = f"{fit('state', _STATE)}  {fit('type', _TYPE)}  {fit('name', _NAME)}  "
        line += f"{fit('may certify', rest)}  " if rest > 0 else ""
        return f"{line}{fit_right('usually', _LIFETIME)}  {fit_right('issued', _ISSUED)}"


def state_of(each: ProvisionerSummary) -> tuple[str, str]:
    """Say in a shape and a word whether it serves, and how that looks."""
    if each.disabled:
        return "○ off", "quiet"
    if not each.state:
        return f"{GOOD} on", "good"
    if each.state.startswith("this version"):
        return f"{LOOK} listed", "look"
    if each.state.startswith("not in force"):
        return f"{LOOK} reload", "look"
    return f"{ACT} broken", "act"
