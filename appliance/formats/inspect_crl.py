"""Revocation lists as text for people and as JSON, in the forms that step prints."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from appliance.formats import crl, der
from appliance.formats.crl import CrlEntry, CrlFields
from appliance.formats.inspect_extensions import printable
from appliance.formats.inspect_names import distinguished_name, signature_algorithm
from appliance.formats.x509_fields import Algorithm, Attribute, ExtensionField
from appliance.model.errors import FormatError

_REASONS: Final = {
    0: "Unspecified",
    1: "Key Compromise",
    2: "CA Compromise",
    3: "Affiliation Changed",
    4: "Superseded",
    5: "Cessation Of Operation",
    6: "Certificate Hold",
    8: "Remove From CRL",
    9: "Privilege Withdrawn",
    10: "AA Compromise",
}
_NAME_LISTS: Final = (
    ("2.5.4.6", "country"),
    ("2.5.4.10", "organization"),
    ("2.5.4.11", "organizational_unit"),
    ("2.5.4.7", "locality"),
    ("2.5.4.8", "province"),
    ("2.5.4.9", "street_address"),
    ("2.5.4.17", "postal_code"),
)
_NAME_TEXTS: Final = (("2.5.4.5", "serial_number"), ("2.5.4.3", "common_name"))
_SCOPES: Final = (
    (0x81, "Only User Certificates", "only_user_certificates"),
    (0x82, "Only CA Certificates", "only_ca_certificates"),
    (0x85, "Only Attribute Certificates", "only_attribute_certificates"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of checking a list, for which there may have been nobody to check against."""

    valid: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Shown:
    """An extension in both forms."""

    title: str
    lines: list[str]
    members: dict[str, Any]


def list_text(fields: CrlFields, verdict: Verdict) -> str:
    """Show everything that a list says. Raises FormatError."""
    lines = [
        "Certificate Revocation List (CRL):",
        "    Data:",
        f"        Valid: {str(verdict.valid).lower()}",
        *([f"        Reason: {verdict.reason}"] if verdict.reason else ()),
        *_number(fields),
        f"    Signature algorithm: {signature_algorithm(fields.algorithm)}",
        f"        Issuer: {distinguished_name(fields.issuer)}",
        f"        Last Update: {_moment(fields.this_update)}",
        f"        Next Update: {_moment(fields.next_update)}",
        "        CRL Extensions:",
        *_extension_lines(fields.extensions, 12),
    ]
    entries = [line for entry in fields.entries() for line in _entry_lines(entry)]
    title = "Revoked Certificates:" if entries else "No Revoked Certificates."
    lines += [f"{'':8}{title}", *entries]
    lines.append(f"    Signature Algorithm: {signature_algorithm(fields.algorithm)}")
    octets = fields.signature.hex(":")
    lines += [f"{'':8}{octets[i : i + 48]}" for i in range(0, len(octets), 48)]
    safe = ("".join(each if each.isprintable() else "." for each in line) for line in lines)
    return "\n".join([*safe, ""])


def list_object(fields: CrlFields, verdict: Verdict) -> dict[str, Any]:
    """Give the members of a list, in step's order. Raises FormatError."""
    number, key_id = fields.number, fields.authority_key_id
    algorithm = _algorithm(fields.algorithm)
    shown = [_extension(each) for each in fields.extensions]
    return {
        "version": None if number is None else number + 1,  # as step has it
        "signature_algorithm": algorithm,
        "issuer": _name(fields.issuer),
        "this_update": _rfc3339(fields.this_update),
        "next_update": _rfc3339(fields.next_update),
        "revoked_certificates": [_entry_object(each) for each in fields.entries()],
        **({"extensions": [each.members for each in shown]} if shown else {}),
        "signature": {
            "signature_algorithm": algorithm,
            "value": _base64(fields.signature),
            "valid": verdict.valid,
            **({"reason": verdict.reason} if verdict.reason else {}),
        },
        "AuthorityKeyID": None if key_id is None else _base64(key_id),
        "Raw": _base64(fields.to_be_signed),
    }


def _number(fields: CrlFields) -> list[str]:
    """Give what step calls the version."""
    number = fields.number
    return [] if number is None else [f"        Version: {number} ({number:#x})"]


