"""OCSP messages (RFC 6960 section 4): what is in requests and answers, and how they are written.

    OCSPRequest  ─ which certificates, each by hashes of its issuer's name and key, and its serial
    OCSPResponse ─ an error; or data about each certificate, and the signature over these octets

As certificates are: what is to be signed is written first, and put together with its signature
afterwards. A request's own signature is not looked at: who asks is told what everybody is told.
"""

import enum
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from appliance.formats import der

BASIC: Final = "1.3.6.1.5.5.7.48.1.1"
NONCE: Final = "1.3.6.1.5.5.7.48.1.2"
ENUMERATED: Final = 10
_REMOVE_FROM_CRL, _UNUSED_REASON = 8, 7  # of delta CRLs only; of nothing (RFC 5280 5.3.1)

Digest = Callable[[bytes], bytes]

DIGESTS: Final[Mapping[str, Digest]] = {
    "1.3.14.3.2.26": lambda octets: hashlib.sha1(octets, usedforsecurity=False).digest(),
    "2.16.840.1.101.3.4.2.1": lambda octets: hashlib.sha256(octets).digest(),
    "2.16.840.1.101.3.4.2.2": lambda octets: hashlib.sha384(octets).digest(),
    "2.16.840.1.101.3.4.2.3": lambda octets: hashlib.sha512(octets).digest(),
}
"""What issuers are named with; here hashes are names for finding and protect nothing."""

SHA1: Final = "1.3.14.3.2.26"
"""The one that every client and every responder knows (RFC 5019 section 2.1.1)."""


class ResponseStatus(enum.IntEnum):
    """How a request fared (RFC 6960 4.2.1)."""

    SUCCESSFUL = 0
    MALFORMED_REQUEST = 1
    INTERNAL_ERROR = 2
    TRY_LATER = 3
    SIGNATURE_REQUIRED = 5
    UNAUTHORIZED = 6


class Status(enum.Enum):
    """What is known of a certificate; the value is the tag in DER."""

    GOOD = 0x80
    REVOKED = 0xA1
    UNKNOWN = 0x82


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateId:
    """Which certificate is meant. `raw` is DER as it was sent, to be answered with."""

    digest: str  # OID of the hash
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial: int
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OcspRequest:
    """What is asked, in the order in which it is asked."""

    certificates: tuple[CertificateId, ...]
    nonce: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateState:
    """What is answered about one certificate; the last two are of revoked ones."""

    status: Status
    revoked_at: datetime | None = None
    reason: int | None = None  # RFC 5280 5.3.1; None: not told


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleAnswer:
    """The answer about one certificate, and from when to when it holds."""

    certificate: CertificateId
    state: CertificateState
    this_update: datetime
    next_update: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicResponse:
    """A signed answer. The responder is named by its key's SHA-1 hash, or by its name in DER."""

    to_be_signed: bytes
    responder_name: bytes
    responder_key_hash: bytes
    produced_at: datetime
    answers: tuple[SingleAnswer, ...]
    nonce: bytes | None
    algorithm: bytes  # AlgorithmIdentifier in DER
    signature: bytes
    certificates: tuple[bytes, ...]  # DER


@dataclass(frozen=True, slots=True, kw_only=True)
class OcspResponse:
    """What a responder sent; `basic` comes with success only."""

    status: ResponseStatus
    basic: BasicResponse | None = None


# ---- writing


def certificate_id(
    issuer_name: bytes, issuer_key: bytes, serial: int, *, digest: str = SHA1
) -> CertificateId:
    """Name a certificate. `issuer_name` is DER, `issuer_key` the bits of the key alone."""
    name_hash, key_hash = DIGESTS[digest](issuer_name), DIGESTS[digest](issuer_key)
    raw = der.sequence(
        der.sequence(der.oid(digest), der.null()),
        der.octet_string(name_hash),
        der.octet_string(key_hash),
        der.integer(serial),
    )
    return CertificateId(
        digest=digest,
        issuer_name_hash=name_hash,
        issuer_key_hash=key_hash,
        serial=serial,
        raw=raw,
    )


def write_request(certificates: Iterable[CertificateId], nonce: bytes | None = None) -> bytes:
    """Write an unsigned request."""
    listed = der.sequence(*(der.sequence(each.raw) for each in certificates))
    extensions = () if nonce is None else (der.context(2, _nonce_extensions(nonce)),)
    return der.sequence(der.sequence(listed, *extensions))


def write_response_data(
    answers: Sequence[SingleAnswer],
    *,
    responder_key_hash: bytes,
    produced_at: datetime,
    nonce: bytes | None = None,
) -> bytes:
    """Write the ResponseData, which is to be signed; the responder is named by its key."""
    extensions = () if nonce is None else (der.context(1, _nonce_extensions(nonce)),)
    return der.sequence(
        der.context(2, der.octet_string(responder_key_hash)),
        _generalized(produced_at),
        der.sequence(*map(_single, answers)),
        *extensions,
    )


def write_response(
    response_data: bytes, algorithm: bytes, signature: bytes, certificates: Iterable[bytes]
) -> bytes:
    """Put the data and its signature together; `algorithm` and certificates are DER."""
    basic = der.sequence(
        response_data,
        algorithm,
        der.bit_string(signature),
        der.context(0, der.sequence(*certificates)),
    )
    response = der.sequence(der.oid(BASIC), der.octet_string(basic))
    return der.sequence(_enumerated(ResponseStatus.SUCCESSFUL), der.context(0, response))


def write_error(status: ResponseStatus) -> bytes:
    """Write an answer that says nothing but why there is none; it is not signed."""
    return der.sequence(_enumerated(status))


def _single(answer: SingleAnswer) -> bytes:
    until = answer.next_update
    return der.sequence(
        answer.certificate.raw,
        _state(answer.state),
        _generalized(answer.this_update),
        *(() if until is None else (der.context(0, _generalized(until)),)),
    )


def _state(state: CertificateState) -> bytes:
    if state.status is not Status.REVOKED or state.revoked_at is None:
        return der.tlv(state.status.value)
    told = state.reason not in (None, 0, _UNUSED_REASON, _REMOVE_FROM_CRL)
    reason = (der.context(0, _enumerated(state.reason or 0)),) if told else ()
    return der.tlv(state.status.value, _generalized(state.revoked_at), *reason)


def _generalized(moment: datetime) -> bytes:
    """Write a GeneralizedTime, whatever the year, without fractions (RFC 6960 4.2.2.1)."""
    moment = moment.astimezone(UTC)
    return der.tlv(der.GENERALIZED_TIME, f"{moment.year:04}{moment:%m%d%H%M%S}Z".encode())


def _enumerated(number: int) -> bytes:
    return der.tlv(ENUMERATED, bytes((number,)))


def _nonce_extensions(nonce: bytes) -> bytes:
    return der.sequence(der.sequence(der.oid(NONCE), der.octet_string(der.octet_string(nonce))))
