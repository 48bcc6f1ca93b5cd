"""What a terminal can show, by its environment: colours, and whether there is a mouse.

Every console draws in true colours; what a terminal has fewer of is exchanged line by line before
it is drawn (`tui.colours`), so that consoles on different terminals can live in one process.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tui.attached_driver import Attachment

# What of the environment tells of a terminal, and goes with it to where its console is drawn.
TOLD: Final = ("TERM", "COLORTERM", "NO_COLOR", "TERM_PROGRAM")
_MONOCHROME: Final = ("vt", "ansi-m", "hp", "wy", "tvi", "h19")
_NO_MOUSE: Final = (*_MONOCHROME, "linux", "ansi", "cons25", "sun")


class Depth(enum.Enum):
    """How many colours a terminal has."""

    TRUE = "true colours"
    MANY = "256 colours"
    FEW = "16 colours"
    NONE = "no colours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """What can be asked of one. `plain`: nothing of xterm's should be sent to it."""

    depth: Depth = Depth.TRUE
    mouse: bool = True
    plain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where a person sits: at this process's own terminal, or at one that is attached."""

    terminal: Terminal = Terminal()
    attachment: "Attachment | None" = None


USUAL_SEAT: Final = Seat()


def terminal_of(environment: Mapping[str, str]) -> Terminal:
    """Tell what the terminal with this environment can show (no-color.org, terminfo's names)."""
    name = environment.get("TERM", "").lower()
    plain = name.startswith(_NO_MOUSE)
    return Terminal(depth=_depth(name, environment), mouse=not plain, plain=plain)


def _depth(name: str, environment: Mapping[str, str]) -> Depth:
    if environment.get("NO_COLOR") or name.startswith(_MONOCHROME) or name.endswith("-m"):
        return Depth.NONE
    if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return Depth.TRUE
    if name.endswith("-direct") or "kitty" in name:
        return Depth.TRUE
    return Depth.MANY if "256" in name else Depth.FEW