def _entry_lines(entry: CrlEntry) -> list[str]:
    octets = abs(entry.serial).to_bytes((abs(entry.serial).bit_length() + 7) // 8)
    shown = f"0x{octets.hex().upper()}" if octets else "0x"
    extensions = _extension_lines(entry.extensions, 20)
    return [
        f"{'':12}Serial Number: {entry.serial} ({shown})",
        f"{'':16}Revocation Date: {_moment(entry.revoked_at)}",
        *([f"{'':16}CRL Entry Extensions:", *extensions] if extensions else ()),
    ]


def _entry_object(entry: CrlEntry) -> dict[str, Any]:
    shown = [_extension(each).members for each in entry.extensions]
    return {
        "serial_number": str(entry.serial),
        "revocation_time": _rfc3339(entry.revoked_at),
        **({"extensions": shown} if shown else {}),
    }


# ---- extensions


def _extension_lines(extensions: tuple[ExtensionField, ...], indent: int) -> list[str]:
    lines = []
    for each in extensions:
        shown = _extension(each)
        lines.append(f"{'':{indent}}{shown.title}")
        lines += [f"{'':{indent + 4}}{line}" for line in shown.lines]
    return lines


def _extension(field: ExtensionField) -> _Shown:
    show = _KNOWN.get(field.oid, _unknown)
    shown = show(field)
    if not field.critical:
        return shown
    members = dict(sorted({**shown.members, "critical": True}.items()))
    return _Shown(f"{shown.title} critical", shown.lines, members)


def _unknown(field: ExtensionField) -> _Shown:
    return _Shown(field.oid, [printable(field.value)], {field.oid: _base64(field.value)})


def _reason_code(field: ExtensionField) -> _Shown:
    try:
        code = crl.read_reason(field.value)
        text = _REASONS.get(code, f"ReasonCode({code}): unknown")
    except FormatError:
        text = printable(field.value)
    return _Shown("X509v3 CRL Reason Code:", [text], {"crl_reason_code": text})


def _crl_number(field: ExtensionField) -> _Shown:
    title = "X509v3 CRL Number:"
    try:
        number = str(der.read_integer(der.read(field.value)))
    except FormatError:
        return _Shown(title, [printable(field.value)], {"crl_number": _base64(field.value)})
    return _Shown(title, [number], {"crl_number": number})


def _authority_key_id(field: ExtensionField) -> _Shown:
    try:
        parts = der.items(field.value)
        key_id = next((each.value for each in parts if each.tag == 0x80), b"")
        line = "keyid" + "".join(f":{octet:02X}" for octet in key_id)
    except FormatError:
        line = printable(field.value)
    members = {"authority_key_id": field.value.hex()}
    return _Shown("X509v3 Authority Key Identifier:", [line], members)


def _distribution_point(field: ExtensionField) -> _Shown:
    title, member = "X509v3 Issuing Distribution Point:", "issuing_distribution_point"
    try:
        parts = {each.tag: each for each in der.items(field.value)}
        names = _full_names(parts[0xA0]) if 0xA0 in parts else []
    except FormatError:
        return _Shown(title, [printable(field.value)], {member: _base64(field.value)})
    lines = ["Full Name:", *(f"    {name}" for name in names)] if names else []
    members: dict[str, Any] = {"full_names": names or None}
    for tag, line, name in _SCOPES:
        if tag in parts and any(parts[tag].value):
            lines.append(line)
            members[name] = True
    reasons = parts[0x83].value[1:] if 0x83 in parts else b""
    if reasons:
        lines.append(f"Reasons: {reasons.hex()}")
        members["only_some_reasons"] = _base64(reasons)
    return _Shown(title, lines, {member: dict(sorted(members.items()))})


def _full_names(point: der.Element) -> list[str]:
    return [
        f"URI:{each.value.decode('utf-8', 'replace')}"
        for name in der.children(point)
        if name.tag == 0xA0
        for each in der.children(name)
    ]


_KNOWN: Final[dict[str, Callable[[ExtensionField], _Shown]]] = {
    crl.REASON: _reason_code,
    crl.NUMBER: _crl_number,
    crl.AUTHORITY_KEY_ID: _authority_key_id,
    crl.DISTRIBUTION_POINT: _distribution_point,
}


# ---- small forms


def _name(attributes: tuple[Attribute, ...]) -> dict[str, Any]:
    known = [(each.oid, each.text) for each in attributes if each.text is not None]
    found: dict[str, Any] = {}
    for oid, member in _NAME_LISTS:
        if values := [text for each, text in known if each == oid]:
            found[member] = values
    for oid, member in _NAME_TEXTS:
        if values := [text for each, text in known if each == oid and text]:
            found[member] = values[-1]
    return found


def _algorithm(algorithm: Algorithm) -> dict[str, str]:
    return {"name": signature_algorithm(algorithm), "oid": algorithm.oid}


def _moment(moment: datetime | None) -> str:
    """Write a time; a list without an end has Go's zero there."""
    return f"{moment:%Y-%m-%d %H:%M:%S} +0000 UTC" if moment else "0001-01-01 00:00:00 +0000 UTC"


def _rfc3339(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else "0001-01-01T00:00:00Z"


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
