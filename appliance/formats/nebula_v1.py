"""Nebula certificates of version 1: a protobuf message.

The signature covers the details as their reader would write them again.
"""

import hashlib
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from appliance.formats import protobuf
from appliance.formats.nebula import NebulaCertificate, Network, checked, curve, moment
from appliance.model.errors import FormatError


@dataclass(slots=True)
class _Details:
    """The message RawNebulaCertificateDetails."""

    name: str
    networks: list[int]  # in pairs of address and mask
    unsafe_networks: list[int]
    groups: list[str]
    not_before: int = 0
    not_after: int = 0
    public_key: bytes = b""
    is_ca: bool = False
    issuer: bytes = b""
    curve: int = 0

    def encoded(self) -> bytes:
        """Write it as Nebula does to compute signatures."""
        return b"".join(
            (
                protobuf.octets_field(1, self.name.encode()),
                protobuf.packed_field(2, _canonical(self.networks)),
                protobuf.packed_field(3, _canonical(self.unsafe_networks)),
                *(protobuf.octets_field(4, each.encode(), always=True) for each in self.groups),
                protobuf.varint_field(5, self.not_before),
                protobuf.varint_field(6, self.not_after),
                protobuf.octets_field(7, self.public_key),
                protobuf.varint_field(8, int(self.is_ca)),
                protobuf.octets_field(9, self.issuer),
                protobuf.varint_field(100, self.curve),
            )
        )


_SINGLE: Final[Mapping[int, tuple[str, Callable[[int | bytes], object]]]] = {
    1: ("name", protobuf.text),
    5: ("not_before", protobuf.signed),
    6: ("not_after", protobuf.signed),
    7: ("public_key", protobuf.octets),
    8: ("is_ca", lambda value: protobuf.number(value) != 0),
    9: ("issuer", protobuf.octets),
    100: ("curve", protobuf.number),
}


def read(raw: bytes) -> NebulaCertificate:
    """Read a certificate of version 1. Raises FormatError."""
    parts, signature = [], b""
    for number, value in protobuf.fields(raw):
        if number == 1:
            parts.append(protobuf.octets(value))
        elif number == 2:
            signature = protobuf.octets(value)
    if not parts:
        raise FormatError("a nebula certificate without details")
    details = _details(b"".join(parts))  # of a message that comes twice, the parts are merged
    signed = details.encoded()
    whole = protobuf.octets_field(1, signed, always=True) + protobuf.octets_field(2, signature)
    return checked(
        NebulaCertificate(
            version=1,
            name=details.name,
            networks=_pairs(details.networks),
            unsafe_networks=_pairs(details.unsafe_networks),
            groups=tuple(details.groups),
            is_ca=details.is_ca,
            not_before=moment(details.not_before),
            not_after=moment(details.not_after),
            issuer=details.issuer.hex(),
            curve=curve(details.curve),
            public_key=details.public_key,
            signature=signature,
            fingerprint=hashlib.sha256(whole).hexdigest(),
            signed=signed,
            raw=raw,
        )
    )


def _details(message: bytes) -> _Details:
    found = _Details(name="", networks=[], unsafe_networks=[], groups=[])
    for number, value in protobuf.fields(message):
        if number in _SINGLE:
            member, read = _SINGLE[number]
            setattr(found, member, read(value))
        elif number == 2:
            found.networks += _numbers(value)
        elif number == 3:
            found.unsafe_networks += _numbers(value)
        elif number == 4:
            found.groups.append(protobuf.text(value))
    return found


def _numbers(value: int | bytes) -> list[int]:
    """Read a repeated uint32, packed or one by one."""
    found = [value] if isinstance(value, int) else protobuf.varints(value)
    return [each & 0xFFFFFFFF for each in found]


def _pairs(numbers: Sequence[int]) -> tuple[Network, ...]:
    """Make addresses with their networks of pairs of address and mask."""
    if len(numbers) % 2:
        raise FormatError("a nebula certificate with an address that has no mask")
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return tuple(ipaddress.IPv4Interface((address, _length(mask))) for address, mask in pairs)


def _canonical(numbers: Sequence[int]) -> list[int]:
    """Write masks again from their lengths."""
    return [
        0xFFFFFFFF << 32 - _length(each) & 0xFFFFFFFF if place % 2 else each
        for place, each in enumerate(numbers)
    ]


def _length(mask: int) -> int:
    """Count the ones of a mask; one with gaps counts as empty, as in Nebula."""
    length = mask.bit_count()
    return length if mask == 0xFFFFFFFF << 32 - length & 0xFFFFFFFF else 0
