"""Certificates read back with every octet kept, so that a renewal repeats what it does not know."""

import re
from datetime import UTC, datetime
from functools import lru_cache

from msgspec import Struct

from appliance.formats import der
from appliance.formats.der import Element
from appliance.issuance import subjects
from appliance.issuance.extensions import (
    STEP_PROVISIONER,
    SUBJECT_ALT_NAME,
    Extension,
    read_names,
    step_provisioner_name,
)
from appliance.model.errors import FormatError
from appliance.model.names import San
from appliance.model.validity import Validity

_MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z", re.ASCII)
_VERSION, _EXTENSIONS = 0xA0, 0xA3  # [0] and [3] of TBSCertificate


class ParsedCertificate(Struct, frozen=True, kw_only=True):
    """A certificate's parts. `subject`, `issuer` and `public_key_info` are DER."""

    der: bytes
    serial: int
    issuer: bytes
    subject: bytes
    public_key_info: bytes
    validity: Validity
    extensions: tuple[Extension, ...]

    @property
    def common_name(self) -> str:
        """The last common name of the subject; empty when it has none."""
        return subjects.common_name(self.subject)

    @property
    def sans(self) -> tuple[San, ...]:
        """DNS names, emails, addresses and URIs; other kinds are left out."""
        found = self.extension(SUBJECT_ALT_NAME)
        return () if found is None else read_names(found.value)

    @property
    def provisioner_name(self) -> str | None:
        """What the step provisioner extension names; None without one. Raises FormatError."""
        found = self.extension(STEP_PROVISIONER)
        return None if found is None else step_provisioner_name(found.value)

    def extension(self, oid: str) -> Extension | None:
        """Give the extension of this kind, when there is one."""
        for each in self.extensions:
            if each.oid == oid:
                return each
        return None


def parse(certificate: bytes) -> ParsedCertificate:
    """Take a certificate apart; signature and meaning are not judged. Raises FormatError."""
    try:
        to_be_signed, _, _ = der.items(certificate)
        fields = der.children(der.expect(to_be_signed, der.SEQUENCE))
        if fields[0].tag == _VERSION:
            del fields[0]
        serial, _, issuer, validity, subject, key, *rest = fields
        return ParsedCertificate(
            der=certificate,
            serial=der.read_integer(serial),
            issuer=issuer.raw,
            subject=subject.raw,
            public_key_info=key.raw,
            validity=_validity(validity),
            extensions=tuple(_extensions(rest)),
        )
    except (ValueError, IndexError):  # fewer or more elements than there must be
        raise FormatError("not an X.509 certificate") from None


def _validity(element: Element) -> Validity:
    not_before, not_after = map(_time, der.children(element))
    return Validity(not_before=not_before, not_after=not_after)


def _time(element: Element) -> datetime:
    """Read both forms (RFC 5280 4.1.2.5); two-digit years below 50 are of this century."""
    text = element.value.decode("latin-1")
    if element.tag == der.UTC_TIME:
        text = ("20" if text < "5" else "19") + text
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise FormatError("not an X.509 certificate")
    year, month, day, hour, minute, second = map(int, found.groups())
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _extensions(rest: list[Element]) -> list[Extension]:
    found = []
    for element in rest:
        if element.tag == _EXTENSIONS:
            (listed,) = der.children(element)
            found += [_extension(each.raw) for each in der.children(listed)]
    return found


@lru_cache(maxsize=256)  # those of most certificates are the same, but for names and keys
def _extension(encoded: bytes) -> Extension:
    oid, *critical, value = der.children(der.read(encoded))
    return Extension(
        oid=der.read_oid(oid),
        critical=any(flag.raw == der.TRUE for flag in critical),
        value=der.expect(value, der.OCTET_STRING).value,
        der=encoded,
    )
