"""Snapshots of the running database, for who asks over the control socket."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Final, final

import trio

from appliance.formats import backup_archive
from appliance.model.errors import NotFound, NotSupported, Unavailable
from appliance.ports.store import Snapshot, SnapshotStore, Store

_MOST: Final = 2  # at a time
_IDLE: Final = 60.0  # seconds after which one gives way


@dataclass(slots=True)
class _Held:
    snapshot: Snapshot
    used_at: float


@final
class ServedSnapshots:
    """Snapshots (operator.interface); `taken` is told of each."""

    def __init__(self, store: Store, taken: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._taken = taken
        self._held: dict[int, _Held] = {}
        self._numbers = count(1)

    async def open_snapshot(self) -> int:
        """Take a snapshot; those that nobody reads any more are let go."""
        if not isinstance(self._store, SnapshotStore):
            raise NotSupported("there is no database to back up")
        now = trio.current_time()
        for number, held in list(self._held.items()):
            if now - held.used_at > _IDLE:
                await self.close_snapshot(number)
        if len(self._held) >= _MOST:
            raise Unavailable("other backups are being made: try again when they are done")
        number = next(self._numbers)
        self._held[number] = _Held(self._store.snapshot(), now)
        self._taken()
        return number

    async def read_snapshot(self, number: int) -> bytes:
        """Give its next rows, packed, or nothing at the end."""
        held = self._held.get(number)
        if held is None:
            raise NotFound(f"there is no snapshot {number} (any more)")
        held.used_at = trio.current_time()
        return await packed(held.snapshot)

    async def close_snapshot(self, number: int) -> None:
        """Let go of it."""
        if (held := self._held.pop(number, None)) is not None:
            await held.snapshot.aclose()


async def packed(snapshot: Snapshot) -> bytes:
    """Give the next rows of a snapshot, packed, or nothing at the end."""
    rows = await snapshot.read()
    if not rows:
        return b""
    return await trio.to_thread.run_sync(backup_archive.pack, rows)
