"""The store's contract, driver by driver."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.ports.store import Store
from appliance.server.workers.store import RemoteStore
from appliance.stores.leveldb import LevelDbStore, open_store
from appliance.stores.memory import MemoryStore
from tests.contracts.store import DurableContract, Reopen, StoreContract
from tests.support.workers import joined


class TestMemory(StoreContract):
    @pytest.fixture
    async def store(self) -> AsyncIterator[Store]:
        store = MemoryStore()
        yield store
        await store.aclose()


class TestOfAWorker(StoreContract):
    """The main process's, at the other end of a link."""

    @pytest.fixture
    async def store(self) -> AsyncIterator[Store]:
        async with joined() as joint:
            yield RemoteStore(joint.asking)


class TestLevelDb(DurableContract):
    @pytest.fixture
    async def opened(self, tmp_path: Path) -> AsyncIterator[list[LevelDbStore]]:
        stores = [await open_store(tmp_path / "db")]
        yield stores
        await stores[-1].aclose()

    @pytest.fixture
    async def store(self, opened: list[LevelDbStore]) -> Store:
        return opened[-1]

    @pytest.fixture
    async def reopen(self, opened: list[LevelDbStore], tmp_path: Path) -> Reopen:
        async def reopen() -> Store:
            await opened[-1].aclose()
            opened.append(await open_store(tmp_path / "db", create=False))
            return opened[-1]

        return reopen
