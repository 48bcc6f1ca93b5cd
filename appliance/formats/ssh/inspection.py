"""SSH keys and certificates as `ssh inspect`, `ssh list` and `ssh fingerprint` show them."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from appliance.formats import gojson
from appliance.formats.ssh.certificate import FOREVER, SshCertificate
from appliance.formats.ssh.keys import SshPublicKey
from appliance.formats.ssh.signatures import SshSignature

Local = Callable[[int], datetime]
"""Gives a moment (seconds since 1970) in the time zone to show. Raises as datetime does."""

_MARGIN: Final = 8 * " "
_INDENT: Final = 16 * " "
_ROW: Final = 16  # octets of a signature in a line
_UNSIGNED: Final = SshSignature(format="", blob=b"")
_ZERO_TIME: Final = "0001-01-01T00:00:00Z"


def plain(digest: bytes) -> str:
    """Write a digest as OpenSSH does: base64 without padding."""
    return base64.b64encode(digest).decode("ascii").rstrip("=")


def summary(
    held: SshPublicKey | SshCertificate,
    comment: str,
    *,
    encode: Callable[[bytes], str] = plain,
    whole: bool = False,
) -> str:
    """Write one line: size, SHA-256 fingerprint, comment, kind.

    Of a certificate the fingerprint is that of its key, or (`whole`) that of all of it.
    """
    is_certificate = isinstance(held, SshCertificate)
    key = held.key if isinstance(held, SshCertificate) else held
    digest = hashlib.sha256(held.blob if whole else key.blob).digest()
    kind = f"{algorithm(key)}-CERT" if is_certificate else algorithm(key)
    return f"{_size(key)} SHA256:{encode(digest)} {comment or 'no comment'} ({kind})"


def algorithm(key: SshPublicKey) -> str:
    """Name the kind of key: ECDSA, ED25519, RSA, SK-ECDSA, SK-ED25519."""
    match key.key:
        case EllipticCurvePublicKey():
            name = "ECDSA"
        case RSAPublicKey():
            name = "RSA"
        case _:
            name = "ED25519"
    return f"SK-{name}" if key.application else name


def text(shown: SshCertificate, name: str, local: Local) -> str:
    """Write a certificate for a person to read, as ssh-keygen -L and step do."""
    return "".join(f"{line}\n" for line in _lines(shown, name, local))


def json(shown: SshCertificate, local: Local) -> str:
    """Write a certificate as step's JSON."""
    signature = shown.signature or _UNSIGNED
    signed: dict[str, Any] = {
        "Type": signature.format,
        "Value": base64.b64encode(signature.blob).decode("ascii"),
    }
    if signature.rest:
        signed["Rest"] = base64.b64encode(signature.rest).decode("ascii")
    members = {
        "Type": shown.type.label,
        "KeyName": shown.type_name,
        "KeyID": shown.key_id,
        "KeyAlgo": algorithm(shown.key),
        "KeyFingerprint": shown.key.fingerprint,
        "SigningKeyAlgo": algorithm(shown.signature_key),
        "SigningKeyFingerprint": shown.signature_key.fingerprint,
        "Signature": signed,
        "Serial": shown.serial,
        "ValidAfter": _moment(shown.valid_after, local),
        "ValidBefore": _ZERO_TIME
        if shown.valid_before == FOREVER
        else _moment(shown.valid_before, local),
        "Principals": list(shown.principals) or None,
        "CriticalOptions": dict(sorted(shown.critical_options.items())),
        "Extensions": dict(sorted(shown.extensions.items())),
    }
    return f"{gojson.indented(members, indent=2).decode()}\n"


def _lines(shown: SshCertificate, name: str, local: Local) -> Iterator[str]:
    signature = shown.signature or _UNSIGNED
    ca = shown.signature_key
    yield f"{name}:"
    yield f"{_MARGIN}Type: {shown.type_name} {shown.type.label} certificate"
    yield f"{_MARGIN}Public key: {algorithm(shown.key)}-CERT {shown.key.fingerprint}"
    yield f"{_MARGIN}Signing CA: {algorithm(ca)} {ca.fingerprint} (using {signature.format})"
    yield f'{_MARGIN}Key ID: "{shown.key_id}"'
    yield f"{_MARGIN}Serial: {shown.serial}"
    yield f"{_MARGIN}Valid: {_validity(shown, local)}"
    yield from _list("Principals", shown.principals)
    yield from _list("Critical Options", _pairs(shown.critical_options))
    yield from _list("Extensions", _pairs(shown.extensions))
    yield f"{_MARGIN}Signature:"
    octets = [f"{octet:02x}" for octet in signature.blob]
    for start in range(0, len(octets), _ROW):
        row = ":".join(octets[start : start + _ROW])
        yield f"{_INDENT}{row}{':' if start + _ROW < len(octets) else ''}"


def _list(title: str, items: Iterator[str] | tuple[str, ...]) -> Iterator[str]:
    found = tuple(items)
    yield f"{_MARGIN}{title}: {'' if found else '(none)'}"
    yield from (f"{_INDENT}{item}" for item in found)


def _pairs(options: Mapping[str, str]) -> Iterator[str]:
    return (f"{name} {value}" for name, value in sorted(options.items()))


def _validity(shown: SshCertificate, local: Local) -> str:
    if shown.valid_before == FOREVER:
        return "forever"
    begin, end = (_clock(each, local) for each in (shown.valid_after, shown.valid_before))
    return f"from {begin} to {end}"


def _clock(seconds: int, local: Local) -> str:
    """Write a time as ssh-keygen does, in local time without its zone."""
    try:
        return local(seconds).replace(tzinfo=None).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return f"@{seconds}"  # beyond the calendar


def _moment(seconds: int, local: Local) -> str:
    try:
        return local(seconds).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return f"@{seconds}"


def _size(key: SshPublicKey) -> int:
    match key.key:
        case EllipticCurvePublicKey():
            return key.key.curve.key_size
        case RSAPublicKey():
            return (key.key.key_size + 7) // 8 * 8
        case _:
            return 256
