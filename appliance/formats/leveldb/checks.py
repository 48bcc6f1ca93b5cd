"""What LevelDB's files have in common: masked checksums and numbers of variable length."""

from typing import Final

from appliance.formats.crc32c import Octets, crc32c
from appliance.model.errors import FormatError

_MASK: Final = 0xA282EAD8
_LONGEST: Final = 10  # octets of a number


def masked(data: Octets) -> int:
    """Give the checksum of octets as LevelDB writes it: of a checksum, another would be weak."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


def number(data: Octets, place: int) -> tuple[int, int]:
    """Read a number of seven bits an octet; give it and the place behind. Raises FormatError."""
    value = shift = 0
    for octet in data[place : place + _LONGEST]:
        place += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            return value, place
        shift += 7
    raise FormatError("a number that does not end")
