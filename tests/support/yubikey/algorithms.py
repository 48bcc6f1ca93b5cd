"""The key algorithms of PIV and of YubiKeys beyond it (NIST SP 800-78-4; firmware 5.7)."""

from typing import TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.yubikey.tlv import BAD_DATA, Status, tlv

RSA_BITS = {0x05: 3072, 0x06: 1024, 0x07: 2048, 0x16: 4096}
CURVES: dict[int, tuple[ec.EllipticCurve, hashes.HashAlgorithm, int]] = {
    0x11: (ec.SECP256R1(), hashes.SHA256(), 32),
    0x14: (ec.SECP384R1(), hashes.SHA384(), 48),
}
ED25519, X25519 = 0xE0, 0xE1
SINCE_5_7 = (0x05, 0x16, ED25519, X25519)

Private: TypeAlias = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | x25519.X25519PrivateKey
)
Public: TypeAlias = (
    rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | x25519.X25519PublicKey
)


def check(algorithm: int, version: tuple[int, int, int]) -> None:
    """Refuse what this firmware does not have."""
    known = algorithm in RSA_BITS or algorithm in CURVES or algorithm in (ED25519, X25519)
    if not known or (algorithm in SINCE_5_7 and version < (5, 7)):
        raise Status(BAD_DATA)


def generated(algorithm: int) -> Private:
    """Make a key."""
    if algorithm in RSA_BITS:
        return rsa.generate_private_key(65537, RSA_BITS[algorithm])
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm][0])
    if algorithm == ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    return x25519.X25519PrivateKey.generate()


def imported(algorithm: int, parts: dict[int, bytes]) -> Private:
    """Read a key as it is sent to be kept."""
    try:
        if algorithm in RSA_BITS:
            p, q, dp, dq, inverse = (int.from_bytes(parts[tag]) for tag in (1, 2, 3, 4, 5))
            d = pow(65537, -1, (p - 1) * (q - 1))
            public = rsa.RSAPublicNumbers(65537, p * q)
            return rsa.RSAPrivateNumbers(p, q, d, dp, dq, inverse, public).private_key()
        if algorithm in CURVES:
            return ec.derive_private_key(int.from_bytes(parts[6]), CURVES[algorithm][0])
        if algorithm == ED25519:
            return ed25519.Ed25519PrivateKey.from_private_bytes(parts[7])
        return x25519.X25519PrivateKey.from_private_bytes(parts[8])
    except (KeyError, ValueError):
        raise Status(BAD_DATA) from None


def written(public: Public) -> bytes:
    """Write a public key as the card tells it."""
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        modulus = numbers.n.to_bytes(public.key_size // 8)
        return tlv(0x81, modulus) + tlv(0x82, numbers.e.to_bytes(3))
    if isinstance(public, ec.EllipticCurvePublicKey):
        return tlv(0x86, public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    return tlv(0x86, public.public_bytes(Encoding.Raw, PublicFormat.Raw))


def signature(algorithm: int, key: Private, message: bytes) -> bytes:
    """Do the card's private operation: raw RSA, ECDSA of a digest, Ed25519 of a message."""
    match key:
        case rsa.RSAPrivateKey():
            size = RSA_BITS[algorithm] // 8
            if len(message) != size:
                raise Status(BAD_DATA)
            numbers = key.private_numbers()
            raised = pow(int.from_bytes(message), numbers.d, numbers.public_numbers.n)
            return raised.to_bytes(size)
        case ec.EllipticCurvePrivateKey():
            _, digest, size = CURVES[algorithm]
            if len(message) > size:
                raise Status(BAD_DATA)
            return key.sign(message.rjust(size, b"\0"), ec.ECDSA(Prehashed(digest)))
        case ed25519.Ed25519PrivateKey():
            return key.sign(message)
        case _:
            raise Status(BAD_DATA)


def secret(algorithm: int, key: Private, peer: bytes) -> bytes:
    """Agree on a secret with a peer's point."""
    try:
        if isinstance(key, ec.EllipticCurvePrivateKey):
            curve = CURVES[algorithm][0]
            return key.exchange(
                ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(curve, peer)
            )
        if isinstance(key, x25519.X25519PrivateKey):
            return key.exchange(x25519.X25519PublicKey.from_public_bytes(peer))
    except ValueError:
        pass
    raise Status(BAD_DATA)
