"""Messages as RSA signs them, for devices that do nothing but the exponentiation (RFC 8017 9)."""

import hashlib

_DIGEST_INFO = {  # RFC 8017 9.2, note 1
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


def pkcs1(hashed: bytes, digest: str, bits: int) -> bytes:
    """Encode what was hashed for a modulus of so many bits: EMSA-PKCS1-v1_5."""
    info = _DIGEST_INFO[digest] + hashed
    filling = bits // 8 - len(info) - 3
    return b"\x00\x01" + b"\xff" * filling + b"\x00" + info


def pss(hashed: bytes, digest: str, bits: int, salt: bytes) -> bytes:
    """Encode what was hashed for a modulus of so many bits: EMSA-PSS, its mask alike."""
    size = bits // 8
    trailer = hashlib.new(digest, bytes(8) + hashed + salt).digest()
    block = bytes(size - len(salt) - len(trailer) - 2) + b"\x01" + salt
    mask = _mask(trailer, len(block), digest)
    masked = bytes(one ^ other for one, other in zip(block, mask, strict=True))
    return bytes([masked[0] & 0x7F]) + masked[1:] + trailer + b"\xbc"


def _mask(seed: bytes, length: int, digest: str) -> bytes:
    """MGF1 (RFC 8017 B.2.1)."""
    mask = b""
    counter = 0
    while len(mask) < length:
        mask += hashlib.new(digest, seed + counter.to_bytes(4)).digest()
        counter += 1
    return mask[:length]
