"""What an embedded database writes at once."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from appliance.ports.store import Told

Rows: TypeAlias = dict[bytes, bytes | None]
"""By whole key; None: removed."""

WriteBatch: TypeAlias = Any  # plyvel has no types


@dataclass(slots=True)
class Batch:
    """Transactions that reach the disk with one sync."""

    write: WriteBatch
    rows: Rows = field(default_factory=dict)
    waiting: list[Told] = field(default_factory=list)
    began: float = 0.0  # when its write did
