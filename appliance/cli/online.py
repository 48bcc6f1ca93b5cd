"""What the commands that talk to a CA share: their flags, its address, whom to trust."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import trio

from appliance.cli.clock import SystemClock
from appliance.cli.command import location
from appliance.cli.files import read_file
from appliance.cli.prompts import selected
from appliance.client.address import ca_url
from appliance.client.ca import CaClient, fetch_root
from appliance.client.connection import Connection
from appliance.client.identity import Identity, default_identity
from appliance.client.tls import trusting
from appliance.formats import jwt, pem
from appliance.formats.jwt import UnverifiedToken
from appliance.model.errors import FormatError

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def ca_flags(function: F) -> F:
    """Add the flags that say which CA is meant."""
    for option in (
        click.option("--context", metavar="<name>", help="The context to use."),
        click.option(
            "--root", metavar="<file>", help="The root certificate (PEM) that the CA must lead to."
        ),
        click.option("--ca-url", metavar="<uri>", help="The URL of the CA."),
    ):
        function = option(function)
    return function


def now() -> datetime:
    """Give the time."""
    return SystemClock().now()


def octets(count: int) -> bytes:
    """Give so many random octets."""
    return secrets.token_bytes(count)


def required(flag: str, hint: str = "") -> click.UsageError:
    """Say that a flag is missing."""
    ctx = click.get_current_context()
    return click.UsageError(f"'{ctx.command_path}' requires the '--{flag}' flag{hint}", ctx)


def required_url(url: str | None) -> str:
    """Complete --ca-url, or say that it is missing."""
    if not url:
        raise required("ca-url", ", or a bootstrapped environment: see 'ca bootstrap'")
    return ca_url(url)


def root_file(root: str | None) -> str:
    """Give --root or what bootstrap left, or say that it is missing."""
    if root:
        return root
    usual = location().root_certificate
    if not usual.exists():
        raise required("root", ", or a bootstrapped environment: see 'ca bootstrap'")
    return str(usual)


def read_roots(name: str) -> tuple[bytes, ...]:
    """Read the certificates (DER) to trust. Raises BadRequest, FormatError."""
    content = read_file(name)
    try:
        return tuple(pem.certificates(content))
    except FormatError as error:
        raise FormatError(f"error parsing {name}: no certificates found") from error


def talk(
    url: str,
    roots: tuple[bytes, ...],
    call: Callable[[CaClient], Awaitable[T]],
    *,
    identity: Identity | None = None,
) -> T:
    """Open a connection, make one call and give its answer.

    Without an identity, the one that identity.json names is shown, as step does.
    """
    shown = identity or default_identity(location().identity_json, now())

    async def once() -> T:
        async with CaClient(Connection(url, trusting(roots, shown))) as ca:
            return await call(ca)

    return trio.run(once)


def split_token(token: str) -> UnverifiedToken:
    """Take a token apart. Raises FormatError."""
    try:
        return jwt.split(token.strip())
    except FormatError as error:
        raise FormatError(f"error parsing flag '--token': {error}") from error


def trust_for_token(
    token: UnverifiedToken, url: str | None, root: str | None
) -> tuple[str, tuple[bytes, ...]]:
    """Say where a token goes, and whom to trust there: the root that it names, else --root."""
    audience = _audience(token)
    fingerprint = token.claims.get("sha")
    if isinstance(fingerprint, str) and fingerprint and audience.lower().startswith("http"):
        where = ca_url(url or audience)
        selected("CA", where)
        return where, (trio.run(fetch_root, where, fingerprint),)
    where, roots = required_url(url), read_roots(root_file(root))
    selected("CA", where)
    return where, roots


def _audience(token: UnverifiedToken) -> str:
    """Give the first audience."""
    audience = token.claims.get("aud", "")
    if isinstance(audience, list):
        audience = audience[0] if audience else ""
    return audience if isinstance(audience, str) else ""


def absolute(name: str) -> str:
    """Give a path that holds wherever a program is started."""
    return str(Path(name).absolute())
