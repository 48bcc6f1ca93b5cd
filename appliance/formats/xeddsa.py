"""XEdDSA: signatures by X25519 keys, which else only agree on secrets.

https://signal.org/docs/specifications/xeddsa. The point of the Montgomery curve is the point of the
Edwards curve with the same y and a sign of 0; with that key, the signature is an Ed25519 one.

Signing computes with Python's integers, whose time depends on their values: for a client that
signs a token now and then, not for a server that others can watch.
"""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from appliance.model.errors import FormatError

ALGORITHM = "XEdDSA"  # its name in tokens; step's own
ENTROPY = 64  # octets that `sign` asks for

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_PREFIX = b"\xfe" + b"\xff" * 31  # of hash1, which no encoded point begins with
_SIGN = 1 << 255
# For these, anybody can make signatures that hold. https://cr.yp.to/ecdh.html#validate
_SMALL_ORDER = (
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    _P - 1,
)

_Point = tuple[int, int, int, int]  # X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z (RFC 8032 5.1.4)
_NEUTRAL: _Point = (0, 1, 1, 0)


def sign(key: X25519PrivateKey, message: bytes, entropy: bytes) -> bytes:
    """Sign a message; `entropy` is ENTROPY fresh random octets."""
    if len(entropy) != ENTROPY:
        raise ValueError(f"an XEdDSA signature takes {ENTROPY} octets of entropy")
    clamped = bytearray(key.private_bytes_raw())
    clamped[0] &= 248
    clamped[31] = clamped[31] & 127 | 64
    scalar = int.from_bytes(clamped, "little")
    public = _encoded(_times(scalar))
    if public & _SIGN:
        scalar = -scalar
    scalar %= _ORDER
    a = (public & ~_SIGN).to_bytes(32, "little")
    nonce = _hash(_PREFIX, scalar.to_bytes(32, "little"), message, entropy)
    r = _encoded(_times(nonce)).to_bytes(32, "little")
    s = (nonce + _hash(r, a, message) * scalar) % _ORDER
    return r + s.to_bytes(32, "little")


def verify(key: X25519PublicKey, message: bytes, signature: bytes) -> bool:
    """Say whether the key signed the message. Raises FormatError for a key that is no point."""
    if len(signature) != 64 or signature[63] & 0xE0:
        return False
    try:
        edwards_key(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def edwards_key(key: X25519PublicKey) -> Ed25519PublicKey:
    """Give the Ed25519 key that verifies what the X25519 key signs. Raises FormatError."""
    u = int.from_bytes(key.public_bytes_raw(), "little")
    if u >= _P or u in _SMALL_ORDER:
        raise FormatError("an X25519 key that is no point, or one of small order")
    y = (u - 1) * pow(u + 1, -1, _P) % _P
    return Ed25519PublicKey.from_public_bytes(y.to_bytes(32, "little"))


def _hash(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % _ORDER


def _base() -> _Point:
    """Give the base point of RFC 8032 5.1."""
    x = 15112221349535400772501151409588531511454012693041857206046113283949847762202
    y = 4 * pow(5, -1, _P) % _P
    return (x, y, 1, x * y % _P)


def _times(scalar: int) -> _Point:
    """Multiply the base point, with the same steps for each bit."""
    found, power = _NEUTRAL, _base()
    for bit in range(256):
        sums = (found, _sum(found, power))
        found = sums[scalar >> bit & 1]
        power = _sum(power, power)
    return found


def _sum(p: _Point, q: _Point) -> _Point:
    """Add two points (RFC 8032 5.1.4)."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _encoded(p: _Point) -> int:
    """Give y with the lowest bit of x on top (RFC 8032 5.1.2), as a number."""
    inverse = pow(p[2], -1, _P)
    return p[1] * inverse % _P | (p[0] * inverse % _P & 1) << 255
