"""Where commands of the CA's operator look: at the running CA, or in its store when it stands."""

import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, TypeVar

import click
import trio

from appliance.cli.ownership import owned_store
from appliance.config.loading import load
from appliance.config.settings import LevelDbSettings, Settings
from appliance.model.errors import NotFound, NotSupported, Unavailable
from appliance.operator.remote import NotListening, RemoteOperator, connected
from appliance.ports.store import Store
from appliance.stores.directory import StoreAbsent, StoreLocked

_STARTING: Final = 5.0  # seconds that a server may take from its lock to its socket
_RETRY: Final = 0.1

S = TypeVar("S")
T = TypeVar("T")


def with_appliance(
    file: Path,
    stored: Callable[[Store, Settings], S],
    use: Callable[[RemoteOperator | S], Awaitable[T]],
) -> T:
    """Use the CA with this ca.json; where it does not run, what `stored` makes of its store.

    Raises ConfigError, NotSupported when it has no database, NotFound when that was never made,
    Unavailable when another process has it open, Forbidden.
    """
    settings = load(file)
    database = settings.database
    if not isinstance(database, LevelDbSettings):
        raise NotSupported(f"{file} has no `db`: this CA does not record what it issues")

    async def main() -> T:
        async with AsyncExitStack() as stack:
            return await use(await _opened(stack, database.directory, settings, stored))

    try:
        return trio.run(main)
    except BrokenPipeError:  # of `hearth certs list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(1) from None


async def _opened(
    stack: AsyncExitStack,
    directory: Path,
    settings: Settings,
    stored: Callable[[Store, Settings], S],
) -> RemoteOperator | S:
    """Connect to the server, or else open its database, until the stack ends."""
    deadline = trio.current_time() + _STARTING
    while True:
        try:
            return await stack.enter_async_context(connected(directory))
        except NotListening:
            pass
        try:
            store = await stack.enter_async_context(owned_store(directory, create=False))
            return stored(store, settings)
        except StoreAbsent as error:
            raise NotFound(
                f"there is no database in {directory} yet: the CA makes it when it first starts"
            ) from error
        except StoreLocked as error:
            if trio.current_time() > deadline:
                raise Unavailable(
                    f"{error.public}, which has no control socket there: stop it, or ask again "
                    "when it serves"
                ) from error
        await trio.sleep(_RETRY)
