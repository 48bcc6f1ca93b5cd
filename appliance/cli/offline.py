"""`--offline`: the CA whose files are here is asked without its address, running or not.

Where no server runs, its authority is opened for the one command, from ca.json, database and keys.
A server that runs has the database for itself: then it is asked over its control socket, and does
the same.
"""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import trio

from appliance.cli.ca_json import ca_json
from appliance.cli.ownership import owned_store
from appliance.cli.prompts import read_password
from appliance.cli.reach import Ca, Reach
from appliance.client.identity import Identity
from appliance.config import loading
from appliance.config.settings import LevelDbSettings, Settings
from appliance.model.errors import Unavailable
from appliance.model.orders import RevokeOrder, SignOrder
from appliance.model.secret import Password
from appliance.operator.interface import Issuance
from appliance.operator.remote import NotListening, connected
from appliance.server import passwords
from appliance.server.keys import opened_tokens
from appliance.server.offline import offline_issuance
from appliance.stores.directory import StoreLocked
from appliance.stores.memory import MemoryStore

_STARTING: Final = 5.0  # seconds that a server may take from its lock to its socket
_RETRY: Final = 0.1


def reaching(ca_config: str | None, password_file: str | None) -> Reach:
    """Say how to reach the CA of a ca.json (cli.reach). Raises ConfigError."""
    settings = loading.load(ca_json(ca_config))
    password = passwords.given(Path(password_file) if password_file else None, os.environ)
    return partial(_reached, settings, password)


@asynccontextmanager
async def _reached(
    settings: Settings, password: Password | None, shown: Identity | None
) -> AsyncIterator[Ca]:
    async with AsyncExitStack() as stack:
        yield _LocalCa(await _opened(stack, settings, password), shown)


async def _opened(stack: AsyncExitStack, settings: Settings, password: Password | None) -> Issuance:
    """Connect to the server, or else open what it would, until the stack ends."""
    database = settings.database
    if not isinstance(database, LevelDbSettings):
        return await stack.enter_async_context(_by_files(settings, password))
    deadline = trio.current_time() + _STARTING
    while True:
        try:
            return await stack.enter_async_context(connected(database.directory))
        except NotListening:
            pass
        try:
            return await stack.enter_async_context(_by_files(settings, password))
        except StoreLocked as error:
            if trio.current_time() > deadline:
                raise Unavailable(
                    f"{error.public}, which has no control socket there: stop it, or ask the CA by "
                    "its address, without --offline"
                ) from error
        await trio.sleep(_RETRY)


@asynccontextmanager
async def _by_files(settings: Settings, password: Password | None) -> AsyncIterator[Issuance]:
    if passwords.is_missing(settings, password):
        question = f"Please enter the password to decrypt {settings.key}"
        password = read_password(question, flag="--password-file")
    database = settings.database
    without_ssh = replace(settings, ssh=None)  # no SSH certificate is made here
    if isinstance(database, LevelDbSettings):
        async with (
            owned_store(database.directory, create=True) as store,
            opened_tokens(without_ssh) as tokens,
        ):
            yield offline_issuance(settings, store, password, tokens)
    else:
        async with opened_tokens(without_ssh) as tokens:
            yield offline_issuance(settings, MemoryStore(), password, tokens)


@dataclass(frozen=True, slots=True)
class _LocalCa:
    """A CA as commands ask it, by what it does at the box; `shown` has been held with its key."""

    issuance: Issuance
    shown: Identity | None

    async def sign(self, order: SignOrder) -> tuple[bytes, ...]:
        return tuple(await self.issuance.sign(order))

    async def renew(self) -> tuple[bytes, ...]:
        return tuple(await self.issuance.renew(self._chain))

    async def renew_with_token(self, token: str) -> tuple[bytes, ...]:
        return tuple(await self.issuance.renew_with_token(token))

    async def rekey(self, csr: bytes) -> tuple[bytes, ...]:
        return tuple(await self.issuance.rekey(self._chain, csr))

    async def revoke(self, order: RevokeOrder) -> None:
        await self.issuance.revoke(order, self._chain)

    @property
    def _chain(self) -> tuple[bytes, ...]:
        return self.shown.chain if self.shown else ()
