"""The store of a worker: that of the main process, which decides and writes for all."""

from collections.abc import Sequence
from typing import final

import trio

from appliance.model.errors import Broken
from appliance.ports.store import Operation
from appliance.server.workers.asking import Asking
from appliance.server.workers.messages import Commit, Get, Note, Scan


@final
class RemoteStore:
    """A Store (ports.store) at the other end of a link."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._closed = False

    @property
    def description(self) -> str:
        """Whose it is."""
        return "the main process's"

    async def get(self, bucket: str, key: bytes) -> bytes | None:
        """Give the value, or None."""
        value: bytes | None = await self._open().ask(lambda number: Get(number, bucket, key))
        return value

    async def commit(self, operations: Sequence[Operation]) -> None:
        """Do all of it or nothing, and return when it is on disk."""
        await self._open().ask(lambda number: Commit(number, operations), to_the_end=True)

    async def note(self, operations: Sequence[Operation]) -> None:
        """Do all of it or nothing, and need not wait for the disk."""
        await self._open().ask(lambda number: Note(number, operations), to_the_end=True)

    async def scan(
        self,
        bucket: str,
        *,
        start: bytes = b"",
        stop: bytes | None = None,
        reverse: bool = False,
        limit: int = 1000,
    ) -> list[tuple[bytes, bytes]]:
        """Give pairs in key order."""
        pairs: list[list[bytes]] = await self._open().ask(
            lambda number: Scan(number, bucket, start, stop, reverse, limit)
        )
        return [(key, value) for key, value in pairs]

    async def aclose(self) -> None:
        """Ask no more; the store itself is the main process's."""
        self._closed = True
        await trio.lowlevel.checkpoint()

    def _open(self) -> Asking:
        if self._closed:
            raise Broken("the store is closed")
        return self._asking
