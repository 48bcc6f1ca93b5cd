"""The tokens that a configuration's keys are on: opened once, kept across reloads, watched.

    ca.json ── prepare ──> a KeyManager for each token, running in this nursery
                              │
    signers ── late: a token that is absent at start is used when it comes

What has to be known of a key without its token is its public half. An intermediate's is in its
certificate; an SSH key's is remembered in a file beside the database when it was first seen.
"""

import logging
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, final

import msgspec
import trio
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from appliance.config.settings import LevelDbSettings, Settings, TokenKey, TokenSettings
from appliance.formats.keys import checked_public
from appliance.formats.keyuri import KeyUri
from appliance.keys.opening import open_token
from appliance.keys.pins import PinGuard
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import (
    BadRequest,
    ConfigError,
    FormatError,
    HearthError,
    NotFound,
    Unavailable,
)
from appliance.model.secret import Password
from appliance.model.tokens import TokenState, TokenStatus
from appliance.ports.keys import KeyManager
from appliance.ports.signer import IssuerKey, Signer

log = logging.getLogger(__name__)

PIN_JOURNAL: Final = "hearth-pins.json"
KNOWN_KEYS: Final = "hearth-token-keys.json"
Opener = Callable[..., KeyManager]


@dataclass(slots=True)
class _Held:
    """A token at work; `scope` ends its watch."""

    manager: KeyManager
    scope: trio.CancelScope
    opened_by: TokenSettings
    signers: dict[KeyUri, Signer] = field(default_factory=dict)


