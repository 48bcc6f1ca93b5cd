"""JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037) and their thumbprints (RFC 7638)."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
    EllipticCurvePrivateKey,
    EllipticCurvePrivateNumbers,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)

from appliance.formats import base64url
from appliance.formats.keys import CURVE_NAMES, PrivateKey, PublicKey
from appliance.model.errors import FormatError

_CURVES: dict[str, EllipticCurve] = {
    "P-256": SECP256R1(),
    "P-384": SECP384R1(),
    "P-521": SECP521R1(),
}
_OF_CURVES = (EllipticCurvePublicKey, EllipticCurvePrivateKey)
_ECDSA = {256: "ES256", 384: "ES384", 521: "ES512"}
_THUMBPRINT_MEMBERS = {
    "EC": ("crv", "kty", "x", "y"),
    "RSA": ("e", "kty", "n"),
    "OKP": ("crv", "kty", "x"),
}
_LARGEST_RSA = 16384 // 8  # octets of a modulus that we are willing to compute with


def algorithm(key: PrivateKey | PublicKey) -> str:
    """Name the signature algorithm that goes with a key by default: ES256, EdDSA, RS256, …"""
    if isinstance(key, _OF_CURVES):
        return _ECDSA[key.key_size]
    return "EdDSA" if isinstance(key, Ed25519PrivateKey | Ed25519PublicKey) else "RS256"


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """Give the SHA-256 thumbprint in base64url; step's `kid`. Raises FormatError."""
    names = _THUMBPRINT_MEMBERS.get(str(jwk.get("kty")))
    if names is None:
        raise FormatError("a JWK of unsupported kty: use EC, RSA or OKP")
    members = {name: _text(jwk, name) for name in names}
    return base64url.encode(hashlib.sha256(msgspec.json.encode(members)).digest())


def public_members(key: PublicKey) -> dict[str, Any]:
    """Give the members that define a public key: `kty`, `crv`, `x`, …"""
    if isinstance(key, EllipticCurvePublicKey):
        point, size = key.public_numbers(), (key.key_size + 7) // 8
        return {
            "kty": "EC",
            "crv": CURVE_NAMES[key.curve.name],
            "x": base64url.encode(point.x.to_bytes(size)),
            "y": base64url.encode(point.y.to_bytes(size)),
        }
    if isinstance(key, Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(key.public_bytes_raw())}
    numbers = key.public_numbers()
    return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}


def public_jwk(key: PublicKey) -> dict[str, Any]:
    """Give a public signing key as step writes it: with `use`, `kid` (its thumbprint) and `alg`."""
    members = public_members(key)
    first = {"use": "sig", "kty": members["kty"], "kid": thumbprint(members)}
    if "crv" in members:
        first["crv"] = members["crv"]
    return first | {"alg": algorithm(key)} | members


def private_jwk(key: PrivateKey) -> dict[str, Any]:
    """Give a private signing key as step writes it. What it returns is a secret."""
    return public_jwk(key.public_key()) | private_members(key)


def private_members(key: PrivateKey) -> dict[str, Any]:
    """Give the members that define a private key, the public ones first. They are a secret."""
    jwk = public_members(key.public_key())
    if isinstance(key, EllipticCurvePrivateKey):
        size = (key.key_size + 7) // 8
        return jwk | {"d": base64url.encode(key.private_numbers().private_value.to_bytes(size))}
    if isinstance(key, Ed25519PrivateKey):
        return jwk | {"d": base64url.encode(key.private_bytes_raw())}
    numbers = key.private_numbers()
    return jwk | {
        "d": _number(numbers.d),
        "p": _number(numbers.p),
        "q": _number(numbers.q),
        "dp": _number(numbers.dmp1),
        "dq": _number(numbers.dmq1),
        "qi": _number(numbers.iqmp),
    }


