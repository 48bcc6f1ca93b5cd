"""Where a backup takes its rows from: the running CA, or the database of a stopped one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import trio

from appliance.cli.appliance_source import with_appliance
from appliance.config.settings import LevelDbSettings, Settings
from appliance.model.errors import HearthError
from appliance.operator.interface import Snapshots
from appliance.server.backup.snapshots import ServedSnapshots

T = TypeVar("T")
ReadRows = Callable[[], Awaitable[bytes]]


def with_rows(settings: Settings, use: Callable[[ReadRows], Awaitable[T]]) -> T:
    """Give what reads packed rows of one moment; a CA without a database has none.

    Raises as `with_appliance` does.
    """
    if not isinstance(settings.database, LevelDbSettings):
        return trio.run(use, _nothing)

    async def read(snapshots: Snapshots) -> T:
        async with _snapshot(snapshots) as rows:
            return await use(rows)

    return with_appliance(settings.file, lambda store, _: ServedSnapshots(store), read)


@asynccontextmanager
async def _snapshot(snapshots: Snapshots) -> AsyncIterator[ReadRows]:
    number = await snapshots.open_snapshot()

    async def read() -> bytes:
        return await snapshots.read_snapshot(number)

    try:
        yield read
    finally:
        # Where the server is gone, so is the snapshot.
        with trio.move_on_after(5, shield=True), suppress(HearthError):
            await snapshots.close_snapshot(number)


async def _nothing() -> bytes:
    await trio.lowlevel.checkpoint()
    return b""
