"""An OpenID Connect identity provider: who it says it is, and the keys that it signs with.

    discovery document ── issuer, jwks_uri ──▶ key set ── as long as it allows ──▶ fetched again
                                                  └─ key id that is not in it ──▶ fetched again

It is asked when a token needs it, by one request at a time, and never more often than every few
seconds: tokens with made-up key ids cannot make us a nuisance to it. While it does not answer, the
keys that are known go on holding, as with step-ca; while nothing is known of it, nobody is let in,
and the next token or the next look after it tries again.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

import msgspec
import trio

from appliance.formats import jwk
from appliance.formats.keys import PublicKey
from appliance.model.errors import FormatError, HearthError
from appliance.ports.chance import Chance
from appliance.ports.outbound import Outbound, OutboundRequest, OutboundResponse

log = logging.getLogger(__name__)

_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_PATIENCE: Final = 5.0  # seconds for all that is asked at once
_TIMEOUT: Final = 4.0  # seconds for one answer
_INTERVAL: Final = 5.0  # seconds between two questions, when the first was answered
_RETRY: Final = 15.0  # the same, when it was not
_AGE: Final = 12 * 3600.0  # seconds that a key set holds whose answer does not say
_LONGEST_JITTER: Final = 3600.0
_MAX_AGE: Final = re.compile(r"max-age=([0-9]{1,9})(?![0-9])")
_MOST_KEYS: Final = 1_000

T = TypeVar("T")


class _Discovery(msgspec.Struct):
    """The members of a discovery document that decide something."""

    issuer: str = ""
    jwks_uri: str = ""


class _KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    """Keys by their ids. `until` is on Trio's clock."""

    by_id: Mapping[str, Sequence[PublicKey]]
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that is known of a provider that has introduced itself."""

    issuer: str
    jwks_uri: str
    keys: _Keys


class IdentityProvider:
    """One provider, asked as seldom as it can be. `problem` says why nothing is known of it."""

    def __init__(self, endpoint: str, *, tenant: str, outbound: Outbound, chance: Chance) -> None:
        """Take its URL, with or without the well-known path. Raises FormatError."""
        self.url = discovery_url(endpoint)
        self.tenant = tenant
        self._outbound = outbound
        self._chance = chance
        self._known: Known | None = None
        self._asking = trio.Lock()
        self._not_before = float("-inf")
        self.problem = "its identity provider has not been asked yet"

    @property
    def known(self) -> Known | None:
        """What is known of it, if anything."""
        return self._known

    def resume(self, former: "IdentityProvider") -> None:
        """Go on with what another one has learned, if it is about the same provider."""
        if (self.url, self.tenant) == (former.url, former.tenant):
            self._known = self._known or former.known

    async def introduce(self) -> Known | None:
        """Give what is known of it, asking it where nothing is, unless it was asked just now."""
        await self._ask_if(lambda: self._known is None, self._learn)
        return self._known

    async def keys(self, key_id: str) -> Sequence[PublicKey]:
        """Give its keys with this id; none when it has none, or is not known."""
        await self._ask_if(lambda: self._is_wanting(key_id), self._refresh)
        return self._known.keys.by_id.get(key_id, ()) if self._known else ()

    def _is_wanting(self, key_id: str) -> bool:
        """Tell if the key set is out of date, or does not have the key."""
        known = self._known
        return known is not None and (
            trio.current_time() >= known.keys.until or key_id not in known.keys.by_id
        )

    async def _ask_if(self, needed: Callable[[], bool], ask: Callable[[], Awaitable[None]]) -> None:
        """Ask once for all who need it now, at most so often."""
        await trio.lowlevel.checkpoint()
        if not needed():
            return
        async with self._asking:
            if not needed() or trio.current_time() < self._not_before:
                return
            deadline = trio.current_time() + _PATIENCE
            # Who gives up waiting does not take the answer from the others.
            with trio.CancelScope(shield=True, deadline=deadline) as asking:
                try:
                    await ask()
                except HearthError as error:
                    self._failed(str(error))
                else:
                    self._not_before = trio.current_time() + _INTERVAL
            if asking.cancelled_caught:
                self._failed(f"{self.url} failed: no answer within {_PATIENCE:g} s")

    def _failed(self, reason: str) -> None:
        self._not_before = trio.current_time() + _RETRY
        if self._known is None:
            self.problem = reason
        else:
            log.warning("keys of %s could not be fetched again: %s", self.url, reason)

    async def _learn(self) -> None:
        """Read the discovery document and the key set. Raises Unavailable, FormatError."""
        found = _read(await self._get(self.url), _Discovery, self.url)
        for name, value in (("issuer", found.issuer), ("jwks_uri", found.jwks_uri)):
            if not value:
                raise FormatError(f"error parsing {self.url}: {name} cannot be empty")
        issuer = found.issuer
        if self.tenant:
            issuer = issuer.replace("{tenantid}", self.tenant)
        keys = await self._fetch_keys(found.jwks_uri)
        self._known = Known(issuer=issuer, jwks_uri=found.jwks_uri, keys=keys)
        if self.url.startswith("https:") and not found.jwks_uri.startswith("https:"):
            log.warning("%s: its keys are fetched without TLS, from %s", self.url, found.jwks_uri)

    async def _refresh(self) -> None:
        """Read the key set again. Raises Unavailable, FormatError."""
        known = self._known
        if known is not None:
            keys = await self._fetch_keys(known.jwks_uri)
            self._known = Known(issuer=known.issuer, jwks_uri=known.jwks_uri, keys=keys)

    async def _fetch_keys(self, uri: str) -> _Keys:
        answer = await self._get(uri)
        by_id: dict[str, list[PublicKey]] = defaultdict(list)
        for members in _read(answer, _KeySet, uri).keys[:_MOST_KEYS]:
            if members.get("use") == "enc":
                continue
            try:
                by_id[str(members.get("kid") or "")].append(jwk.public_key(members))
            except FormatError:  # of a kind that signs nothing that we would accept
                continue
        age = _less_jitter(max_age(answer.headers.get("cache-control", "")), self._chance)
        return _Keys(by_id=dict(by_id), until=trio.current_time() + age)

    async def _get(self, url: str) -> OutboundResponse:
        request = OutboundRequest(
            method="GET", url=url, headers={"Accept": "application/json"}, timeout=_TIMEOUT
        )
        return await self._outbound.send(request)


def discovery_url(endpoint: str) -> str:
    """Complete the URL of a provider with the path of OpenID Connect Discovery, section 4.

    Raises FormatError.
    """
    try:
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise FormatError(f"'{endpoint}' is not an http or https URL")
    except ValueError as error:
        raise FormatError(f"'{endpoint}' is not a URL: {error}") from error
    if _WELL_KNOWN in parts.path:
        return endpoint
    path = re.sub("/{2,}", "/", parts.path).rstrip("/") + _WELL_KNOWN
    return urlunsplit(parts._replace(path=path))


def max_age(cache_control: str) -> float:
    """Give the seconds that an answer holds (RFC 9111 section 5.2.2.1), or twelve hours."""
    found = _MAX_AGE.search(cache_control)
    return float(found[1]) if found else _AGE


def _less_jitter(age: float, chance: Chance) -> float:
    """Take a random part off, up to a third or an hour, so that servers do not ask in step."""
    most = _LONGEST_JITTER if age > 3600 else age / 3
    return age - most * int.from_bytes(chance.octets(4)) / 2**32


def _read(answer: OutboundResponse, shape: type[T], url: str) -> T:
    """Read an answer that has to be good. Raises FormatError."""
    if not 200 <= answer.status < 300:
        raise FormatError(f"{url} answered with status {answer.status}")
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise FormatError(f"error reading {url}: {error}") from error
