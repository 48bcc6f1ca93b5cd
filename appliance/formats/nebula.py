"""Certificates of Nebula, an overlay network, as both of their forms say them.

Version 1 is a protobuf message for IPv4; version 2 is in DER and knows IPv6.
https://github.com/slackhq/nebula/tree/master/cert
"""

import enum
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from appliance.model.errors import FormatError

Network: TypeAlias = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Key: TypeAlias = EllipticCurvePublicKey | Ed25519PublicKey | X25519PublicKey

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Curve(enum.IntEnum):
    """Of what kind keys and signatures are."""

    CURVE25519 = 0
    P256 = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NebulaCertificate:
    """A certificate as it says, nothing verified. `issuer` and `fingerprint` are hexadecimal.

    `networks` are the addresses of the host, each with its network; `raw` is the certificate as it
    came, `signed` what the signature covers.
    """

    version: int
    name: str
    networks: tuple[Network, ...]
    unsafe_networks: tuple[Network, ...]
    groups: tuple[str, ...]
    is_ca: bool
    not_before: datetime
    not_after: datetime
    issuer: str
    curve: Curve
    public_key: bytes
    signature: bytes
    fingerprint: str
    signed: bytes
    raw: bytes

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses, without their networks."""
        return tuple(str(network.ip) for network in self.networks)

    def key(self) -> Key:
        """Give the key that it certifies: X25519 for hosts, Ed25519 for CAs, or P-256.

        Raises FormatError.
        """
        try:
            if self.curve is Curve.P256:
                return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), self.public_key)
            if self.is_ca:
                return Ed25519PublicKey.from_public_bytes(self.public_key)
            return X25519PublicKey.from_public_bytes(self.public_key)
        except ValueError:
            raise FormatError("a nebula certificate whose key is none") from None

    def is_signed_by(self, authority: "NebulaCertificate") -> bool:
        """Say whether a CA's key made the signature; nothing else about the CA is judged."""
        try:
            if self.curve is Curve.P256:
                key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), authority.public_key)
                key.verify(self.signature, self.signed, ECDSA(SHA256()))
            else:
                signer = Ed25519PublicKey.from_public_bytes(authority.public_key)
                signer.verify(self.signature, self.signed)
        except (ValueError, InvalidSignature):
            return False
        return True


def curve(number: int) -> Curve:
    """Name a curve. Raises FormatError."""
    try:
        return Curve(number)
    except ValueError:
        raise FormatError(f"a nebula certificate for an unknown curve ({number})") from None


def moment(seconds: int) -> datetime:
    """Give seconds since 1970 as a time. Raises FormatError."""
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        raise FormatError("a nebula certificate with a date beyond the calendar") from None


def checked(certificate: NebulaCertificate) -> NebulaCertificate:
    """Hold a certificate against what Nebula itself accepts. Raises FormatError."""
    if not certificate.public_key:
        raise FormatError("a nebula certificate without a key")
    if not certificate.is_ca and not certificate.networks:
        raise FormatError("a nebula certificate of a host without an address")
    for network in certificate.networks:
        address = network.ip
        mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
        if address.is_unspecified or mapped:
            raise FormatError(f"a nebula certificate with an address that is none: {network}")
    versions = {network.version for network in certificate.networks}
    unsafe = {network.version for network in certificate.unsafe_networks}
    if certificate.version == 2 and not certificate.is_ca and not unsafe <= versions:
        raise FormatError("a nebula certificate that routes what it has no address for")
    return certificate
