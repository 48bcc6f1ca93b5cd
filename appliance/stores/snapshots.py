"""All rows of an embedded database as they are at one moment, read while it goes on."""

from collections.abc import Callable
from typing import Any, Final, final

import plyvel
import trio

from appliance.model.errors import Broken
from appliance.ports.store import SnapshotRow

_OCTETS: Final = 1 << 20  # of rows, some more than which are read in one step


@final
class LevelDbSnapshot:
    """A Snapshot (ports.store). `reading` lets a read begin, and is given what to call after it."""

    def __init__(
        self, database: Any, directory: str, reading: Callable[[], Callable[[], None]]
    ) -> None:
        self._snapshot = database.snapshot()
        self._pairs = self._snapshot.iterator(verify_checksums=True, fill_cache=False)
        self._directory = directory
        self._reading = reading
        self._turn = trio.Lock()
        self._closed = False

    async def read(self) -> list[SnapshotRow]:
        """Give the next rows, none at the end."""
        async with self._turn:
            if self._closed:
                raise Broken(f"the snapshot of the database {self._directory} is closed")
            finished = self._reading()
            try:
                return await trio.to_thread.run_sync(self._next)
            finally:
                finished()

    async def aclose(self) -> None:
        """Let go of what the snapshot holds."""
        with trio.CancelScope(shield=True):
            async with self._turn:
                if not self._closed:
                    self._closed = True
                    self._pairs.close()
                    self._snapshot.close()

    def _next(self) -> list[SnapshotRow]:
        rows: list[SnapshotRow] = []
        size = 0
        try:
            for whole, value in self._pairs:
                bucket, _, key = whole.partition(b"\0")
                rows.append((bucket.decode(), key, value))
                size += len(whole) + len(value)
                if size >= _OCTETS:
                    break
        except (plyvel.Error, RuntimeError, UnicodeDecodeError) as error:
            raise Broken(
                f"the database {self._directory} cannot be read", detail=str(error)
            ) from error
        return rows
