"""How commands reach a CA: over the network, or with `--offline` past its address."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeAlias, TypeVar

import click
import trio

from appliance.client.ca import CaClient
from appliance.client.connection import Connection
from appliance.client.identity import Identity
from appliance.client.tls import trusting
from appliance.model.errors import BadRequest
from appliance.model.orders import RevokeOrder, SignOrder

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


class Ca(Protocol):
    """What commands ask of a CA, whichever way leads to it."""

    async def sign(self, order: SignOrder) -> tuple[bytes, ...]:
        """Get a certificate: the chain (DER), the leaf first."""
        ...

    async def renew(self) -> tuple[bytes, ...]:
        """Renew the certificate that is shown."""
        ...

    async def renew_with_token(self, token: str) -> tuple[bytes, ...]:
        """Renew the certificate that the token carries and is signed by."""
        ...

    async def rekey(self, csr: bytes) -> tuple[bytes, ...]:
        """Renew the certificate that is shown, for the key of a CSR (DER)."""
        ...

    async def revoke(self, order: RevokeOrder) -> None:
        """Revoke a certificate."""
        ...


Reach: TypeAlias = Callable[[Identity | None], AbstractAsyncContextManager[Ca]]
"""A way to a CA, by which a certificate is shown or none."""


def offline_flags(function: F) -> F:
    """Add --offline and --ca-config."""
    function = click.option(
        "--ca-config", metavar="<file>", help="The ca.json to use with --offline."
    )(function)
    return click.option(
        "--offline", is_flag=True, help="Ask the CA whose ca.json is here, running or not."
    )(function)


def ca_password_flag(function: F) -> F:
    """Add the password of the CA's key to a command whose --password-file is another key's."""
    return click.option(
        "--ca-password-file", metavar="<file>", help="With --offline: the password of the CA's key."
    )(function)


def online(url: str, roots: tuple[bytes, ...]) -> Reach:
    """Reach a CA over the network."""

    def reach(shown: Identity | None) -> AbstractAsyncContextManager[Ca]:
        return CaClient(Connection(url, trusting(roots, shown)))

    return reach


def offline(ca_config: str | None, password_file: str | None) -> Reach:
    """Reach the CA of a ca.json; the password is that of its key, if that is needed.

    Raises ConfigError. To go there raises Unavailable while another program has the database open,
    and Forbidden where it is another user's.
    """
    # The whole server: commands that go over the network begin without it.
    from appliance.cli.offline import reaching  # noqa: PLC0415

    return reaching(ca_config, password_file)


def ask(reach: Reach, call: Callable[[Ca], Awaitable[T]], shown: Identity | None = None) -> T:
    """Go there, make one call and give its answer."""

    async def once() -> T:
        async with reach(shown) as ca:
            return await call(ca)

    return trio.run(once)


def check_offline(*, token: str | None) -> None:
    """Refuse what does not go with --offline. Raises BadRequest."""
    if token:
        raise BadRequest(
            "flag '--offline' is incompatible with '--token': a token is made on the way"
        )
