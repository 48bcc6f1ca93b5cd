"""Keys in PEM as Kubernetes and Nebula write them."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256K1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from appliance.formats import nebula_keys, nebula_pem, pem, public_keys
from appliance.model.errors import FormatError
from tests.support.requests import key_of, private_pem

GOLDEN = json.loads((Path(__file__).parent / "golden" / "nebula.json").read_text())
LABELS = {"CURVE25519": ("X25519", "ED25519"), "P256": ("P256", "ECDSA P256")}


def public(form: PublicFormat, kind: str = "RSA-2048") -> bytes:
    return key_of(kind).public_key().public_bytes(Encoding.PEM, form)


def test_public_keys_come_in_several_wrappings() -> None:
    text = public(PublicFormat.PKCS1) + public(PublicFormat.SubjectPublicKeyInfo, "P-384")
    text += public(PublicFormat.SubjectPublicKeyInfo, "Ed25519")
    assert [type(key).__name__ for key in public_keys.read_all(text)] == [
        "RSAPublicKey", "ECPublicKey", "Ed25519PublicKey"
    ]  # fmt: skip
    assert public_keys.read_all(b"no keys") == ()


@pytest.mark.parametrize(
    "text",
    [
        private_pem(key_of("P-256")),
        generate_private_key(SECP256K1()).public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        ),
        pem.encode("RSA PUBLIC KEY", b"junk").encode(),
        pem.encode("CERTIFICATE", b"junk").encode(),
        pem.encode("PUBLIC KEY", b"junk").encode(),
    ],
)  # fmt: skip
def test_what_is_no_public_key_is_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        public_keys.read_all(text)


@pytest.mark.parametrize("kind", sorted(GOLDEN))
def test_a_key_of_nebula_is_read_and_goes_with_its_certificate(kind: str) -> None:
    of_host, of_ca = LABELS[kind.partition("-")[2]]
    for who, label in (("host", of_host), ("ca", of_ca)):
        octets = bytes.fromhex(GOLDEN[kind][f"{who}_key"])
        key = nebula_keys.read(pem.encode(f"NEBULA {label} PRIVATE KEY", octets).encode())
        (certificate,) = nebula_pem.read_pem(GOLDEN[kind][who]["pem"].encode())
        assert nebula_keys.is_of(key, certificate)
        other = "ca" if who == "host" else "host"
        (foreign,) = nebula_pem.read_pem(GOLDEN[kind][other]["pem"].encode())
        assert not nebula_keys.is_of(key, foreign)


def test_a_p256_or_ca_key_may_come_in_the_usual_forms() -> None:
    ours = key_of("P-256")
    assert isinstance(nebula_keys.read(private_pem(ours)), EllipticCurvePrivateKey)
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    text = Ed25519PrivateKey.generate().private_bytes(*form)
    assert isinstance(nebula_keys.read(text), Ed25519PrivateKey)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (pem.encode("NEBULA X25519 PRIVATE KEY", bytes(31)), "31 octets long, not 32"),
        (pem.encode("NEBULA P256 PRIVATE KEY", bytes(32)), "no key"),
        (pem.encode("NEBULA ED25519 ENCRYPTED PRIVATE KEY", bytes(9)), "encrypted"),
        (private_pem(key_of("RSA-2048")).decode(), "does not have"),
        ("nothing", "no PEM block"),
    ],
)
def test_what_is_no_key_of_nebula_is_refused(text: str, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        nebula_keys.read(text.encode())
