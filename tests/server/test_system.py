"""What the process asks of the system that it runs on."""

import resource
from functools import lru_cache
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from appliance.ports.store import Put
from appliance.server import system
from appliance.server.system import allow_many_files, keep_small
from appliance.stores.lately import LatelySeen
from appliance.stores.leveldb import open_store


def test_the_soft_limit_of_files_becomes_the_hard_one() -> None:
    """A thousand connections and a database need more than 1024."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        allow_many_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_what_requests_left_in_memory_goes_within_minutes(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of functions whatever has many values; of the database rows that are not asked for again."""
    del autojump_clock
    monkeypatch.setattr(system, "settle_collector", lambda: None)
    many, few = lru_cache(maxsize=64)(str), lru_cache(maxsize=8)(str)
    rows, store = LatelySeen(), await open_store(tmp_path / "db")
    monkeypatch.setattr(store, "_lately", rows)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_small, store)
        await trio.sleep(2)
        await store.commit([Put("b", b"k", b"1")])
        assert (many(1), few(1), rows.get(b"b\0k")) == ("1", "1", b"1")
        await trio.sleep(130)
        assert (many.cache_info().currsize, few.cache_info().currsize) == (0, 1)
        assert rows.get(b"b\0k") is None
        assert await store.get("b", b"k") == b"1"
        nursery.cancel_scope.cancel()
    await store.aclose()
