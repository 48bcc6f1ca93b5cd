"""The ways to log in: by a browser that comes back to us, by a code typed in, by another device.

Each takes an Outbound and gives Tokens; what a person has to be told goes through `tell`.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar
from urllib.parse import urlencode

import msgspec
import trio

from appliance.client import oauth
from appliance.client.callback import Answer, Callback, receive
from appliance.client.oauth import (
    DeviceCode,
    Endpoints,
    Proof,
    Registration,
    Tokens,
    authorization_url,
    check_nonce,
    checked_endpoint,
)
from appliance.formats import jwt
from appliance.formats.keys import PrivateKey
from appliance.model.errors import Broken, HearthError, Unauthorized, Unavailable
from appliance.ports.outbound import Outbound, OutboundRequest, OutboundResponse

_TIMEOUT: Final = 30.0  # seconds for one answer of the provider
_PATIENCE: Final = 120.0  # seconds for a person to log in with a browser
_DEVICE_PATIENCE: Final = 300  # seconds for a person to log in on another device
_INTERVAL: Final = 5  # seconds between two questions if the device is done
_SLOWER: Final = 5  # seconds more where the provider asks for that (RFC 8628 section 3.5)
_ASSERTION_LIFE: Final = timedelta(hours=1)
_DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_BEARER_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"

T = TypeVar("T")


class _Metadata(msgspec.Struct):
    authorization_endpoint: str = ""
    device_authorization_endpoint: str = ""
    token_endpoint: str = ""


async def discover(outbound: Outbound, provider: str) -> Endpoints:
    """Give the endpoints of a provider: known by name, or asked for its discovery document.

    Raises BadRequest, Unavailable, Broken.
    """
    known = oauth.KNOWN.get(provider)
    if known is not None:
        return known
    url = oauth.discovery_of(provider)
    answer = await outbound.send(OutboundRequest(method="GET", url=url, timeout=_TIMEOUT))
    found = _read(answer, _Metadata, url)
    return Endpoints(
        authorization=found.authorization_endpoint,
        device=found.device_authorization_endpoint,
        token=found.token_endpoint,
    )


async def by_browser(
    outbound: Outbound,
    endpoints: Endpoints,
    who: Registration,
    proof: Proof,
    *,
    callback: Callback,
    show: Callable[[str], None],
) -> Tokens:
    """Let the person log in with a browser of this machine, which comes back to `callback`.

    `show` gets the URL. Raises Unauthorized, Unavailable, Broken, BadRequest.
    """
    checked_endpoint(endpoints.token, "token_endpoint")
    async with receive(callback) as arrivals:
        show(authorization_url(endpoints.authorization, who, proof, arrivals.redirect))
        with trio.move_on_after(_PATIENCE):
            async for query, answer in arrivals:
                exchange = _exchange_of(outbound, endpoints, who, proof, arrivals.redirect)
                tokens = await _arrived(query, answer, proof, exchange=exchange)
                if tokens is not None:
                    return tokens
    raise Unavailable(f"nobody logged in within {_PATIENCE:g} seconds, please try again")


def _exchange_of(
    outbound: Outbound, endpoints: Endpoints, who: Registration, proof: Proof, redirect: str
) -> Callable[[str], Awaitable[Tokens]]:
    async def exchange(code: str) -> Tokens:
        form = oauth.code_form(who, proof, code, redirect)
        tokens = await _tokens(outbound, endpoints.token, form)
        if tokens.error or tokens.error_description:
            raise oauth.refused(tokens, "the authorization code was not exchanged")
        check_nonce(tokens, proof.nonce)
        return tokens

    return exchange


async def _arrived(
    query: dict[str, str],
    answer: Answer,
    proof: Proof,
    *,
    exchange: Callable[[str], Awaitable[Tokens]],
) -> Tokens | None:
    """Judge what a browser brought; None for what is not about a log-in at all."""
    try:
        if error := query.get("error"):
            said = query.get("error_description", "")
            raise Unauthorized(f"Failed to authenticate: {error}" + (f": {said}" if said else ""))
        if not query.get("code") or not query.get("state"):
            await answer.irrelevant()
            return None
        if query["state"] != proof.state:
            raise Unauthorized("Failed to authenticate: missing or invalid state")
        tokens = await exchange(query["code"])
    except HearthError as error:
        await answer.failure(error.public)
        raise
    await answer.success()
    return tokens


async def by_code(
    outbound: Outbound,
    endpoints: Endpoints,
    who: Registration,
    proof: Proof,
    *,
    show: Callable[[str], None],
    ask: Callable[[], str],
) -> Tokens:
    """Let the person log in anywhere and type in the code that the provider shows.

    Raises as `by_browser` does.
    """
    checked_endpoint(endpoints.token, "token_endpoint")
    show(authorization_url(endpoints.authorization, who, proof, oauth.OUT_OF_BAND))
    code = await trio.to_thread.run_sync(ask)
    return await _exchange_of(outbound, endpoints, who, proof, oauth.OUT_OF_BAND)(code.strip())


async def by_device(
    outbound: Outbound,
    endpoints: Endpoints,
    who: Registration,
    *,
    tell: Callable[[str], None],
) -> Tokens:
    """Let the person log in on another device (RFC 8628), asking until that is done.

    Raises as `by_browser` does.
    """
    checked_endpoint(endpoints.token, "token_endpoint")
    device = checked_endpoint(endpoints.device, "device_authorization_endpoint")
    client = {"client_id": who.client_id, "client_secret": who.client_secret}
    answer = await _post(outbound, device, {**client, "scope": who.scope})
    begun = _read(answer, DeviceCode, device, any_status=True)
    if begun.error or answer.status >= 400:
        raise oauth.refused(begun, f"{device} answered with status {answer.status}")
    _tell_where(begun, device, tell)
    form = {**client, "grant_type": _DEVICE_GRANT, "device_code": begun.device_code}
    patience = min(begun.expires_in or _DEVICE_PATIENCE, _DEVICE_PATIENCE)
    interval = begun.interval if begun.interval > 0 else _INTERVAL
    with trio.move_on_after(patience):
        while True:
            await trio.sleep(interval)
            tokens = await _polled(outbound, endpoints.token, form)
            match tokens.error:
                case "":
                    return tokens
                case "authorization_pending":
                    continue
                case "slow_down":
                    interval += _SLOWER
                case _:
                    raise oauth.refused(tokens, "the device was not authorized")
    raise Unavailable("device authorization grant expired: nobody has logged in")


async def for_account(
    outbound: Outbound,
    token_endpoint: str,
    *,
    issuer: str,
    key: PrivateKey,
    key_id: str,
    scope: str,
    now: datetime,
) -> Tokens:
    """Get a token for a service account by an assertion that its key signs (RFC 7523).

    Raises as `by_browser` does.
    """
    checked_endpoint(token_endpoint, "token_endpoint")
    assertion = _signed({"aud": token_endpoint, "scope": scope}, issuer, key, key_id, now)
    form = {"assertion": assertion, "grant_type": _BEARER_GRANT}
    tokens = await _tokens(outbound, token_endpoint, form)
    if tokens.error:
        raise oauth.refused(tokens, "the service account got no token")
    return tokens


def account_token(
    *, issuer: str, key: PrivateKey, key_id: str, scope: str, now: datetime
) -> Tokens:
    """Make a token of a service account, signed by itself. Raises FormatError."""
    token = _signed({"aud": scope, "sub": issuer}, issuer, key, key_id, now)
    life = int(_ASSERTION_LIFE.total_seconds())
    return Tokens(access_token=token, expires_in=life, token_type="Bearer")  # noqa: S106 - a kind


def _signed(
    claims: dict[str, str], issuer: str, key: PrivateKey, key_id: str, now: datetime
) -> str:
    begin = int(now.timestamp())
    times = {"nbf": begin, "iat": begin, "exp": begin + int(_ASSERTION_LIFE.total_seconds())}
    return jwt.sign({**claims, **times, "iss": issuer}, key, {"kid": key_id})


def _tell_where(begun: DeviceCode, device: str, tell: Callable[[str], None]) -> None:
    """Say where to log in, and with which code where the place does not know it."""
    if begun.verification_uri_complete:
        tell(f"Visit {begun.verification_uri_complete}:")
        return
    where = begun.verification_uri or begun.verification_url
    if not where or not begun.device_code:
        raise Broken(f"{device} did not say where to log in (verification_uri)")
    tell(f"Visit {where} and enter the code:")
    tell(begun.user_code)


async def _polled(outbound: Outbound, url: str, form: dict[str, str]) -> Tokens:
    """Ask if the device is done; what is no clear answer means not yet."""
    answer = await _post(outbound, url, form)
    if answer.status >= 500:
        raise Unavailable(f"{url} answered with status {answer.status}")
    try:
        tokens = _read(answer, Tokens, url, any_status=True)
    except Broken:
        if answer.status < 400:
            raise
        return Tokens(error="authorization_pending")
    if answer.status >= 400 and not tokens.error:
        return Tokens(error="authorization_pending")
    return tokens


async def _tokens(outbound: Outbound, url: str, form: dict[str, str]) -> Tokens:
    """Ask a token endpoint. An error that it names is in the answer. Raises Broken for others."""
    answer = await _post(outbound, url, form)
    tokens = _read(answer, Tokens, url, any_status=True)
    if answer.status >= 300 and not tokens.error:
        raise Broken(f"{url} answered with status {answer.status}")
    return tokens


async def _post(outbound: Outbound, url: str, form: dict[str, str]) -> OutboundResponse:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    return await outbound.send(
        OutboundRequest(
            method="POST", url=url, headers=headers, body=urlencode(form).encode(), timeout=_TIMEOUT
        )
    )


def _read(answer: OutboundResponse, shape: type[T], url: str, *, any_status: bool = False) -> T:
    """Read JSON. Raises Broken."""
    if not any_status and answer.status >= 300:
        raise Broken(f"{url} answered with status {answer.status}")
    try:
        return msgspec.json.decode(answer.body, type=shape, strict=False)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Broken(
            f"{url} answered with status {answer.status} and something else than JSON: {error}"
        ) from error
