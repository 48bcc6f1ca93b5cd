"""Structures of TPM 2.0 (TPM 2.0 Library, part 2) that tell of a key: what it is, who vouches.

Big-endian, in the order of the structure, sized buffers behind a length of two octets.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from appliance.model.errors import FormatError

GENERATED: Final = 0xFF544347  # TPM_GENERATED_VALUE: made by a TPM, of its own data (6.2)
CERTIFY: Final = 0x8017  # TPM_ST_ATTEST_CERTIFY (6.9)
_NULL: Final = 0x0010  # TPM_ALG_ID (6.3)
_RSASSA: Final = 0x0014
_RSAES: Final = 0x0015
_ECDSA: Final = 0x0018
_ECDAA: Final = 0x001A
_HASHES: Final = {0x0004: "sha1", 0x000B: "sha256", 0x000C: "sha384", 0x000D: "sha512"}
_CURVES: Final[dict[int, type[ec.EllipticCurve]]] = {  # TPM_ECC_CURVE (6.4)
    0x0003: ec.SECP256R1,
    0x0004: ec.SECP384R1,
    0x0005: ec.SECP521R1,
}
FIXED_TPM: Final = 1 << 1  # TPMA_OBJECT (8.3): it cannot leave its TPM
FIXED_PARENT: Final = 1 << 4
SENSITIVE_DATA_ORIGIN: Final = 1 << 5  # the TPM drew it
RESTRICTED: Final = 1 << 16  # it signs only what the TPM made

AttestedKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """A TPMS_ATTEST of TPM2_Certify: which key was vouched for, upon which question."""

    magic: int
    extra_data: bytes
    name: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Public:
    """A TPMT_PUBLIC of a key."""

    attributes: int
    key: AttestedKey
    name: bytes  # TPM2B_NAME's content: the hash algorithm, and the hash of all of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A TPMT_SIGNATURE, in the form in which `cryptography` verifies it."""

    hash_name: str
    octets: bytes
    is_ecdsa: bool


def read_attest(data: bytes) -> Certified:
    """Read a TPMS_ATTEST (10.12.12) of a certification. Raises FormatError."""
    reader = _Reader(data)
    magic, kind = reader.number(4), reader.number(2)
    reader.sized()  # the signer's qualified name
    extra = reader.sized()
    reader.take(8 + 4 + 4 + 1)  # clock, resets, restarts, safe
    reader.take(8)  # firmware
    if kind != CERTIFY:
        raise FormatError(f"TPM: it attests something other than a key (0x{kind:04x})")
    name = reader.sized()
    reader.sized()  # its qualified name
    reader.end()
    return Certified(magic=magic, extra_data=extra, name=name)


def read_public(data: bytes) -> Public:
    """Read a TPMT_PUBLIC (12.2.4) of an RSA or elliptic curve key. Raises FormatError."""
    reader = _Reader(data)
    kind, name_algorithm, attributes = reader.number(2), reader.number(2), reader.number(4)
    reader.sized()  # authorization policy
    if reader.number(2) != _NULL:  # symmetric: key bits, mode
        reader.take(4)
    key: AttestedKey
    match kind:
        case 0x0001:  # TPM_ALG_RSA
            key = _rsa_key(reader)
        case 0x0023:  # TPM_ALG_ECC
            key = _ecc_key(reader)
        case _:
            raise FormatError(f"TPM: a key of an algorithm that is not supported (0x{kind:04x})")
    reader.end()
    if name_algorithm not in _HASHES:
        raise FormatError("TPM: a key whose name is of an unknown hash")
    digest = hashlib.new(_HASHES[name_algorithm], data, usedforsecurity=False).digest()
    return Public(attributes=attributes, key=key, name=name_algorithm.to_bytes(2) + digest)


def read_signature(data: bytes) -> Signature:
    """Read a TPMT_SIGNATURE (11.3.4) of RSASSA or ECDSA. Raises FormatError."""
    reader = _Reader(data)
    scheme, algorithm = reader.number(2), reader.number(2)
    if algorithm not in _HASHES:
        raise FormatError("TPM: a signature over an unknown hash")
    if scheme == _RSASSA:
        octets = reader.sized()
    elif scheme == _ECDSA:
        octets = encode_dss_signature(
            int.from_bytes(reader.sized()), int.from_bytes(reader.sized())
        )
    else:
        raise FormatError(f"TPM: a signature of an unsupported scheme (0x{scheme:04x})")
    reader.end()
    return Signature(hash_name=_HASHES[algorithm], octets=octets, is_ecdsa=scheme == _ECDSA)


def _rsa_key(reader: "_Reader") -> rsa.RSAPublicKey:
    if reader.number(2) not in (_NULL, _RSAES):
        reader.take(2)  # the scheme's hash
    bits, exponent = reader.number(2), reader.number(4)
    modulus = int.from_bytes(reader.sized())
    if modulus.bit_length() != bits:
        raise FormatError("TPM: the modulus of a key is not as long as it says")
    try:
        return rsa.RSAPublicNumbers(exponent or 65537, modulus).public_key()
    except ValueError as error:
        raise FormatError("TPM: an RSA key that is none", detail=str(error)) from error


def _ecc_key(reader: "_Reader") -> ec.EllipticCurvePublicKey:
    scheme = reader.number(2)
    if scheme != _NULL:
        reader.take(4 if scheme == _ECDAA else 2)
    curve = reader.number(2)
    if reader.number(2) != _NULL:  # key derivation
        reader.take(2)
    x, y = int.from_bytes(reader.sized()), int.from_bytes(reader.sized())
    if curve not in _CURVES:
        raise FormatError(f"TPM: a key on a curve that is not supported (0x{curve:04x})")
    try:
        return ec.EllipticCurvePublicNumbers(x, y, _CURVES[curve]()).public_key()
    except ValueError as error:
        raise FormatError("TPM: a point that is not on its curve", detail=str(error)) from error


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def number(self, octets: int) -> int:
        return int.from_bytes(self.take(octets))

    def sized(self) -> bytes:
        return self.take(self.number(2))

    def take(self, count: int) -> bytes:
        end = self._position + count
        if end > len(self._data):
            raise FormatError("TPM: a structure ends early")
        taken = self._data[self._position : end]
        self._position = end
        return taken

    def end(self) -> None:
        if self._position != len(self._data):
            raise FormatError("TPM: something follows a structure")
