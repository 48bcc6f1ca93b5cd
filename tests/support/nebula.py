"""Nebula certificates made to measure: CAs and hosts, of both versions and curves."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.formats import der, nebula_pem, pem, protobuf
from appliance.formats.nebula import Curve, NebulaCertificate

PrivateKey: TypeAlias = EllipticCurvePrivateKey | Ed25519PrivateKey | X25519PrivateKey

ALWAYS = (int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()),
          int(datetime(2060, 1, 1, tzinfo=UTC).timestamp()))  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A certificate and its key."""

    certificate: NebulaCertificate
    key: PrivateKey

    @property
    def text(self) -> str:
        """The certificate in PEM."""
        found = self.certificate
        label = nebula_pem.LABEL_V1 if found.version == 1 else nebula_pem.LABEL_V2
        return pem.encode(label, found.raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Details:
    name: str
    networks: Sequence[str]
    unsafe_networks: Sequence[str]
    groups: Sequence[str]
    is_ca: bool
    dates: tuple[int, int]
    issuer: bytes
    public: bytes
    curve: Curve


def holder(
    name: str,
    *,
    authority: Holder | None = None,
    version: int = 1,
    curve: Curve = Curve.CURVE25519,
    networks: Sequence[str] = (),
    unsafe_networks: Sequence[str] = (),
    groups: Sequence[str] = (),
    dates: tuple[int, int] = ALWAYS,
    is_ca: bool = False,
) -> Holder:
    """Make a certificate; without an authority it signs itself."""
    key = _new_key(curve, is_ca=is_ca)
    details = _Details(
        name=name,
        networks=networks,
        unsafe_networks=unsafe_networks,
        groups=groups,
        is_ca=is_ca,
        dates=dates,
        issuer=bytes.fromhex(authority.certificate.fingerprint) if authority else b"",
        public=_public(key),
        curve=curve,
    )
    raw = (_v1 if version == 1 else _v2)(details, authority.key if authority else key)
    return Holder(certificate=nebula_pem.read(raw), key=key)


def _v1(said: _Details, signer: PrivateKey) -> bytes:
    def pairs(texts: Sequence[str]) -> list[int]:
        found = map(ipaddress.IPv4Interface, texts)
        return [number for each in found for number in (int(each.ip), int(each.netmask))]

    details = b"".join(
        (
            protobuf.octets_field(1, said.name.encode()),
            protobuf.packed_field(2, pairs(said.networks)),
            protobuf.packed_field(3, pairs(said.unsafe_networks)),
            *(protobuf.octets_field(4, each.encode()) for each in said.groups),
            protobuf.varint_field(5, said.dates[0]),
            protobuf.varint_field(6, said.dates[1]),
            protobuf.octets_field(7, said.public),
            protobuf.varint_field(8, int(said.is_ca)),
            protobuf.octets_field(9, said.issuer),
            protobuf.varint_field(100, said.curve),
        )
    )
    signature = _sign(signer, details)
    return protobuf.octets_field(1, details) + protobuf.octets_field(2, signature)


def _v2(said: _Details, signer: PrivateKey) -> bytes:
    def network(text: str) -> bytes:
        found = ipaddress.ip_interface(text)
        return der.octet_string(found.ip.packed + bytes((found.network.prefixlen,)))

    def optional(tag: int, *parts: bytes) -> bytes:
        return der.tlv(tag, *parts) if parts else b""

    details = der.tlv(
        0xA0,
        der.tlv(0x80, said.name.encode()),
        optional(0xA1, *map(network, said.networks)),
        optional(0xA2, *map(network, said.unsafe_networks)),
        optional(0xA3, *map(der.utf8_string, said.groups)),
        optional(0x84, *([b"\xff"] if said.is_ca else [])),
        der.tlv(0x85, der.integer(said.dates[0])[2:]),
        der.tlv(0x86, der.integer(said.dates[1])[2:]),
        optional(0x87, *([said.issuer] if said.issuer else [])),
    )
    return der.sequence(
        details,
        optional(0x81, *([bytes((said.curve,))] if said.curve else [])),
        der.tlv(0x82, said.public),
        der.tlv(0x83, _sign(signer, details + bytes((said.curve,)) + said.public)),
    )


def _new_key(curve: Curve, *, is_ca: bool) -> PrivateKey:
    if curve is Curve.P256:
        return generate_private_key(SECP256R1())
    return Ed25519PrivateKey.generate() if is_ca else X25519PrivateKey.generate()


def _public(key: PrivateKey) -> bytes:
    public = key.public_key()
    if isinstance(key, EllipticCurvePrivateKey):
        return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _sign(key: PrivateKey, message: bytes) -> bytes:
    if isinstance(key, EllipticCurvePrivateKey):
        return key.sign(message, ECDSA(SHA256()))
    assert isinstance(key, Ed25519PrivateKey)
    return key.sign(message)
