"""The JSON files by which Google knows programs: installed ones, and service accounts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import trio

from appliance.cli.login import Login, Way
from appliance.client import oauth_flows
from appliance.client.oauth import Endpoints, Registration, Tokens
from appliance.formats.keyfile import load_private_key
from appliance.formats.keys import PrivateKey
from appliance.model.errors import BadRequest, FormatError
from appliance.upstream.http import HttpOutbound


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """A program that needs nobody to log in."""

    email: str
    key: PrivateKey = field(repr=False)
    key_id: str
    token_endpoint: str


def read_account(name: str, content: bytes) -> ServiceAccount | Login:
    """Read a file of either kind. Raises BadRequest, FormatError; nothing of it gets into them."""
    try:
        document = json.loads(content)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise BadRequest(f"error reading {name}: it is not a JSON object")
    installed = document.get("installed")
    if isinstance(installed, dict):
        return _installed(name, installed)
    if document.get("type") == "service_account":
        return _service(name, document)
    raise BadRequest(f"error reading {name}: it is no account of a kind that is known")


def account_tokens(
    account: ServiceAccount,
    *,
    scope: str,
    by_itself: bool,
    now: datetime,
    roots: Sequence[bytes],
) -> Tokens:
    """Get a token for the account, or let it make one itself. Raises as `log_in` does."""
    if by_itself:
        return oauth_flows.account_token(
            issuer=account.email, key=account.key, key_id=account.key_id, scope=scope, now=now
        )

    async def ask() -> Tokens:
        return await oauth_flows.for_account(
            HttpOutbound(roots),
            account.token_endpoint,
            issuer=account.email,
            key=account.key,
            key_id=account.key_id,
            scope=scope,
            now=now,
        )

    return trio.run(ask)


def _installed(name: str, members: Mapping[str, Any]) -> Login:
    return Login(
        who=Registration(
            client_id=_text(name, members, "client_id"),
            client_secret=_text(name, members, "client_secret"),
        ),
        way=Way.BROWSER,
        endpoints=Endpoints(
            authorization=_text(name, members, "auth_uri"),
            token=_text(name, members, "token_uri"),
        ),
    )


def _service(name: str, members: Mapping[str, Any]) -> ServiceAccount:
    try:
        key = load_private_key(_text(name, members, "private_key").encode(), None)
    except FormatError as error:
        raise FormatError(f"error reading {name}: private_key: {error}") from error
    return ServiceAccount(
        email=_text(name, members, "client_email"),
        key=key,
        key_id=_text(name, members, "private_key_id"),
        token_endpoint=_text(name, members, "token_uri"),
    )


def _text(name: str, members: Mapping[str, Any], member: str) -> str:
    value = members.get(member)
    if not isinstance(value, str):
        raise BadRequest(f"error reading {name}: it has no {member}")
    return value
