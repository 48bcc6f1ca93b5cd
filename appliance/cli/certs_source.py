"""Where `hearth certs` looks: at the running CA, or in the database of a stopped one."""

import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Protocol, TypeVar

import click
import trio

from appliance.authority.inventory import Inventory
from appliance.cli.clock import SystemClock
from appliance.cli.command import location
from appliance.cli.ownership import owned_store
from appliance.config.loading import load
from appliance.config.settings import LevelDbSettings
from appliance.model.errors import NotFound, NotSupported, Unavailable
from appliance.model.inventory import (
    CertificateDetail,
    CertificateKind,
    CertificatePage,
    CertificateQuery,
)
from appliance.operator.local import StoredCertificates
from appliance.operator.remote import NotListening, connected
from appliance.stores.directory import StoreAbsent, StoreLocked

_STARTING: Final = 5.0  # seconds that a server may take from its lock to its socket
_RETRY: Final = 0.1

T = TypeVar("T")


class Certificates(Protocol):
    """The part of the Operator that is needed here."""

    async def certificates(self, query: CertificateQuery) -> CertificatePage:
        """Give one page of the inventory."""
        ...

    async def certificate(
        self, serial: int, kind: CertificateKind = CertificateKind.X509
    ) -> CertificateDetail:
        """Give one certificate."""
        ...


def with_certificates(config: str | None, use: Callable[[Certificates], Awaitable[T]]) -> T:
    """Use the certificates of the CA with this ca.json, or with that of the context.

    Raises ConfigError, NotSupported when it has no database, NotFound when that was never made,
    Unavailable when another process has it open, Forbidden.
    """
    file = Path(config) if config else location().ca_json
    database = load(file).database
    if not isinstance(database, LevelDbSettings):
        raise NotSupported(f"{file} has no `db`: this CA does not record what it issues")

    async def main() -> T:
        async with AsyncExitStack() as stack:
            return await use(await _opened(stack, database.directory))

    try:
        return trio.run(main)
    except BrokenPipeError:  # of `hearth certs list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(1) from None


async def _opened(stack: AsyncExitStack, directory: Path) -> Certificates:
    """Connect to the server, or else open its database, until the stack ends."""
    deadline = trio.current_time() + _STARTING
    while True:
        try:
            return await stack.enter_async_context(connected(directory))
        except NotListening:
            pass
        try:
            return await _stored(stack, directory)
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


async def _stored(stack: AsyncExitStack, directory: Path) -> Certificates:
    store = await stack.enter_async_context(owned_store(directory, create=False))
    return StoredCertificates(Inventory(store), SystemClock())
