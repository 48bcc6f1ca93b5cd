"""What the access log says of certificates and tokens, under step-ca's names.

One deliberate difference: of a token, not its value is logged (it may still be good somewhere
else) but what it says of itself.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from appliance.authority.x509_recording import Issued
from appliance.formats import base64url, names
from appliance.formats.ssh.certificate import SshCertificate
from appliance.issuance.ssh import periods
from appliance.model.errors import FormatError
from appliance.model.names import SanKind

_SHOWN: Final = 100  # characters of a claim that nobody has verified


_HOST_NAME: Final = re.compile(r"(?:[A-Za-z0-9_*-]+\.)*[A-Za-z][A-Za-z0-9-]*", re.ASCII)
"""What is sure to be a DNS name, without a closer look."""

_KEY_HEADERS: Final = tuple(
    (bytes.fromhex(header), name)
    for header, name in (
        ("3059301306072a8648ce3d020106082a8648ce3d030107034200", "ECDSA P-256"),
        ("3076301006072a8648ce3d020106052b81040022036200", "ECDSA P-384"),
        ("30819b301006072a8648ce3d020106052b8104002303818600", "ECDSA P-521"),
        ("302a300506032b6570032100", "Ed25519"),
    )
)
"""How a SubjectPublicKeyInfo begins (RFC 5480, RFC 8410): no name in a certificate does."""


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


def ssh_issued(certificate: SshCertificate) -> Mapping[str, object]:
    """Say which SSH certificate was issued."""
    form = certificate.key.key_form
    return {
        "serial": str(certificate.serial),
        "principals": certificate.principals,
        "valid-from": _moment(periods.moment(certificate.valid_after)),
        "valid-to": _moment(periods.moment(certificate.valid_before)),
        "certificate": base64.b64encode(certificate.blob).decode("ascii"),
        "certificate-type": f"{certificate.type_name} {certificate.type.label} certificate",
        "public-key": f"{certificate.key.fingerprint} ({form}-CERT)",
    }


def _by_kind(sans: Iterable[str]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sans:
        kind = SanKind.DNS if _HOST_NAME.fullmatch(name) else names.classify(name).kind
        found.setdefault(kind.value, []).append(name)
    return found


@lru_cache(maxsize=8)
def _moment(moment: datetime) -> str:
    """Write a moment of UTC, in whole seconds: what is issued within one has the same."""
    return f"{moment.isoformat()[:19]}Z"


def _public_key(certificate: bytes) -> str:
    for header, name in _KEY_HEADERS:
        if header in certificate:
            return name
    match x509.load_der_x509_certificate(certificate).public_key():
        case rsa.RSAPublicKey() as key:
            return f"RSA {key.key_size}"
        case _:
            return "unknown"
