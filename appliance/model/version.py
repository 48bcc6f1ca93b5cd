"""Which Hearth this is; pyproject.toml says the same."""

import platform
import sys
from typing import Final

VERSION: Final = "0.1.0"
RELEASED: Final = "2026-11-21"
_MACHINES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


def program() -> str:
    """Name this program as step does: `Hearth/0.1.0 (linux/amd64)`. Also its User-Agent."""
    machine = platform.machine()
    return f"Hearth/{VERSION} ({sys.platform}/{_MACHINES.get(machine, machine)})"
