"""The network links of this machine: a ceremony can want all of them down."""

from pathlib import Path
from typing import Final

LINKS: Final = Path("/sys/class/net")
_DOWN: Final = {"down", "notpresent", "lowerlayerdown", "dormant", "testing"}
_LOOPBACK: Final = "772"  # ARPHRD_LOOPBACK


def up(links: Path = LINKS) -> list[str]:
    """Name the links that carry something, or of which the kernel cannot tell that they do not.

    `unknown` is what tunnels and the like say of themselves (Linux, operstates.rst): they are up
    when the link below them is, and then it is named as well; alone, they count when switched on.
    """
    return sorted(link.name for link in links.iterdir() if _is_up(link))


def _is_up(link: Path) -> bool:
    if _read(link / "type") == _LOOPBACK:
        return False
    state = _read(link / "operstate")
    if state == "unknown":
        return _is_switched_on(link)
    return state not in _DOWN


def _is_switched_on(link: Path) -> bool:
    flags = _read(link / "flags")
    return not flags or bool(int(flags, 16) & 1)  # IFF_UP


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:  # such as a link that has just gone
        return "notpresent" if file.name == "operstate" else ""
