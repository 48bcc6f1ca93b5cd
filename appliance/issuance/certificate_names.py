"""The names of a templated certificate, encoded: its subject and its alternative names.

Where a certificate has only names of the four usual kinds they come out in Go's order, by kind;
where it has any other, in step's: as they are listed, after `dnsNames` and its like.
"""

import ipaddress
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

from appliance.formats import asn1_values, der, gourl, idn, laxjson
from appliance.formats.laxjson import Object
from appliance.issuance import certificate_json
from appliance.issuance.certificate_json import CertificateJson, ExtraName, Name, TypedName
from appliance.model.errors import FormatError

_EMAIL_ADDRESS: Final = "1.2.840.113549.1.9.1"
_COUNTRY, _PROVINCE, _LOCALITY, _STREET = "2.5.4.6", "2.5.4.8", "2.5.4.7", "2.5.4.9"
_POSTAL_CODE, _ORGANIZATION, _UNIT = "2.5.4.17", "2.5.4.10", "2.5.4.11"
_COMMON_NAME, _SERIAL_NUMBER = "2.5.4.3", "2.5.4.5"
_OTHER, _EMAIL, _DNS, _URI, _IP = 0, 1, 2, 6, 7  # GeneralName (RFC 5280 4.2.1.6)
_DIRECTORY, _REGISTERED = 4, 8
_USUAL: Final = ("dns", "email", "ip", "uri", "auto", "")
_PERMANENT_IDENTIFIER: Final = "1.3.6.1.5.5.7.8.3"  # RFC 4043
_HARDWARE_MODULE: Final = "1.3.6.1.5.5.7.8.4"  # RFC 4108
_PRINCIPAL_NAME: Final = "1.3.6.1.4.1.311.20.2.3"  # Microsoft's, for logon with smart cards


# ---- distinguished names


def filled(name: Name, defaults: Mapping[str, str]) -> Name:
    """Put defaults, by step's keys, where the name says nothing."""
    if not defaults:
        return name
    given = {key: (text,) for key, text in defaults.items() if text}
    return replace(
        name,
        country=name.country or given.get("country", ()),
        organization=name.organization or given.get("organization", ()),
        organizational_unit=name.organizational_unit or given.get("organizationalUnit", ()),
        locality=name.locality or given.get("locality", ()),
        province=name.province or given.get("province", ()),
        street_address=name.street_address or given.get("streetAddress", ()),
        serial_number=name.serial_number or defaults.get("serialNumber", ""),
        common_name=name.common_name or defaults.get("commonName", ""),
    )


def encode_name(name: Name) -> bytes:
    """Encode a name as Go does: all values of one kind in one set, extra names last.

    A part of which there is an extra name is left out. Raises FormatError.
    """
    extra = {each.type for each in name.extra_names}
    parts = (
        (_COUNTRY, name.country),
        (_PROVINCE, name.province),
        (_LOCALITY, name.locality),
        (_STREET, name.street_address),
        (_POSTAL_CODE, name.postal_code),
        (_ORGANIZATION, name.organization),
        (_UNIT, name.organizational_unit),
        (_COMMON_NAME, (name.common_name,) if name.common_name else ()),
        (_SERIAL_NUMBER, (name.serial_number,) if name.serial_number else ()),
    )
    sets = [
        der.set_of(*(der.sequence(der.oid(oid), asn1_values.string(text)) for text in texts))
        for oid, texts in parts
        if texts and oid not in extra
    ]
    return der.sequence(*sets, *map(_extra_name, name.extra_names))


def _extra_name(extra: ExtraName) -> bytes:
    value = extra.value
    if not isinstance(value, str):
        raise FormatError(f"the extra name {extra.type} must be a text")
    write = asn1_values.ia5 if extra.type == _EMAIL_ADDRESS else asn1_values.string
    return der.set_of(der.sequence(der.oid(extra.type), write(value)))


# ---- alternative names


def needs_step_form(wanted: CertificateJson) -> bool:
    """Say whether there are names beyond the four usual kinds."""
    return any(each.type not in _USUAL for each in wanted.sans)


def usual_names(wanted: CertificateJson) -> bytes:
    """Encode the names by kind; empty when there are none. Raises FormatError.

    An address or URI in `sans` that is none is left out, as step-ca does.
    """
    dns = list(wanted.dns_names)
    emails = list(wanted.email_addresses)
    addresses = [each.packed for each in wanted.ip_addresses]
    uris = [each.text for each in wanted.uris]
    for san in wanted.sans:
        kind = _kind(san)
        if not san.value:
            continue
        if kind == "ip":
            addresses += _address(san.value)
        elif kind == "uri":
            uris += _uri(san.value)
        else:
            (emails if kind == "email" else dns).append(san.value)
    encoded = [
        *(_general(_DNS, each) for each in dns),
        *(_general(_EMAIL, each) for each in emails),
        *(_general_address(each) for each in addresses),
        *(_general(_URI, each) for each in uris),
    ]
    return der.sequence(*encoded) if encoded else b""


