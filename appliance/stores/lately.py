"""Rows that were read or written lately, in memory: what a request made, the next one asks for."""

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
        """Give a value; None when it is not known here."""
        return self._young.get(key) or self._old.get(key)

    def add(self, key: bytes, value: bytes) -> None:
        """Remember what is on disk. Values are never empty."""
        if len(value) > _LARGEST:
            self._forget(key)
            return
        if len(self._young) >= _ROWS:
            self._old, self._young = self._young, {}
        self._young[key] = value

    def written(self, rows: Mapping[bytes, bytes | None]) -> None:
        """Note what a batch has changed; None: removed."""
        young = self._young
        for key, value in rows.items():
            if value is None or len(value) > _LARGEST:
                self._forget(key)
            else:
                young[key] = value
        if len(young) >= _ROWS:
            self._old, self._young = young, {}

    def _forget(self, key: bytes) -> None:
        self._young.pop(key, None)
        self._old.pop(key, None)
