"""What a worker and the main process tell each other: structs, many to a frame.

    worker ── Get Commit Note Scan Sign Relay ──▶ main      each with a number
           ◀── Answer Relayed Failure ───────────           with the same
    worker ── Happened KeyUsed … Line Load ─────▶ main      nobody waits
           ◀── Configure Show Bars Drain ────────

They never leave the machine, and both ends are the same program: so nothing has a version, and what
cannot be read is a fault that ends the worker.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct

from appliance.model import errors
from appliance.model.errors import Broken, HearthError, Unavailable
from appliance.model.events import Event
from appliance.model.ssh import CertificateType
from appliance.model.webhooks import WebhookKind
from appliance.ports.store import Operation
from appliance.server.launch import Network
from appliance.web.http import Request, Response


class _Message(Struct, array_like=True, gc=False):
    """One message."""


# ---- a worker asks, under a number of its own


class Get(_Message, tag=1):
    """Store.get; the answer is the value."""

    number: int
    bucket: str
    key: bytes


class Commit(_Message, tag=2):
    """Store.commit."""

    number: int
    operations: Sequence[Operation]


class Note(_Message, tag=3):
    """Store.note."""

    number: int
    operations: Sequence[Operation]


class Scan(_Message, tag=4):
    """Store.scan; the answer is a list of pairs."""

    number: int
    bucket: str
    start: bytes
    stop: bytes | None
    reverse: bool
    limit: int


class Sign(_Message, tag=5):
    """Sign with a key on a token, named as in ca.json; the answer is the signature."""

    number: int
    key: str
    public_key: bytes  # DER
    message: bytes
    algorithm: str


class Relay(_Message, tag=6):
    """A request that is the main process's to answer, by its route."""

    number: int
    method: str
    path: str
    request: Request


# ---- a worker tells


class Happened(_Message, tag=10):
    """An event."""

    event: bytes  # in JSON, which has integers as large as serial numbers


class KeyUsed(_Message, tag=11):
    """A signature, or that there was none."""

    succeeded: bool
    seconds: float


class WebhookCalled(_Message, tag=12):
    """A webhook was asked."""

    kind: WebhookKind
    provisioner: str
    succeeded: bool


class Line(_Message, tag=13):
    """A line for the log."""

    text: str


class Load(_Message, tag=14):
    """How many connections are open, and how many were taken over so far."""

    open: int
    taken: int


class Ready(_Message, tag=15):
    """A configuration is served, made of material with this fingerprint."""

    configuration: int
    fingerprint: bytes


class Unfit(_Message, tag=16):
    """A configuration cannot be served."""

    configuration: int
    reason: str


FromWorker: TypeAlias = (
    Get
    | Commit
    | Note
    | Scan
    | Sign
    | Relay
    | Happened
    | KeyUsed
    | WebhookCalled
    | Line
    | Load
    | Ready
    | Unfit
)
Question: TypeAlias = Get | Commit | Note | Scan | Sign | Relay


# ---- the main process answers


class Answer(_Message, tag=1):
    """What was asked for."""

    number: int
    value: Any = None


class Relayed(_Message, tag=2):
    """The answer to a request, and what its line in the log says beside the usual."""

    number: int
    response: Response
    log: dict[str, Any]


class Failure(_Message, tag=3):
    """An error of the family, or a fault."""

    number: int
    kind: str
    public: str
    detail: str
    retry_after: int = 0


# ---- the main process tells


class Configure(_Message, tag=10):
    """What to serve from now on: ca.json as it was read, and what it does not say."""

    number: int  # of the configuration, given back with Ready or Unfit
    file: str
    text: bytes
    address: tuple[str, int]  # the command line's, or that of ca.json
    started_at: datetime
    password: bytes | None
    ssh_passwords: dict[CertificateType, bytes]
    token_keys: dict[str, bytes]  # public halves of SSH keys on tokens, in DER
    network: Network
    connections: int  # that may be open at the same time
    chain: list[bytes]  # of the server's own certificate, in DER
    key: bytes  # its private key, PKCS #8 in DER
    bars: dict[str, str]


class Show(_Message, tag=11):
    """The server's own certificate from now on, and its key."""

    chain: list[bytes]
    key: bytes


class Bars(_Message, tag=12):
    """What keeps the CA from issuing now."""

    bars: dict[str, str]


class Drain(_Message, tag=13):
    """Take no more connections, end those that are open after their answers, and end."""


FromMain: TypeAlias = Answer | Relayed | Failure | Configure | Show | Bars | Drain
Message: TypeAlias = FromWorker | FromMain


# ---- events, errors

_FAULT: Final = "fault"  # what nobody should have asked for
_FAMILY: Final[dict[str, type[HearthError]]] = {
    kind.__name__: kind
    for kind in (
        errors.BadRequest,
        errors.Broken,
        errors.Conflict,
        errors.Forbidden,
        errors.NotFound,
        errors.NotSupported,
        errors.Unauthorized,
        errors.Unavailable,
    )
}


def event_octets(event: Event) -> bytes:
    """Write an event."""
    return _event_encoder.encode(event)


def event_of(octets: bytes) -> Event:
    """Read an event."""
    return _event_decoder.decode(octets)


def failure(number: int, error: Exception) -> Failure:
    """Write an error of the family, by its kind in it, or a fault of who asked."""
    if not isinstance(error, HearthError):
        return Failure(number=number, kind=_FAULT, public=str(error), detail="")
    kind = next((each for each in type(error).__mro__ if each.__name__ in _FAMILY), Broken)
    return Failure(
        number=number,
        kind=kind.__name__,
        public=error.public,
        detail=error.detail,
        retry_after=error.retry_after if isinstance(error, Unavailable) else 0,
    )


def error_of(failed: Failure) -> Exception:
    """Read an error."""
    if failed.kind == _FAULT:
        return ValueError(failed.public)
    kind = _FAMILY[failed.kind]
    if issubclass(kind, Unavailable):
        return kind(failed.public, detail=failed.detail, retry_after=failed.retry_after)
    return kind(failed.public, detail=failed.detail)


_encoder: Final = msgspec.msgpack.Encoder()
_event_encoder: Final = msgspec.json.Encoder()
_event_decoder: Final = msgspec.json.Decoder(Event)
from_worker: Final = msgspec.msgpack.Decoder(list[FromWorker])
from_main: Final = msgspec.msgpack.Decoder(list[FromMain])


def encode(message: Message) -> bytes:
    """Write a message. Raises TypeError, OverflowError for what cannot be written."""
    return _encoder.encode(message)


def framed(messages: Sequence[bytes]) -> bytes:
    """Write a frame: its length in four octets, then messages that are encoded, as an array."""
    body = b"".join((b"\xdd", len(messages).to_bytes(4), *messages))  # msgpack's array 32
    return len(body).to_bytes(4) + body