def step_names(wanted: CertificateJson) -> bytes:
    """Encode the names in their order, of any type. Raises FormatError."""
    listed = [
        *(TypedName(type="dns", value=each) for each in wanted.dns_names),
        *(TypedName(type="email", value=each) for each in wanted.email_addresses),
        *(TypedName(type="ip", value=str(each)) for each in wanted.ip_addresses),
        *(TypedName(type="uri", value=each.text) for each in wanted.uris),
        *wanted.sans,
    ]
    return der.sequence(*(_step_name(san) for san in listed if san.value or san.has_asn1))


def _step_name(san: TypedName) -> bytes:
    return _FORMS.get(_guessed(san.value) if san.type in ("", "auto") else san.type, _other)(san)


def _kind(san: TypedName) -> str:
    kind = san.type.lower()
    return _guessed(san.value) if kind in ("", "auto") else kind


def _guessed(value: str) -> str:
    """Say what a bare text is, by step's rule: address, else URI, email, DNS name."""
    if _address(value):
        return "ip"
    with suppress(FormatError):
        if gourl.parse(value).scheme:
            return "uri"
    return "email" if "@" in value else "dns"


def _address(value: str) -> list[bytes]:
    try:
        return [] if "%" in value else [ipaddress.ip_address(value).packed]
    except ValueError:
        return []


def _uri(value: str) -> list[str]:
    try:
        return [gourl.parse(value).text]
    except FormatError:
        return []


def _general(tag: int, text: str) -> bytes:
    if not text.isascii():
        raise FormatError(
            f"{text[:80]!r} has characters that certificates cannot carry; use its ASCII form"
        )
    return der.context(tag, text.encode(), constructed=False)


def _general_address(packed: bytes) -> bytes:
    mapped = len(packed) == 16 and packed[:12] == b"\0" * 10 + b"\xff\xff"
    return der.context(_IP, packed[12:] if mapped else packed, constructed=False)


def _dns_form(san: TypedName) -> bytes:
    if not san.value:
        raise FormatError("a name of type dns has no value")
    return _general(_DNS, idn.lookup_form(san.value))


def _ip_form(san: TypedName) -> bytes:
    found = _address(san.value)
    if not found:
        raise FormatError(f"{san.value[:80]!r} is not an IP address")
    return _general_address(found[0])


def _registered(san: TypedName) -> bytes:
    if not san.value:
        raise FormatError("a name of type registeredID has no value")
    encoded = der.read(der.oid(certificate_json.identifier(san.value)))
    return der.context(_REGISTERED, encoded.value, constructed=False)


def _permanent_identifier(san: TypedName) -> bytes:
    text, assigner = san.value, ""
    if san.has_asn1:
        written = Object(san.asn1, "permanentIdentifier")
        text, assigner = written.text("identifier"), _identifier(written, "assigner")
    value = der.sequence(
        der.utf8_string(text) if text else b"", der.oid(assigner) if assigner else b""
    )
    return _other_name(_PERMANENT_IDENTIFIER, der.context(0, value))


def _hardware_module(san: TypedName) -> bytes:
    written = Object(_value(san), "hardwareModuleName")
    value = der.sequence(
        der.oid(_identifier(written, "type")),
        # RFC 4108 has an OCTET STRING here; step-ca writes [4], and who reads it looks for that
        der.context(4, written.octets("serialNumber") or b"", constructed=False),
    )
    return _other_name(_HARDWARE_MODULE, der.context(0, value))


def _directory_name(san: TypedName) -> bytes:
    encoded = encode_name(certificate_json.name(_value(san), "the directory name"))
    if encoded == der.sequence():
        raise FormatError("a directory name is empty")
    return der.context(_DIRECTORY, encoded)


def _principal_name(san: TypedName) -> bytes:
    if not san.value:
        raise FormatError("a name of type userPrincipalName has no value")
    return _other_name(_PRINCIPAL_NAME, asn1_values.encode(san.value, "utf8", explicit=0))


def _other(san: TypedName) -> bytes:
    """Encode another name whose type is an object identifier (RFC 5280 4.2.1.6)."""
    try:
        oid = certificate_json.identifier(san.type)
    except FormatError:
        raise FormatError(f"names of type {san.type[:80]!r} are not known") from None
    kind, value = asn1_values.split(san.value)
    return _other_name(oid, asn1_values.encode(value, kind, explicit=0))


def _other_name(oid: str, value: bytes) -> bytes:
    return der.context(_OTHER, der.oid(oid), value)


def _value(san: TypedName) -> object:
    """Give `asn1Value`, or the value as JSON."""
    if san.has_asn1:
        return san.asn1
    if not san.value:
        raise FormatError(f"a name of type {san.type} has neither value nor asn1Value")
    return laxjson.decode(san.value, whole=True)


def _identifier(written: Object, key: str) -> str:
    return certificate_json.identifier(written.text(key))


_FORMS: Final[Mapping[str, Callable[[TypedName], bytes]]] = {
    "dns": _dns_form,
    "email": lambda san: _general(_EMAIL, san.value),
    "ip": _ip_form,
    "uri": lambda san: _general(_URI, san.value),
    "registeredID": _registered,
    "permanentIdentifier": _permanent_identifier,
    "hardwareModuleName": _hardware_module,
    "dn": _directory_name,
    "userPrincipalName": _principal_name,
}
