"""What the access log says of certificates and tokens, under step-ca's names.

One deliberate difference: of a token, not its value is logged (it may still be good somewhere
else) but what it says of itself.
"""

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from appliance.authority.x509 import Issued
from appliance.formats import base64url, names
from appliance.model.errors import FormatError

_SHOWN: Final = 100  # characters of a claim that nobody has verified


class _Claims(msgspec.Struct, frozen=True):
    jti: str = ""
    iss: str = ""
    sub: str = ""


_decoder = msgspec.json.Decoder(_Claims)


def token(text: str) -> Mapping[str, object]:
    """Say which token was shown; nothing of it has been verified."""
    parts = text.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = _decoder.decode(base64url.decode(parts[1]))
    except (FormatError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return {
        "token-id": claims.jti[:_SHOWN],
        "token-issuer": claims.iss[:_SHOWN],
        "token-subject": claims.sub[:_SHOWN],
    }


def issued(certificate: Issued, issuer: str) -> Mapping[str, object]:
    """Say what was issued; `issuer` is the common name of who signed it."""
    provisioner = certificate.provisioner
    fields: dict[str, object] = {
        "serial": str(certificate.serial),
        "subject": certificate.subject,
        "issuer": issuer,
        "sans": _by_kind(certificate.sans),
        "valid-from": _moment(certificate.validity.not_before),
        "valid-to": _moment(certificate.validity.not_after),
        "public-key": _public_key(certificate.certificate),
        "certificate": base64.b64encode(certificate.certificate).decode("ascii"),
    }
    if provisioner is not None:
        identity = f" ({provisioner.credential_id})" if provisioner.credential_id else ""
        fields["provisioner"] = provisioner.name + identity
    return fields


def _by_kind(sans: Iterable[str]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sans:
        found.setdefault(names.classify(name).kind.value, []).append(name)
    return found


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _public_key(certificate: bytes) -> str:
    match x509.load_der_x509_certificate(certificate).public_key():
        case ec.EllipticCurvePublicKey() as key:
            return f"ECDSA P-{key.curve.key_size}"
        case rsa.RSAPublicKey() as key:
            return f"RSA {key.key_size}"
        case ed25519.Ed25519PublicKey():
            return "Ed25519"
        case _:
            return "unknown"
