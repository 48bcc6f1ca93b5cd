"""Which Hearth this is; pyproject.toml says the same."""

from typing import Final

VERSION: Final = "0.1.0"
RELEASED: Final = "2026-11-21"
