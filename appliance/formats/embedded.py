"""What the readers of step-ca's embedded databases give: rows, and what they could not read."""

from dataclasses import dataclass
from typing import TypeAlias

Octets: TypeAlias = bytes | memoryview


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row as it was written last."""

    table: str
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Something that is there and could not be read. `table` and `key` are empty: not known."""

    table: str = ""
    key: bytes = b""
    reason: str
