"""Where backups are kept: a directory, another machine, a bucket."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A file in a place. `size` is in octets."""

    name: str
    size: int


class Place(Protocol):
    """Keeps files under names of letters, digits, dots and dashes, each whole or not at all."""

    @property
    def description(self) -> str:
        """Give where it is, for people, without secrets."""
        ...

    @property
    def workshop(self) -> Path | None:
        """Give the directory in which a file for this place is best made; None: any."""
        ...

    async def put(self, file: Path, name: str) -> None:
        """Keep a file under a name that is free; it may be moved.

        Raises Unavailable when the place is not there, full or does not take it, Forbidden.
        """
        ...

    async def get(self, name: str, file: Path) -> None:
        """Fetch a file into one that is new. Raises NotFound, Unavailable."""
        ...

    async def names(self) -> Sequence[Kept]:
        """Give what is kept there, in the order of names. Raises Unavailable."""
        ...

    async def remove(self, name: str) -> None:
        """Remove a file. Raises Unavailable."""
        ...
