"""What an embedded database writes at once."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from appliance.ports.store import Told
from appliance.stores.opening import Database

Rows: TypeAlias = dict[bytes, bytes | None]
"""By whole key; None: removed."""

WriteBatch: TypeAlias = Any  # plyvel has no types


@dataclass(slots=True)
class Batch:
    """Transactions that reach the disk with one sync; of a row the last one's value alone."""

    rows: Rows = field(default_factory=dict)
    waiting: list[Told] = field(default_factory=list)
    began: float = 0.0  # when its write did

    def write_to(self, database: Database) -> WriteBatch:
        """Give what writes it, and waits for the disk."""
        write = database.write_batch(sync=True)
        put = write.put
        for key, value in self.rows.items():
            if value is None:
                write.delete(key)
            else:
                put(key, value)
        return write
