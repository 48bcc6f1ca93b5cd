"""The key kinds that a certificate authority and its clients use."""

from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from appliance.model.errors import FormatError

PrivateKey: TypeAlias = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey
PublicKey: TypeAlias = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey

CURVE_NAMES = {SECP256R1.name: "P-256", SECP384R1.name: "P-384", SECP521R1.name: "P-521"}
"""Curve names of cryptography to those of JWA (RFC 7518 section 6.2.1.1)."""


def algorithm_name(key: PublicKey) -> str:
    """Name the kind of key as Go does."""
    match key:
        case EllipticCurvePublicKey():
            return "ECDSA"
        case Ed25519PublicKey():
            return "Ed25519"
        case RSAPublicKey():
            return "RSA"


def checked_private(key: object) -> PrivateKey:
    """Give the key back when it is of a kind and curve that we use. Raises FormatError."""
    if not isinstance(key, EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey):
        raise FormatError("unsupported kind of private key: use RSA, EC or Ed25519")
    checked_public(key.public_key())
    return key


def checked_public(key: object) -> PublicKey:
    """Give the key back when it is of a kind and curve that we use. Raises FormatError."""
    if isinstance(key, EllipticCurvePublicKey):
        if key.curve.name not in CURVE_NAMES:
            raise FormatError(f"unsupported curve {key.curve.name}: use P-256, P-384 or P-521")
        return key
    if not isinstance(key, Ed25519PublicKey | RSAPublicKey):
        raise FormatError("unsupported kind of public key: use RSA, EC or Ed25519")
    return key
