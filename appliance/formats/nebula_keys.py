"""Private keys of Nebula hosts and CAs, in Nebula's PEM; a P-256 key may come in any other form."""

from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.formats import keyfile, pem
from appliance.formats.keys import PrivateKey
from appliance.formats.nebula import NebulaCertificate
from appliance.model.errors import FormatError

NebulaPrivateKey: TypeAlias = EllipticCurvePrivateKey | Ed25519PrivateKey | X25519PrivateKey

_SIZES = {
    "NEBULA X25519 PRIVATE KEY": 32,
    "NEBULA ED25519 PRIVATE KEY": 64,  # the seed, and the public key behind it
    "NEBULA P256 PRIVATE KEY": 32,
    "NEBULA ECDSA P256 PRIVATE KEY": 32,
}


def read(text: bytes) -> NebulaPrivateKey:
    """Read the first private key of a PEM file. Raises FormatError."""
    for block in pem.blocks(text):
        if block.label in _SIZES:
            return _key(block.label, block.der)
        if block.label.startswith("NEBULA") and block.label.endswith("ENCRYPTED PRIVATE KEY"):
            raise FormatError("an encrypted nebula key: decrypt it with Nebula's own tool")
    found: PrivateKey = keyfile.load_private_key(text, None)
    if not isinstance(found, EllipticCurvePrivateKey | Ed25519PrivateKey):
        raise FormatError("a key of a kind that Nebula does not have")
    return found


def is_of(key: NebulaPrivateKey, certificate: NebulaCertificate) -> bool:
    """Say whether the certificate is for the key."""
    if isinstance(key, EllipticCurvePrivateKey):
        form = Encoding.X962, PublicFormat.UncompressedPoint
    else:
        form = Encoding.Raw, PublicFormat.Raw
    return key.public_key().public_bytes(*form) == certificate.public_key


def _key(label: str, octets: bytes) -> NebulaPrivateKey:
    if len(octets) != _SIZES[label]:
        raise FormatError(f"a {label} that is {len(octets)} octets long, not {_SIZES[label]}")
    if "P256" in label:
        try:
            return derive_private_key(int.from_bytes(octets), SECP256R1())
        except ValueError:
            raise FormatError(f"a {label} that is no key") from None
    if "ED25519" in label:
        return Ed25519PrivateKey.from_private_bytes(octets[:32])
    return X25519PrivateKey.from_private_bytes(octets)
