"""Chance."""

from typing import Protocol


class Chance(Protocol):
    """Where randomness comes from."""

    def octets(self, count: int) -> bytes:
        """Give so many octets from a cryptographic source."""
        ...
