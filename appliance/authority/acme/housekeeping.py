"""What ACME may forget: rows that nobody can use any more, by the times noted when they were made.

A year of daily renewals leaves as much behind as a week of them.
"""

from datetime import datetime
from typing import Final

import trio

from appliance.authority.acme import nonces, records
from appliance.ports.store import Delete, Operation, Store

_BATCH: Final = 500  # rows removed in one step


async def forget(store: Store, now: datetime) -> int:
    """Remove rows whose time has come, and give how many. Raises Broken."""
    removed = await nonces.forget(store, now)
    stop = records.seconds(now)
    while rows := await store.scan(records.EXPIRY, stop=stop, limit=_BATCH):
        operations: list[Operation] = []
        for key, value in rows:
            operations += (Delete(*each) for each in records.read_expiring(key, value))
            operations.append(Delete(records.EXPIRY, key))
        await store.commit(operations)
        removed += len(rows)
        await trio.lowlevel.checkpoint()
    return removed
