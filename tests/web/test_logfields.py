"""The access log's words for keys, names and tokens."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from appliance.authority.x509_recording import Issued
from appliance.model.validity import Validity
from appliance.web.api import logfields

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)

KEYS: dict[str, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey] = {
    "ECDSA P-256": ec.generate_private_key(ec.SECP256R1()),
    "ECDSA P-384": ec.generate_private_key(ec.SECP384R1()),
    "ECDSA P-521": ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "RSA 2048": rsa.generate_private_key(65537, 2048),
}


@pytest.mark.parametrize("name", KEYS)
def test_keys(name: str) -> None:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(KEYS[name].public_key())
        .serial_number(5)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(KEYS["ECDSA P-256"], hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    sans = ("a.test", "*.b.test", "10.0.0.1", "::1", "me@b.test", "https://x/y", "localhost")
    issued = Issued(
        certificate=certificate,
        chain=(),
        serial=5,
        subject="x",
        sans=sans,
        validity=Validity(not_before=NOW, not_after=NOW + timedelta(days=1)),
        provisioner=None,
        drawn=True,
    )
    assert logfields.issued(issued, "CA") == {
        "serial": "5",
        "subject": "x",
        "issuer": "CA",
        "sans": {
            "dns": ["a.test", "*.b.test", "localhost"],
            "ip": ["10.0.0.1", "::1"],
            "email": ["me@b.test"],
            "uri": ["https://x/y"],
        },
        "valid-from": "2026-05-04T03:02:01Z",
        "valid-to": "2026-05-05T03:02:01Z",
        "public-key": name,
        "certificate": base64.b64encode(certificate).decode(),
    }


def token(claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{body}.c2VjcmV0"


def test_tokens() -> None:
    """What a token says of itself, cut short: nobody has verified it."""
    fields = logfields.token(token({"jti": "7", "iss": "p", "sub": "s" * 500, "x": 1}))
    assert fields == {"token-id": "7", "token-issuer": "p", "token-subject": "s" * 100}


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "a.=.c", token([1]), token({"jti": 5}), "..."])
def test_what_is_no_token(text: str) -> None:
    assert logfields.token(text) == {}
