"""Certificate revocation lists (RFC 5280 section 5), written and read in DER.

A list may have 100,000 entries in four megabytes. So it is written by joining entries that were
encoded one by one, each when its certificate was revoked, and what is read is taken apart no
further than it is asked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from appliance.formats import der, pem, x509_fields
from appliance.formats.x509_fields import Algorithm, Attribute, ExtensionField
from appliance.model.errors import FormatError

LABEL: Final = "X509 CRL"
"""Of a PEM block (RFC 7468 section 6)."""

NUMBER, REASON, DISTRIBUTION_POINT = "2.5.29.20", "2.5.29.21", "2.5.29.28"
AUTHORITY_KEY_ID: Final = "2.5.29.35"

_ENUMERATED: Final = 10
_VERSION_2: Final = der.integer(1)
_URI: Final = 0x86


# ---- writing


def entry(serial: int, revoked_at: datetime, reason_code: int = 0) -> bytes:
    """Write one entry; reason 0 (unspecified) is left out, as RFC 5280 5.3.1 asks."""
    return der.sequence(
        der.integer(serial),
        der.time(revoked_at.replace(microsecond=0)),
        _reason(reason_code) if reason_code else b"",
    )


def to_be_signed(
    *,
    algorithm: bytes,
    issuer: bytes,
    this_update: datetime,
    next_update: datetime,
    entries: Sequence[bytes],
    extensions: Sequence[bytes],
) -> bytes:
    """Write the TBSCertList (RFC 5280 5.1.2). All octets given are DER.

    An item of `entries` may be several entries, joined. A list without any has no such field.
    """
    revoked = der.sequence(*entries) if any(entries) else b""
    return der.sequence(
        _VERSION_2,
        algorithm,
        issuer,
        der.time(this_update),
        der.time(next_update),
        revoked,
        der.context(0, der.sequence(*extensions)),
    )


def issuing_distribution_point(url: str) -> bytes:
    """Write where this list is found, as the extension's value (RFC 5280 5.2.5).

    Raises FormatError for a URL with characters outside ASCII.
    """
    if not url.isascii():
        raise FormatError(f"{url[:200]!r} is not a URL: it has characters outside ASCII")
    return der.sequence(der.context(0, der.context(0, der.tlv(_URI, url.encode()))))


@lru_cache(maxsize=32)
def _reason(code: int) -> bytes:
    value = der.octet_string(der.tlv(_ENUMERATED, bytes((code,))))
    return der.sequence(der.sequence(der.oid(REASON), value))


# ---- reading


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlEntry:
    """One revoked certificate."""

    serial: int
    revoked_at: datetime
    extensions: tuple[ExtensionField, ...] = ()

    @property
    def reason_code(self) -> int:
        """Why (RFC 5280 5.3.1); 0 where the entry says nothing. Raises FormatError."""
        found = _extension(self.extensions, REASON)
        return 0 if found is None else read_reason(found.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlFields:
    """A list taken apart but for its entries. `version` counts from 1, `revoked` is their DER."""

    raw: bytes
    to_be_signed: bytes
    version: int
    algorithm: Algorithm
    issuer: tuple[Attribute, ...]
    issuer_raw: bytes
    this_update: datetime
    next_update: datetime | None
    revoked: der.Element | None
    extensions: tuple[ExtensionField, ...]
    signature: bytes

    def extension(self, oid: str) -> ExtensionField | None:
        """Find an extension of the list."""
        return _extension(self.extensions, oid)

    @property
    def number(self) -> int | None:
        """The CRL number (RFC 5280 5.2.3). Raises FormatError."""
        found = self.extension(NUMBER)
        return None if found is None else der.read_integer(der.read(found.value))

    @property
    def authority_key_id(self) -> bytes | None:
        """The identifier of the key that signed. Raises FormatError."""
        found = self.extension(AUTHORITY_KEY_ID)
        parts = der.items(found.value) if found else ()
        return next((each.value for each in parts if each.tag == 0x80), None)

    def entries(self) -> Iterator[CrlEntry]:
        """Read the entries, one after the other. Raises FormatError."""
        for element in der.children(self.revoked) if self.revoked else ():
            yield _entry(element)

    def find(self, serial: int) -> CrlEntry | None:
        """Find the entry of a certificate. Raises FormatError."""
        revoked, wanted = self.revoked, der.integer(serial)
        if revoked is None or revoked.source.find(wanted, revoked.content, revoked.end) < 0:
            return None  # the octets are nowhere: nothing has to be taken apart
        for each in der.children(revoked):
            if each.source.startswith(wanted, each.content):
                return _entry(each)
        return None


def decode(content: bytes) -> bytes:
    """Give the DER of a list in PEM or DER; what is in DER is not looked at. Raises FormatError."""
    return pem.first(content, LABEL) if pem.BEGIN in content else content


def parse(octets: bytes) -> CrlFields:
    """Take a list in DER apart. Raises FormatError."""
    whole = der.items(octets)
    if len(whole) != 3:
        raise FormatError("not a revocation list: it does not have three parts")
    signed, algorithm, signature = whole
    fields = der.children(der.expect(signed, der.SEQUENCE))
    version = 1
    if fields and fields[0].tag == der.INTEGER:
        version = der.read_integer(fields.pop(0)) + 1
    if len(fields) < 3:
        raise FormatError("not a revocation list: fields are missing")
    inner, issuer, this_update, *rest = fields
    if inner.raw != algorithm.raw:  # RFC 5280 5.1.1.2
        raise FormatError("not a revocation list: it names two signature algorithms")
    next_update = revoked = extensions = None
    if rest and rest[0].tag in (der.UTC_TIME, der.GENERALIZED_TIME):
        next_update = x509_fields.moment(rest.pop(0))
    if rest and rest[0].tag == der.SEQUENCE:
        revoked = rest.pop(0)
    if rest and rest[0].tag == 0xA0:
        extensions = der.exactly(rest.pop(0), 1)[0]
    if rest:
        raise FormatError("not a revocation list: it has fields that do not belong there")
    return CrlFields(
        raw=octets,
        to_be_signed=signed.raw,
        version=version,
        algorithm=x509_fields.algorithm_identifier(algorithm),
        issuer=x509_fields.name(issuer),
        issuer_raw=issuer.raw,
        this_update=x509_fields.moment(this_update),
        next_update=next_update,
        revoked=revoked,
        extensions=x509_fields.extension_list(extensions) if extensions else (),
        signature=der.read_bits(signature),
    )


def read_reason(value: bytes) -> int:
    """Read the value of a reason code extension. Raises FormatError."""
    octets = der.expect(der.read(value), _ENUMERATED).value
    if len(octets) != 1:
        raise FormatError("DER: a reason code that is not of one octet")
    return octets[0]


def _entry(element: der.Element) -> CrlEntry:
    parts = der.children(der.expect(element, der.SEQUENCE))
    if len(parts) not in (2, 3):
        raise FormatError("DER: an entry that is not of two or three parts")
    return CrlEntry(
        serial=der.read_integer(parts[0]),
        revoked_at=x509_fields.moment(parts[1]),
        extensions=x509_fields.extension_list(parts[2]) if len(parts) == 3 else (),
    )


def _extension(extensions: tuple[ExtensionField, ...], oid: str) -> ExtensionField | None:
    return next((each for each in extensions if each.oid == oid), None)
