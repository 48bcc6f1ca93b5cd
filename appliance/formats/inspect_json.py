"""Certificates and requests as JSON, with the members that step prints."""

import base64
import hashlib
import json
from typing import Any

from appliance.formats import der, general_names
from appliance.formats.curves import DOMAINS
from appliance.formats.inspect_json_extensions import (
    extensions,
    public_names,
    raw_extension,
    unknown_extension,
    validation_level,
)
from appliance.formats.inspect_names import (
    curve,
    json_name,
    one_line,
    point,
    public_key_algorithm,
    rsa_numbers,
    signature_algorithm,
)
from appliance.formats.inspect_text import is_self_signed
from appliance.formats.x509_fields import (
    Algorithm,
    CertificateFields,
    ExtensionField,
    PublicKeyField,
    RequestFields,
)

_TIMESTAMPS = ("1.3.6.1.4.1.11129.2.4.2", "1.3.6.1.4.1.11129.2.4.3")
_SUBJECT_ALT_NAME = "2.5.29.17"


def certificate_object(fields: CertificateFields) -> dict[str, Any]:
    """Give the members of one certificate, in step's order. Raises FormatError."""
    algorithm = _algorithm(fields.algorithm)
    shown = {
        "version": fields.version,
        "serial_number": str(fields.serial),
        "signature_algorithm": algorithm,
        "issuer": json_name(fields.issuer),
        "issuer_dn": one_line(fields.issuer),
        "validity": {
            "start": f"{fields.not_before:%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{fields.not_after:%Y-%m-%dT%H:%M:%SZ}",
            "length": int((fields.not_after - fields.not_before).total_seconds()),
        },
        "subject": json_name(fields.subject),
        "subject_dn": one_line(fields.subject),
        "subject_key_info": _key_info(fields.public_key),
        "extensions": extensions(fields.extensions),
        "unknown_extensions": [
            each for each in map(unknown_extension, fields.extensions) if each is not None
        ],
        "signature": {
            "signature_algorithm": algorithm,
            "value": _base64(fields.signature),
            "valid": False,  # not looked at here, nor by step
            "self_signed": is_self_signed(fields),
        },
        "fingerprint_md5": hashlib.md5(fields.raw, usedforsecurity=False).hexdigest(),
        "fingerprint_sha1": hashlib.sha1(fields.raw, usedforsecurity=False).hexdigest(),
        "fingerprint_sha256": _sha256(fields.raw),
        "tbs_noct_fingerprint": _sha256(_without_timestamps(fields.to_be_signed)),
        "spki_subject_fingerprint": _sha256(fields.public_key.raw + fields.subject_raw),
        "tbs_fingerprint": _sha256(fields.to_be_signed),
        "validation_level": validation_level(fields),
        "names": public_names(fields),
        "redacted": False,
    }
    optional = ("issuer_dn", "subject_dn", "unknown_extensions", "names")
    return {key: value for key, value in shown.items() if value or key not in optional}


def request_object(fields: RequestFields) -> dict[str, Any]:
    """Give the members of a request, in step's order and spelling. Raises FormatError."""
    names = general_names.of_extension(fields.extension(_SUBJECT_ALT_NAME))
    return {
        "Raw": _base64(fields.raw),
        "RawTBSCertificateRequest": _base64(fields.to_be_signed),
        "RawSubjectPublicKeyInfo": _base64(fields.public_key.raw),
        "RawSubject": _base64(fields.subject_raw),
        "Version": fields.version,
        "Signature": _base64(fields.signature),
        "SignatureAlgorithm": _algorithm(fields.algorithm),
        "PublicKeyAlgorithm": {"name": public_key_algorithm(fields.public_key)},
        "PublicKey": _request_key(fields.public_key),
        "Subject": json_name(fields.subject),
        "Attributes": _attributes(fields.extensions),
        "Extensions": [raw_extension(each) for each in fields.extensions] or None,
        "ExtraExtensions": None,
        "DNSNames": names.dns or None,
        "EmailAddresses": names.emails or None,
        "IPAddresses": names.addresses or None,
    }


def render(value: object) -> str:
    """Write JSON as Go does: indented by two, with <, > and & escaped."""
    # The standard library's encoder, since numbers here are longer than 64 bits.
    text = json.dumps(value, indent=2, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"{text}\n"


def _algorithm(algorithm: Algorithm) -> dict[str, str]:
    return {"name": signature_algorithm(algorithm), "oid": algorithm.oid}


def _key_info(key: PublicKeyField) -> dict[str, Any]:
    kind = public_key_algorithm(key)
    info: dict[str, Any] = {"key_algorithm": {"name": kind}}
    if kind == "RSA":
        modulus, exponent = rsa_numbers(key)
        octets = _magnitude(modulus)
        info["rsa_public_key"] = {
            "exponent": exponent,
            "modulus": _base64(octets),
            "length": len(octets) * 8,
        }
    elif (known := curve(key)) is not None and known[0] in DOMAINS:
        info["ecdsa_public_key"] = _point(key, *known)
    return info | {"fingerprint_sha256": _sha256(key.raw)}


def _point(key: PublicKeyField, name: str, size: int) -> dict[str, Any]:
    x, y = _coordinates(key)
    numbers = {**DOMAINS[name]._asdict(), "x": x, "y": y}
    shown = {each: _base64(_magnitude(number)) for each, number in numbers.items()}
    return dict(sorted({**shown, "curve": name, "length": size, "pub": _base64(key.bits)}.items()))


def _request_key(key: PublicKeyField) -> Any:
    kind = public_key_algorithm(key)
    if kind == "RSA":
        modulus, exponent = rsa_numbers(key)
        return {"N": modulus, "E": exponent}
    if kind == "ECDSA":
        x, y = _coordinates(key)
        return {
            "Pub": {"Curve": {}, "X": x, "Y": y},
            "Raw": {"Bytes": _base64(key.bits), "BitLength": len(key.bits) * 8},
        }
    return _base64(key.bits) if kind == "Ed25519" else None


def _coordinates(key: PublicKeyField) -> tuple[int, int]:
    x, y = point(key)
    return int.from_bytes(x), int.from_bytes(y)


def _attributes(requested: tuple[ExtensionField, ...]) -> list[dict[str, Any]] | None:
    if not requested:
        return None
    values = [{"type": each.oid} for each in requested]
    return [{"Type": [1, 2, 840, 113549, 1, 9, 14], "Value": [values]}]


def _without_timestamps(to_be_signed: bytes) -> bytes:
    """Encode it again without what transparency logs add; extensions are there even if empty."""
    fields = der.items(to_be_signed)
    kept = [
        each.raw
        for field in fields
        if field.tag == 0xA3
        for each in der.children(der.first(field))
        if der.read_oid(der.first(each)) not in _TIMESTAMPS
    ]
    others = [field.raw for field in fields if field.tag != 0xA3]
    return der.sequence(*others, der.context(3, der.sequence(*kept)))


def _magnitude(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _sha256(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()
