"""Certificates and certificate requests, taken apart as far as they are shown to people.

More lenient than what issues and verifies: an extension is octets here, so that a certificate
with a broken one can still be looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from appliance.formats import der
from appliance.model.errors import FormatError

_EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
_STRINGS = {
    der.UTF8_STRING: "utf-8",
    der.PRINTABLE_STRING: "ascii",
    der.IA5_STRING: "ascii",
    18: "ascii",  # NumericString
    20: "latin-1",  # TeletexString
    30: "utf-16-be",  # BMPString
}


class Attribute(NamedTuple):
    """One attribute of a name; `text` is None for values that are no strings."""

    oid: str
    text: str | None


class Algorithm(NamedTuple):
    """An AlgorithmIdentifier; `parameters` is DER, empty when absent."""

    oid: str
    parameters: bytes


class ExtensionField(NamedTuple):
    """One extension. `value` is what its OCTET STRING holds."""

    oid: str
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKeyField:
    """A SubjectPublicKeyInfo: `raw` as a whole, `bits` the key alone."""

    raw: bytes
    algorithm: Algorithm
    bits: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFields:
    """A certificate. Names are lists of relative names; `version` counts from 1."""

    raw: bytes
    to_be_signed: bytes
    version: int
    serial: int
    algorithm: Algorithm
    issuer: tuple[Attribute, ...]
    issuer_raw: bytes
    not_before: datetime
    not_after: datetime
    subject: tuple[Attribute, ...]
    subject_raw: bytes
    public_key: PublicKeyField
    issuer_unique_id: bytes
    subject_unique_id: bytes
    extensions: tuple[ExtensionField, ...]
    signature: bytes

    def extension(self, oid: str) -> ExtensionField | None:
        """Find an extension."""
        return next((each for each in self.extensions if each.oid == oid), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFields:
    """A certificate request (RFC 2986). `version` counts from 0."""

    raw: bytes
    to_be_signed: bytes
    version: int
    algorithm: Algorithm
    subject: tuple[Attribute, ...]
    subject_raw: bytes
    public_key: PublicKeyField
    extensions: tuple[ExtensionField, ...]
    signature: bytes

    def extension(self, oid: str) -> ExtensionField | None:
        """Find a requested extension."""
        return next((each for each in self.extensions if each.oid == oid), None)


def certificate(octets: bytes) -> CertificateFields:
    """Take a certificate apart (RFC 5280 4.1). Raises FormatError."""
    to_be_signed, algorithm, signature = _signed(octets, "certificate")
    fields = der.children(der.expect(to_be_signed, der.SEQUENCE))
    version = 1
    if fields and fields[0].tag == 0xA0:
        version = der.read_integer(_only(fields.pop(0))) + 1
    if len(fields) < 6:
        raise FormatError("not a certificate: fields are missing")
    serial, _, issuer, validity, subject, public_key, *rest = fields
    optional = {element.tag: element for element in rest}
    start, end = der.exactly(validity, 2)
    return CertificateFields(
        raw=octets,
        to_be_signed=to_be_signed.raw,
        version=version,
        serial=der.read_integer(serial),
        algorithm=algorithm_identifier(algorithm),
        issuer=name(issuer),
        issuer_raw=issuer.raw,
        not_before=moment(start),
        not_after=moment(end),
        subject=name(subject),
        subject_raw=subject.raw,
        public_key=_public_key(public_key),
        issuer_unique_id=optional[0x81].value[1:] if 0x81 in optional else b"",
        subject_unique_id=optional[0x82].value[1:] if 0x82 in optional else b"",
        extensions=extension_list(_only(optional[0xA3])) if 0xA3 in optional else (),
        signature=der.read_bits(signature),
    )


def request(octets: bytes) -> RequestFields:
    """Take a certificate request apart. Raises FormatError."""
    info, algorithm, signature = _signed(octets, "certificate request")
    version, subject, public_key, attributes = der.exactly(info, 4)
    return RequestFields(
        raw=octets,
        to_be_signed=info.raw,
        version=der.read_integer(version),
        algorithm=algorithm_identifier(algorithm),
        subject=name(subject),
        subject_raw=subject.raw,
        public_key=_public_key(public_key),
        extensions=_requested(der.expect(attributes, 0xA0)),
        signature=der.read_bits(signature),
    )


def name(element: der.Element) -> tuple[Attribute, ...]:
    """Read a Name, relative names flattened. Raises FormatError."""
    found = []
    for relative in der.children(der.expect(element, der.SEQUENCE)):
        for pair in der.children(der.expect(relative, der.SET)):
            oid, value = der.exactly(pair, 2)
            found.append(Attribute(der.read_oid(oid), string(value)))
    return tuple(found)


def string(element: der.Element) -> str | None:
    """Read any of the string types; None for what is no string."""
    encoding = _STRINGS.get(element.tag)
    return None if encoding is None else element.value.decode(encoding, "replace")


def common_name(attributes: Sequence[Attribute]) -> str:
    """Find the last common name; empty when there is none."""
    found = [each.text for each in attributes if each.oid == "2.5.4.3" and each.text]
    return found[-1] if found else ""


def _signed(octets: bytes, what: str) -> tuple[der.Element, der.Element, der.Element]:
    parts = der.items(octets)
    if len(parts) != 3:
        raise FormatError(f"not a {what}: it does not have three parts")
    return parts[0], parts[1], parts[2]


def _only(element: der.Element) -> der.Element:
    return der.exactly(element, 1)[0]


def algorithm_identifier(element: der.Element) -> Algorithm:
    """Read an AlgorithmIdentifier. Raises FormatError."""
    parts = der.children(der.expect(element, der.SEQUENCE))
    if not parts:
        raise FormatError("DER: an algorithm without its identifier")
    return Algorithm(der.read_oid(parts[0]), parts[1].raw if len(parts) > 1 else b"")


def _public_key(element: der.Element) -> PublicKeyField:
    algorithm, bits = der.exactly(der.expect(element, der.SEQUENCE), 2)
    return PublicKeyField(
        raw=element.raw, algorithm=algorithm_identifier(algorithm), bits=der.read_bits(bits)
    )


def extension_list(element: der.Element) -> tuple[ExtensionField, ...]:
    """Read a SEQUENCE of extensions. Raises FormatError."""
    found = []
    for each in der.children(der.expect(element, der.SEQUENCE)):
        parts = der.children(each)
        if len(parts) not in (2, 3):
            raise FormatError("DER: an extension that is not of two or three parts")
        value = der.expect(parts[-1], der.OCTET_STRING).value
        found.append(ExtensionField(der.read_oid(parts[0]), parts[1].raw == der.TRUE, value))
    return tuple(found)


def _requested(attributes: der.Element) -> tuple[ExtensionField, ...]:
    for each in der.children(attributes):
        oid, values = der.exactly(each, 2)
        if der.read_oid(oid) == _EXTENSION_REQUEST:
            return extension_list(_only(values))
    return ()


def moment(element: der.Element) -> datetime:
    """Read a Time (RFC 5280 4.1.2.5). Raises FormatError."""
    text = element.value.decode("ascii", "replace")
    if element.tag == der.UTC_TIME:  # RFC 5280 4.1.2.5.1: 00 to 49 are of this century
        text = ("20" if text[:2] < "50" else "19") + text
    elif element.tag != der.GENERALIZED_TIME:
        raise FormatError("DER: no time where one belongs")
    if len(text) != 15 or not text[:14].isdigit() or not text.isascii() or text[14] != "Z":
        raise FormatError("DER: a time in another form than RFC 5280 asks for")
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise FormatError("DER: a time that is not of the calendar") from None
