"""Rows that were read or written lately, in memory: what a request made, the next one asks for.

That there is no row is remembered, too, as an empty value: what is used once is looked for twice.
"""

from collections.abc import Mapping
from typing import Final, final

_ROWS: Final = 2000  # of each generation
_LARGEST: Final = 4096  # octets of a value


@final
class LatelySeen:
    """Two generations of rows; when the young one is full, it becomes the old one."""

    def __init__(self) -> None:
        self._young: dict[bytes, bytes] = {}
        self._old: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        """Give a value, empty where there is no row; None when that is not known here."""
        value = self._young.get(key)
        return self._old.get(key) if value is None else value

    def add(self, key: bytes, value: bytes) -> None:
        """Remember what is on disk; empty: nothing."""
        if len(value) > _LARGEST:
            self._forget(key)
            return
        if len(self._young) >= _ROWS:
            self.age()
        self._young[key] = value

    def written(self, rows: Mapping[bytes, bytes | None]) -> None:
        """Note what a batch has changed; None: removed."""
        young = self._young
        for key, value in rows.items():
            if value is None:
                young[key] = b""
            elif len(value) > _LARGEST:
                self._forget(key)
            else:
                young[key] = value
        if len(young) >= _ROWS:
            self.age()

    def age(self) -> None:
        """Make the young generation the old one, and forget what that was."""
        self._old, self._young = self._young, {}

    def _forget(self, key: bytes) -> None:
        self._young.pop(key, None)
        self._old.pop(key, None)
