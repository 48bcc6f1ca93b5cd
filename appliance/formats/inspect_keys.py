"""Keys as text for people, in the form that step prints."""

from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from appliance.formats.key_forms import AnyKey
from appliance.formats.keys import CURVE_NAMES

_A_LINE = 16  # octets


def text(key: AnyKey) -> str:
    """Show all numbers of a key; those of a private key are its secret."""
    return "".join(f"{line}\n" for line in _lines(key))


def _lines(key: AnyKey) -> Iterator[str]:
    match key:
        case RSAPublicKey():
            yield from _rsa_public(key)
        case RSAPrivateKey():
            yield from _rsa_private(key)
        case EllipticCurvePublicKey():
            yield f"EC Public-Key: ({key.key_size} bit)"
            yield from _point(key)
            yield f"Curve: {CURVE_NAMES[key.curve.name]}"
        case EllipticCurvePrivateKey():
            yield f"EC PrivateKey-Key: ({key.key_size} bit)"
            yield from _point(key.public_key())
            secret = key.private_numbers().private_value
            yield _octets("D", secret.to_bytes((key.key_size + 7) // 8))
            yield f"Curve: {CURVE_NAMES[key.curve.name]}"
        case Ed25519PublicKey():
            yield "Ed25519 Public-Key: (256 bit)"
            yield _octets("Public", key.public_bytes_raw())
        case Ed25519PrivateKey():
            yield "Ed25519 Private-Key: (512 bit)"
            yield _octets("Public", key.public_key().public_bytes_raw())
            yield _octets("Private", key.private_bytes_raw())


def _rsa_public(key: RSAPublicKey) -> Iterator[str]:
    numbers, size = key.public_numbers(), (key.key_size + 7) // 8
    yield f"RSA Public-Key: ({size * 8} bit)"
    yield _octets("Modulus", numbers.n.to_bytes(size))
    yield f"Exponent: {numbers.e} ({numbers.e:#x})"


def _rsa_private(key: RSAPrivateKey) -> Iterator[str]:
    numbers, size = key.private_numbers(), (key.key_size + 7) // 8
    public = numbers.public_numbers
    yield f"RSA Private-Key: ({size * 8} bit)"
    yield _octets("Modulus", public.n.to_bytes(size))
    yield f"Public Exponent: {public.e} ({public.e:#x})"
    yield _octets("Private Exponent", numbers.d.to_bytes(size))
    for name, number in (
        ("Prime #1", numbers.p),
        ("Prime #2", numbers.q),
        ("Exponent #1", numbers.dmp1),
        ("Exponent #2", numbers.dmq1),
        ("Coefficient", numbers.iqmp),
    ):
        yield _octets(name, number.to_bytes((number.bit_length() + 7) // 8))


def _point(key: EllipticCurvePublicKey) -> Iterator[str]:
    numbers, size = key.public_numbers(), (key.key_size + 7) // 8
    yield _octets("X", numbers.x.to_bytes(size))
    yield _octets("Y", numbers.y.to_bytes(size))


def _octets(name: str, octets: bytes) -> str:
    """Write octets in hex, sixteen a line; a line that goes on ends in a colon."""
    rows = [octets[i : i + _A_LINE].hex(":") for i in range(0, len(octets), _A_LINE)]
    return "\n".join([f"{name}:", ":\n".join(f"    {row}" for row in rows)])