def public_key(jwk: Mapping[str, Any]) -> PublicKey:
    """Give the key of a JWK; a private one gives its public half. Raises FormatError."""
    try:
        match jwk.get("kty"), jwk.get("crv"):
            case "EC", "P-256" | "P-384" | "P-521":
                return _point(jwk).public_key()
            case "OKP", "Ed25519":
                return Ed25519PublicKey.from_public_bytes(_octets(jwk, "x", 32))
            case "RSA", _:
                return _rsa_public(jwk).public_key()
            case kty, crv:
                raise _unsupported(kty, crv)
    except ValueError as error:
        raise FormatError(f"a JWK that is no key: {_reason(error)}") from None


def private_key(jwk: Mapping[str, Any]) -> PrivateKey:
    """Give the private key of a JWK. Raises FormatError."""
    if "d" not in jwk:
        raise FormatError("a JWK without its private part (d)")
    try:
        match jwk.get("kty"), jwk.get("crv"):
            case "EC", "P-256" | "P-384" | "P-521":
                point = _point(jwk)
                secret = int.from_bytes(_octets(jwk, "d", (point.curve.key_size + 7) // 8))
                return EllipticCurvePrivateNumbers(secret, point).private_key()
            case "OKP", "Ed25519":
                key = Ed25519PrivateKey.from_private_bytes(_octets(jwk, "d", 32))
                if key.public_key().public_bytes_raw() != _octets(jwk, "x", 32):
                    raise FormatError("a JWK whose private and public parts do not belong together")
                return key
            case "RSA", _:
                return _rsa_private(jwk)
            case kty, crv:
                raise _unsupported(kty, crv)
    except ValueError as error:
        raise FormatError(f"a JWK that is no key: {_reason(error)}") from None


def _unsupported(kty: object, crv: object) -> FormatError:
    kind = f"kty {str(kty)[:20]!r}" + (f", crv {str(crv)[:20]!r}" if crv is not None else "")
    return FormatError(f"a JWK with {kind} is not supported: use EC, RSA or OKP with Ed25519")


def _reason(error: ValueError) -> str:
    return str(error).split("\n", 1)[0][:200]


def _point(jwk: Mapping[str, Any]) -> EllipticCurvePublicNumbers:
    curve = _CURVES[jwk["crv"]]
    size = (curve.key_size + 7) // 8
    x, y = (int.from_bytes(_octets(jwk, name, size)) for name in ("x", "y"))
    return EllipticCurvePublicNumbers(x, y, curve)


def _rsa_public(jwk: Mapping[str, Any]) -> RSAPublicNumbers:
    modulus, exponent = _octets(jwk, "n"), _octets(jwk, "e")
    if len(modulus) > _LARGEST_RSA or len(exponent) > 8:
        raise FormatError("a JWK with an RSA key that is too large")
    return RSAPublicNumbers(int.from_bytes(exponent), int.from_bytes(modulus))


def _rsa_private(jwk: Mapping[str, Any]) -> RSAPrivateKey:
    public = _rsa_public(jwk)
    d, p, q = (int.from_bytes(_octets(jwk, name)[: _LARGEST_RSA + 1]) for name in ("d", "p", "q"))
    if min(d, p, q) < 3:
        raise FormatError("a JWK with an RSA key that is too small")
    numbers = RSAPrivateNumbers(
        p, q, d, rsa_crt_dmp1(d, p), rsa_crt_dmq1(d, q), rsa_crt_iqmp(p, q), public
    )
    return numbers.private_key()


def _text(jwk: Mapping[str, Any], name: str) -> str:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise FormatError(f"a JWK without {name}")
    return value


def _octets(jwk: Mapping[str, Any], name: str, size: int | None = None) -> bytes:
    octets = base64url.decode(_text(jwk, name))
    if size is not None and len(octets) != size:
        raise FormatError(f"a JWK whose {name} is {len(octets)} octets long, not {size}")
    return octets


def _number(number: int) -> str:
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8))
