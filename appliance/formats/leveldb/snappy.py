"""Snappy, the compression of LevelDB's blocks: read only.

A length, then literals and copies of what came before (google/snappy, format_description.txt).
"""

from typing import Final

from appliance.formats.leveldb.checks import number
from appliance.model.errors import FormatError

_LARGEST: Final = 64 << 20  # octets
_INLINE: Final = 60  # the longest literal whose length is in its tag


def decompress(data: bytes) -> bytes:
    """Give what was compressed. Raises FormatError."""
    length, place = number(data, 0)
    if length > _LARGEST:
        raise FormatError("a compressed block that is too large")
    made = bytearray()
    try:
        while place < len(data) and len(made) <= length:
            tag = data[place]
            place += 1
            if tag & 3 == 0:
                place = _literal(data, place, tag, made)
            else:
                place = _copy(data, place, tag, made)
    except IndexError as error:
        raise FormatError("a compressed block that ends too early") from error
    if len(made) != length:
        raise FormatError("a compressed block of another length than it says")
    return bytes(made)


def _literal(data: bytes, place: int, tag: int, made: bytearray) -> int:
    size = (tag >> 2) + 1
    if size > _INLINE:
        octets = size - _INLINE
        size = int.from_bytes(data[place : place + octets], "little") + 1
        place += octets
    made += data[place : place + size]
    return place + size


def _copy(data: bytes, place: int, tag: int, made: bytearray) -> int:
    octets = (1, 1, 2, 4)[tag & 3]
    offset = int.from_bytes(data[place : place + octets], "little")
    size = (tag >> 2) + 1
    if tag & 3 == 1:
        size = (tag >> 2 & 7) + 4
        offset |= tag >> 5 << 8
    if not 0 < offset <= len(made):
        raise FormatError("a compressed block that copies what is not there")
    start = len(made) - offset
    if offset >= size:
        made += made[start : start + size]
    else:
        pattern = bytes(made[start:])
        made += (pattern * (size // offset + 1))[:size]
    return place + octets