@final
class Tokens:
    """All tokens of the configuration at work."""

    def __init__(
        self,
        *,
        pins: Mapping[str, Password] = {},
        opener: Opener = open_token,
    ) -> None:
        """Take PINs that are known already, by the tokens' URIs."""
        self._pins = dict(pins)
        self._told: list[Callable[[TokenStatus], None]] = []
        self._left: list[Callable[[str], None]] = []
        self._names: dict[str, str] = {}  # by URI: a YubiKey's is known when it was seen
        self._opener = opener
        self._held: dict[str, _Held] = {}
        self._public: dict[str, IssuerKey] = {}
        self._nursery: trio.Nursery | None = None
        self._guard = PinGuard(None)
        self._directory: Path | None = None

    def tell(
        self,
        listener: Callable[[TokenStatus], None],
        left: Callable[[str], None] = lambda _name: None,
    ) -> None:
        """Have someone told of each change of a token's state, and of names that are no token's."""
        self._told.append(listener)
        self._left.append(left)

    @property
    def statuses(self) -> tuple[TokenStatus, ...]:
        """The tokens as last seen, in the order of the configuration."""
        return tuple(held.manager.status for held in self._held.values())

    @property
    def are_ready(self) -> bool:
        """Say whether all tokens can sign; also when there are none."""
        return all(status.state is TokenState.READY for status in self.statuses)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Watch the tokens until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    async def prepare(self, settings: Settings) -> None:
        """Open the tokens that a configuration names, and learn what is not in certificates.

        Raises ConfigError for tokens and keys that cannot be meant, Unavailable for an SSH key of
        which nothing is known because its token was never seen.
        """
        if not settings.token_keys:
            return
        self._settle(settings)
        for key in settings.token_keys:
            await self._open(key.token, settings)
        ssh = settings.ssh
        for place in (ssh.host_key, ssh.user_key) if ssh is not None else ():
            if isinstance(place, TokenKey):
                await self._learn(place, settings)

    def forget_others(self, settings: Settings) -> None:
        """Let tokens go that the configuration at work does not name."""
        named = {_name(key.token) for key in settings.token_keys}
        for name in [each for each in self._held if each not in named]:
            held = self._held.pop(name)
            held.scope.cancel()
            self._forget(held.manager.status)

    def signer(self, place: TokenKey, public_key: IssuerKey) -> Signer:
        """Give a key whose public half is known; its token may come later."""
        return _LateSigner(self, place, public_key)

    def public_key(self, place: TokenKey) -> IssuerKey:
        """Give the public half that `prepare` learnt. Raises NotFound."""
        try:
            return self._public[_key_name(place)]
        except KeyError:
            raise NotFound(f"the key '{place}' was not looked for") from None

    async def opened_signer(self, place: TokenKey, public_key: IssuerKey) -> Signer:
        """Open a key with its token. Raises Unavailable, NotFound, Broken."""
        held = self._held.get(_name(place.token))
        if held is None:
            raise Unavailable("the token with the signing key is not in use", detail=str(place))
        if place.uri not in held.signers:
            held.signers[place.uri] = await held.manager.open_signer(place.uri, public_key)
        return held.signers[place.uri]

    def name_of(self, place: TokenKey) -> str:
        """Name the token that a key is on."""
        held = self._held.get(_name(place.token))
        return held.manager.status.name if held else str(place.token.uri)

    async def attest(self, place: TokenKey) -> Sequence[bytes]:
        """Have a token vouch for a key, as certificates. Raises NotSupported, Unavailable."""
        if (held := self._held.get(_name(place.token))) is None:
            raise Unavailable("the token with the key is not in use", detail=str(place))
        return await held.manager.attest(place.uri)

    async def unlock(self, name: str, pin: Password, *, last_try: bool = False) -> TokenStatus:
        """Open a token (by name; "" is the only one) with a PIN that a person typed.

        Raises WrongPin, Unavailable, NotFound, BadRequest.
        """
        named = [held for held in self._held.values() if name in ("", held.manager.status.name)]
        if not named:
            raise NotFound(f"there is no token '{name}' in the configuration")
        if len(named) > 1:
            names = ", ".join(held.manager.status.name for held in named)
            raise BadRequest(f"say which token is meant: {names}")
        manager = named[0].manager
        await manager.unlock(pin, last_try=last_try)
        return manager.status

    # ---- tokens

    def _settle(self, settings: Settings) -> None:
        """Keep journals beside the database; without one, in memory."""
        database = settings.database
        if self._directory is None and isinstance(database, LevelDbSettings):
            self._directory = database.directory
            self._guard = PinGuard(self._directory / PIN_JOURNAL)

    async def _open(self, token: TokenSettings, settings: Settings) -> None:
        name = _name(token)
        held = self._held.get(name)
        if held is not None:
            if held.opened_by == token:
                return
            self._held.pop(name).scope.cancel()
        if self._nursery is None:
            raise Unavailable("tokens are not watched here")
        try:
            manager = self._opener(
                token.uri,
                pin=_given(token.pin, token.pin_file, settings) or self._pins.get(name),
                management_key=_given(token.management_key, token.management_key_file, settings),
                guard=self._guard,
                told=self._heard,
            )
        except HearthError as error:
            if isinstance(error, ConfigError):
                raise
            raise ConfigError(error.public, file=str(settings.file), place="kms.uri") from error
        scope = trio.CancelScope()
        await self._nursery.start(_watch, manager, scope)
        self._held[name] = _Held(manager, scope, token)

    def _heard(self, status: TokenStatus) -> None:
        level = logging.INFO if status.state is TokenState.READY else logging.WARNING
        detail = f": {status.detail}" if status.detail else ""
        log.log(level, "token %s: %s%s", status.name, status.state, detail)
        if self._names.get(status.uri, status.name) != status.name:
            self._forget(replace(status, name=self._names[status.uri]))
        self._names[status.uri] = status.name
        for told in self._told:
            told(status)

    def _forget(self, status: TokenStatus) -> None:
        self._names.pop(status.uri, None)
        for left in self._left:
            left(status.name)

    # ---- public keys of SSH

    async def _learn(self, place: TokenKey, settings: Settings) -> None:
        name = _key_name(place)
        manager = self._held[_name(place.token)].manager
        try:
            signer = await manager.open_signer(place.uri)
        except Unavailable as error:
            known = self._remembered().get(name)
            if known is None:
                raise Unavailable(
                    f"the SSH key '{place}' was never seen: start with its token once, opened",
                    detail=str(error),
                ) from error
            self._public[name] = checked_public(load_der_public_key(known))
        except (NotFound, FormatError, BadRequest) as error:
            raise ConfigError(
                f"'{place}': {error.public}", file=str(settings.file), place="ssh"
            ) from error
        else:
            self._public[name] = signer.public_key
            self._remember(name, signer.public_key)

    def _remembered(self) -> dict[str, bytes]:
        if self._directory is None:
            return {}
        try:
            content = (self._directory / KNOWN_KEYS).read_bytes()
            return msgspec.json.decode(content, type=dict[str, bytes])
        except (OSError, msgspec.DecodeError):
            return {}

    def _remember(self, name: str, key: IssuerKey) -> None:
        known = self._remembered()
        encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if self._directory is None or known.get(name) == encoded:
            return
        known[name] = encoded
        passing = self._directory / f"{KNOWN_KEYS}.new"
        try:
            passing.write_bytes(msgspec.json.encode(known))
            passing.replace(self._directory / KNOWN_KEYS)
        except OSError as error:
            log.warning("the public keys of SSH cannot be remembered: %s", error.strerror)


