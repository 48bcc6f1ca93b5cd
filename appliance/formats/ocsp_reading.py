"""OCSP messages, read strictly: whatever is not one is a FormatError (RFC 6960 section 4)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from appliance.formats import der, x509_fields
from appliance.formats.ocsp import (
    BASIC,
    ENUMERATED,
    NONCE,
    BasicResponse,
    CertificateId,
    CertificateState,
    OcspRequest,
    OcspResponse,
    ResponseStatus,
    SingleAnswer,
    Status,
)
from appliance.model.errors import FormatError

MOST_CERTIFICATES: Final = 100  # in one request; clients ask for one, or for a chain
LONGEST_NONCE: Final = 128  # octets, RFC 9654 section 2.1

_LONGEST_SERIAL: Final = 64  # octets; RFC 5280 4.1.2.2 allows 20, and others write more


def read_request(octets: bytes) -> OcspRequest:
    """Read a request (RFC 6960 4.1.1).

    Raises FormatError, also for a nonce that is empty or longer than RFC 9654 allows, for critical
    extensions that we do not know, and for more certificates than one request may ask for.
    """
    to_be_signed, *signature = _some(octets)
    if len(signature) > 1 or (signature and signature[0].tag != 0xA0):
        raise FormatError("OCSP: not a request")
    fields = der.children(der.expect(to_be_signed, der.SEQUENCE))
    if fields and fields[0].tag == 0xA0 and der.read_integer(_only(fields.pop(0))) != 0:
        raise FormatError("OCSP: a request of another version than 1")
    if fields and fields[0].tag == 0xA1:  # requestorName
        del fields[0]
    if not fields or len(fields) > 2 or (len(fields) == 2 and fields[1].tag != 0xA2):
        raise FormatError("OCSP: not a request")
    listed = der.children(der.expect(fields[0], der.SEQUENCE))
    if not 0 < len(listed) <= MOST_CERTIFICATES:
        raise FormatError(f"OCSP: a request for {len(listed)} certificates")
    return OcspRequest(
        certificates=tuple(map(_asked, listed)),
        nonce=_nonce(fields[1]) if len(fields) == 2 else None,
    )


def read_response(octets: bytes) -> OcspResponse:
    """Read an answer; its signature is not judged. Raises FormatError."""
    code, *rest = _some(octets)
    try:
        status = ResponseStatus(_number(code))
    except ValueError:
        raise FormatError("OCSP: an answer of a status that there is not") from None
    if status is not ResponseStatus.SUCCESSFUL:
        return OcspResponse(status=status)
    if len(rest) != 1 or rest[0].tag != 0xA0:
        raise FormatError("OCSP: an answer without content")
    kind, content = der.exactly(_only(rest[0]), 2)
    if der.read_oid(kind) != BASIC:
        raise FormatError("OCSP: an answer of an unknown kind")
    basic = _basic(der.expect(content, der.OCTET_STRING).value)
    return OcspResponse(status=status, basic=basic)


def _asked(element: der.Element) -> CertificateId:
    parts = der.children(der.expect(element, der.SEQUENCE))
    if not 0 < len(parts) <= 2 or (len(parts) == 2 and parts[1].tag != 0xA0):
        raise FormatError("OCSP: not a request for a certificate")
    if len(parts) == 2:
        _extensions(parts[1])
    return _certificate_id(parts[0])


def _certificate_id(element: der.Element) -> CertificateId:
    algorithm, name_hash, key_hash, serial = der.exactly(der.expect(element, der.SEQUENCE), 4)
    digest, *parameters = der.children(der.expect(algorithm, der.SEQUENCE)) or [algorithm]
    if len(parameters) > 1 or (parameters and parameters[0].raw != der.null()):
        raise FormatError("OCSP: a hash with parameters")
    if len(serial.value) > _LONGEST_SERIAL:
        raise FormatError("OCSP: a serial number that is too long")
    return CertificateId(
        digest=der.read_oid(digest),
        issuer_name_hash=der.expect(name_hash, der.OCTET_STRING).value,
        issuer_key_hash=der.expect(key_hash, der.OCTET_STRING).value,
        serial=der.read_integer(serial),
        raw=element.raw,
    )


def _basic(octets: bytes) -> BasicResponse:
    parts = der.items(octets)
    if len(parts) not in (3, 4) or (len(parts) == 4 and parts[3].tag != 0xA0):
        raise FormatError("OCSP: not a signed answer")
    data, algorithm, signature, *attached = parts
    fields = der.children(der.expect(data, der.SEQUENCE))
    if fields and fields[0].tag == 0xA0:  # the version, of which there is one
        del fields[0]
    if not 3 <= len(fields) <= 4 or (len(fields) == 4 and fields[3].tag != 0xA1):
        raise FormatError("OCSP: not the data of an answer")
    responder, produced_at, answers = fields[:3]
    by_key = responder.tag == 0xA2
    if not by_key and responder.tag != 0xA1:
        raise FormatError("OCSP: an answer that names no responder")
    named = _only(responder)
    return BasicResponse(
        to_be_signed=data.raw,
        responder_name=b"" if by_key else named.raw,
        responder_key_hash=der.expect(named, der.OCTET_STRING).value if by_key else b"",
        produced_at=_time(produced_at),
        answers=tuple(map(_answer, der.children(der.expect(answers, der.SEQUENCE)))),
        nonce=_nonce(fields[3]) if len(fields) == 4 else None,
        algorithm=algorithm.raw,
        signature=der.read_bits(signature),
        certificates=tuple(each.raw for part in attached for each in der.children(_only(part))),
    )


def _answer(element: der.Element) -> SingleAnswer:
    parts = der.children(der.expect(element, der.SEQUENCE))
    if len(parts) < 3:
        raise FormatError("OCSP: not an answer about a certificate")
    identifier, state, this_update, *optional = parts
    by_tag = {each.tag: each for each in optional}
    if len(by_tag) != len(optional) or not by_tag.keys() <= {0xA0, 0xA1}:
        raise FormatError("OCSP: not an answer about a certificate")
    if 0xA1 in by_tag:
        _extensions(by_tag[0xA1])
    return SingleAnswer(
        certificate=_certificate_id(identifier),
        state=_read_state(state),
        this_update=_time(this_update),
        next_update=_time(_only(by_tag[0xA0])) if 0xA0 in by_tag else None,
    )


def _read_state(element: der.Element) -> CertificateState:
    try:
        status = Status(element.tag)
    except ValueError:
        raise FormatError("OCSP: a status that there is not") from None
    if status is not Status.REVOKED:
        return CertificateState(status=status)
    at, *reason = der.children(element) or [element]
    if len(reason) > 1 or (reason and reason[0].tag != 0xA0):
        raise FormatError("OCSP: a revocation with more than a time and a reason")
    return CertificateState(
        status=status,
        revoked_at=_time(at),
        reason=_number(_only(reason[0])) if reason else None,
    )


def _nonce(tagged: der.Element) -> bytes | None:
    found = _extensions(tagged).get(NONCE)
    if found is None:
        return None
    nonce = der.expect(der.read(found), der.OCTET_STRING).value
    if not 0 < len(nonce) <= LONGEST_NONCE:
        raise FormatError(f"OCSP: a nonce of {len(nonce)} octets (RFC 9654: 1 to {LONGEST_NONCE})")
    return nonce


def _extensions(tagged: der.Element) -> Mapping[str, bytes]:
    """Read extensions. Those that are not critical may be unknown (RFC 6960 4.4)."""
    found: dict[str, bytes] = {}
    for each in der.children(der.expect(_only(tagged), der.SEQUENCE)):
        parts = der.children(der.expect(each, der.SEQUENCE))
        if len(parts) not in (2, 3) or (len(parts) == 3 and parts[1].tag != der.BOOLEAN):
            raise FormatError("OCSP: an extension that is not of two or three parts")
        name = der.read_oid(parts[0])
        if len(parts) == 3 and parts[1].value != b"\0" and name != NONCE:
            raise FormatError(f"OCSP: a critical extension that is not known, {name}")
        if name in found:
            raise FormatError(f"OCSP: the extension {name} twice")
        found[name] = der.expect(parts[-1], der.OCTET_STRING).value
    return found


def _some(octets: bytes) -> list[der.Element]:
    """Read a SEQUENCE that is not empty."""
    found = der.items(octets)
    if not found:
        raise FormatError("OCSP: a message without content")
    return found


def _only(element: der.Element) -> der.Element:
    return der.exactly(element, 1)[0]


def _number(element: der.Element) -> int:
    value = der.expect(element, ENUMERATED).value
    if len(value) != 1 or value[0] > 0x7F:
        raise FormatError("OCSP: a number that is not one of the list")
    return value[0]


def _time(element: der.Element) -> datetime:
    return x509_fields.moment(der.expect(element, der.GENERALIZED_TIME))
