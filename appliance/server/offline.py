"""A CA's authority without its server: opened for one command, from ca.json, database and keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final

from appliance.authority import reindexing
from appliance.config.settings import LevelDbSettings, Settings
from appliance.model.events import Event
from appliance.model.secret import Password
from appliance.ports.store import Store
from appliance.server.assembly import assemble, lay_foundation
from appliance.server.orders import DirectIssuance
from appliance.server.system import SystemChance, SystemClock
from appliance.stores.leveldb import open_store
from appliance.stores.memory import MemoryStore

_TOKEN_LIFE: Final = timedelta(minutes=5)


class NoEvents:
    """Takes events and forgets them: there is nobody to tell."""

    def record(self, event: Event) -> None:
        """Forget it."""


@asynccontextmanager
async def offline_issuance(
    settings: Settings, password: Password | None
) -> AsyncIterator[DirectIssuance]:
    """Open database and keys until the block ends; everything is recorded as the server does.

    Lists and answers about revocations are made anew by the server when it starts; identity
    providers are asked when a token is theirs. Raises StoreLocked when a server has the database
    open, ConfigError, Broken.
    """
    clock, chance = SystemClock(), SystemChance()
    store = await _opened(settings)
    try:
        foundation = lay_foundation(
            store, clock=clock, chance=chance, events=NoEvents(), password=password
        )
        # The command's own token is a little older than this.
        foundation = replace(foundation, started_at=foundation.started_at - _TOKEN_LIFE)
        assembly = assemble(settings, foundation, lambda line: None)
        yield DirectIssuance(current=lambda: assembly, foundation=foundation, client="command line")
    finally:
        await store.aclose()


async def _opened(settings: Settings) -> Store:
    if not isinstance(settings.database, LevelDbSettings):
        return MemoryStore()
    store = await open_store(settings.database.directory)
    await reindexing.complete(store)
    return store