@asynccontextmanager
async def opened_tokens(settings: Settings) -> AsyncIterator[Tokens]:
    """Open a configuration's tokens for the length of a command.

    Raises what `prepare` raises.
    """
    tokens = Tokens()
    if not settings.token_keys:
        yield tokens
        return
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(tokens.run)
            await tokens.prepare(settings)
            yield tokens
            nursery.cancel_scope.cancel()
    except ExceptionGroup as group:
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise


@final
class _LateSigner:
    """A key whose token is asked at each use whether it is there."""

    def __init__(self, tokens: Tokens, place: TokenKey, public_key: IssuerKey) -> None:
        self._tokens = tokens
        self._place = place
        self._public_key = public_key

    @property
    def public_key(self) -> IssuerKey:
        """Its public half."""
        return self._public_key

    async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """Sign the message, as the token's signer does."""
        signer = await self._tokens.opened_signer(self._place, self._public_key)
        return await signer.sign(message, algorithm)


async def _watch(
    manager: KeyManager,
    scope: trio.CancelScope,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run a token's watch; a fault of it is not the end of the server."""
    with scope:
        try:
            await manager.run(task_status=task_status)
        except Exception:
            log.exception("the watch over the token %s met a fault", manager.status.name)


def pins_missing(settings: Settings, known: Iterable[str] = ()) -> tuple[TokenSettings, ...]:
    """Give the tokens for which ca.json has no PIN, each once."""
    named = {_name(key.token): key.token for key in settings.token_keys}
    return tuple(
        token
        for name, token in named.items()
        if token.pin is None and token.pin_file is None and name not in known
    )


def pins_in_credentials(settings: Settings, environ: Mapping[str, str]) -> Mapping[str, Password]:
    """Read PINs from systemd's credentials: `hearth-pin-NAME`, or `hearth-pin` for the only token.

    NAME is the token's label or serial number. Raises ConfigError for one that cannot be read.
    """
    directory = environ.get("CREDENTIALS_DIRECTORY", "")
    missing = pins_missing(settings) if directory else ()
    found = {}
    for token in missing:
        own = token.uri.get("token") or token.uri.get("serial") or token.uri.get("slot-id")
        names = [f"hearth-pin-{own}"] if own and "/" not in own else []
        names += ["hearth-pin"] if len({_name(k.token) for k in settings.token_keys}) == 1 else []
        for name in names:
            if (file := Path(directory) / name).exists():
                found[_name(token)] = _read(file, str(file))
                break
    return found


def token_name(token: TokenSettings) -> str:
    """Give the URI by which PINs are handed over."""
    return _name(token)


def _name(token: TokenSettings) -> str:
    return str(token.uri)


def _key_name(place: TokenKey) -> str:
    return f"{place.token.uri} {place.uri}"


def _given(written: Password | None, file: Path | None, settings: Settings) -> Password | None:
    """Give what ca.json says, or what the file it names holds. Raises ConfigError."""
    if written is not None or file is None:
        return written
    return _read(file, str(settings.file))


def _read(file: Path, blamed: str) -> Password:
    try:
        return Password.from_file_content(file.read_bytes())
    except OSError as error:
        reason = error.strerror or os.strerror(error.errno or 0)
        raise ConfigError(f"the PIN in {file} cannot be read: {reason}", file=blamed) from error
