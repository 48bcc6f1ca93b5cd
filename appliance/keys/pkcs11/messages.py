"""What the process with the module is asked, and what it answers: MessagePack after its length.

    request (length, tagged struct) ──stdin──> worker ──stdout──> answer (length, tagged struct)

One request at a time. A PIN goes this way only; nothing here has a `repr` that shows it.
"""

from typing import Final, TypeAlias

import msgspec

from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.tokens import KeyKind

LENGTH: Final = 4  # octets, big-endian
LARGEST: Final = 256 << 20  # octets: a revocation list of millions of entries


class ObjectName(msgspec.Struct, frozen=True):
    """CKA_ID and CKA_LABEL; an empty one is not asked for."""

    identifier: bytes = b""
    label: str = ""


class Load(msgspec.Struct, tag="load"):
    """Load the module and initialise it. Answer: Done."""

    module: str


class Look(msgspec.Struct, tag="look"):
    """See which tokens are there, by label, serial number or slot. Answer: Seen."""

    label: str = ""
    serial: str = ""
    slot: int | None = None


class Open(msgspec.Struct, tag="open"):
    """Open the token that was seen last, anew; with a PIN as its user. Answer: Done."""

    pin: str | None = None

    def __repr__(self) -> str:
        return "Open(…)"


class Find(msgspec.Struct, tag="find"):
    """Find a private key. Answer: PublicKey."""

    name: ObjectName


class Sign(msgspec.Struct, tag="sign"):
    """Sign a message, hashed here, or before (`hashed`). Answer: Octets, in X.509's form."""

    name: ObjectName
    message: bytes
    algorithm: SignatureAlgorithm
    hashed: bool = False


class Create(msgspec.Struct, tag="create"):
    """Make a key pair. Answer: Octets, the public key in DER."""

    name: ObjectName
    kind: KeyKind
    extractable: bool = False


class ListKeys(msgspec.Struct, tag="list"):
    """Describe the private keys. Answer: Keys."""


class DeleteKey(msgspec.Struct, tag="delete"):
    """Destroy a key pair. Answer: Done."""

    name: ObjectName


class LoadCertificate(msgspec.Struct, tag="load-certificate"):
    """Read a certificate. Answer: Octets, in DER."""

    name: ObjectName
    serial: str = ""  # of the certificate, in hexadecimal


class StoreCertificate(msgspec.Struct, tag="store-certificate"):
    """Write a certificate, in place of one of that name. Answer: Done."""

    name: ObjectName
    certificate: bytes


class DeleteCertificate(msgspec.Struct, tag="delete-certificate"):
    """Remove certificates. Answer: Done."""

    name: ObjectName


KeyRequest: TypeAlias = Find | Sign | Create | ListKeys | DeleteKey
Request: TypeAlias = (
    Load | Look | Open | KeyRequest | LoadCertificate | StoreCertificate | DeleteCertificate
)


class Done(msgspec.Struct, tag="done"):
    """It was done."""


class Octets(msgspec.Struct, tag="octets"):
    """It gave these."""

    value: bytes


class Seen(msgspec.Struct, tag="seen"):
    """The token, if it is there; else the labels of those that are."""

    present: bool
    others: list[str] = []
    label: str = ""
    serial: str = ""
    model: str = ""
    firmware: str = ""
    login_required: bool = True
    pin_count_low: bool = False
    pin_final_try: bool = False
    pin_locked: bool = False
    is_open: bool = False  # the session that was opened still holds


class Key(msgspec.Struct):
    """One private key. `public_key` is empty when the token does not give it."""

    name: ObjectName
    kind: KeyKind | None
    public_key: bytes
    has_certificate: bool
    generated: bool | None
    extractable: bool


class Keys(msgspec.Struct, tag="keys"):
    """All private keys."""

    keys: list[Key]


class Failure(msgspec.Struct, tag="failure"):
    """It could not be done. `reason` is for the log: the module's own word for it."""

    kind: str  # one of the constants below
    reason: str = ""


PIN_REFUSED: Final = "pin refused"
PIN_LOCKED: Final = "pin locked"
LOST: Final = "lost"  # the session, or the token: open it again
NOT_FOUND: Final = "not found"
EXISTS: Final = "exists"
AMBIGUOUS: Final = "ambiguous"
UNSUPPORTED: Final = "unsupported"
NO_MODULE: Final = "no module"
FAILED: Final = "failed"

Answer: TypeAlias = Done | Octets | Seen | Keys | Failure

_requests = msgspec.msgpack.Decoder(Request)
_answers = msgspec.msgpack.Decoder(Answer)
_encoder = msgspec.msgpack.Encoder()


def frame(message: Request | Answer) -> bytes:
    """Encode a message with its length before it."""
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH) + body


def read_request(body: bytes) -> Request:
    """Decode a request. Raises msgspec.DecodeError."""
    request: Request = _requests.decode(body)
    return request


def read_answer(body: bytes) -> Answer:
    """Decode an answer. Raises msgspec.DecodeError."""
    answer: Answer = _answers.decode(body)
    return answer
