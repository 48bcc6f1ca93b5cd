"""Snapshots of a database in use: the rows of one moment, few at a time, and none for ever."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trio.testing

from appliance.formats import backup_archive
from appliance.formats.backup_archive import Row
from appliance.model.errors import Broken, NotFound, NotSupported, Unavailable
from appliance.operator.interface import Snapshots
from appliance.ports.store import Delete, Put
from appliance.server.backup.snapshots import ServedSnapshots
from appliance.stores.leveldb import LevelDbStore, open_store
from appliance.stores.memory import MemoryStore


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LevelDbStore]:
    store = await open_store(tmp_path / "db")
    await store.commit([Put("b", b"%05d" % number, bytes(1500)) for number in range(2000)])
    yield store
    await store.aclose()


async def rest(snapshots: Snapshots, number: int) -> list[Row]:
    found: list[Row] = []
    while packed := await snapshots.read_snapshot(number):
        found += backup_archive.unpack(packed)
    return found


async def test_rows_are_those_of_one_moment_whatever_is_written_meanwhile(
    store: LevelDbStore,
) -> None:
    snapshots = ServedSnapshots(store)
    number = await snapshots.open_snapshot()
    first = backup_archive.unpack(await snapshots.read_snapshot(number))
    assert 0 < len(first) < 2000  # in several parts
    await store.commit([
        Put("b", b"01999", b"changed"), Delete("b", b"01998"), Put("b", b"9", b"new"),
        Put("a", b"0", b"new"),
    ])  # fmt: skip
    found = [*first, *await rest(snapshots, number)]
    assert [(key, len(value)) for _, key, value in found] == [
        (b"%05d" % number, 1500) for number in range(2000)
    ]
    assert await snapshots.read_snapshot(number) == b""
    await snapshots.close_snapshot(number)
    await snapshots.close_snapshot(number)
    with pytest.raises(NotFound):
        await snapshots.read_snapshot(number)


async def test_those_that_nobody_reads_any_more_give_way(
    store: LevelDbStore, autojump_clock: trio.testing.MockClock
) -> None:
    told: list[int] = []
    snapshots = ServedSnapshots(store, lambda: told.append(1))
    first, second = await snapshots.open_snapshot(), await snapshots.open_snapshot()
    with pytest.raises(Unavailable, match="other backups are being made"):
        await snapshots.open_snapshot()
    await trio.sleep(50)
    await snapshots.read_snapshot(second)
    await trio.sleep(11)
    third = await snapshots.open_snapshot()
    with pytest.raises(NotFound):
        await snapshots.read_snapshot(first)
    assert len(await rest(snapshots, third)) == 2000
    assert len(told) == 3
    for number in (second, third):
        await snapshots.close_snapshot(number)


async def test_a_database_that_is_closed_meanwhile_ends_it_with_an_error(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "other")
    await store.commit([Put("b", b"k", b"v")])
    snapshot = store.snapshot()
    await store.aclose()
    with pytest.raises(Broken):
        await snapshot.read()
    await snapshot.aclose()


async def test_without_a_database_there_is_none() -> None:
    with pytest.raises(NotSupported, match="no database to back up"):
        await ServedSnapshots(MemoryStore()).open_snapshot()
