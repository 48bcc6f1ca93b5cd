"""Snappy's block format, read: a length, and then literals and copies of what came before."""

from typing import Final

from appliance.model.errors import FormatError

_LITERAL: Final = 0
_LONG: Final = 60  # lengths of literals from here on are told by one to four octets
_SHORT_COPY: Final = 1
_LARGEST: Final = 64 << 20  # octets that one block may become


def decompress(data: bytes) -> bytes:
    """Decompress a block. Raises FormatError."""
    length, position = _length(data)
    out = bytearray()
    while position < len(data):
        tag = data[position]
        if tag & 3 == _LITERAL:
            position, size = _told(data, position + 1, tag >> 2)
            out += data[position : position + size]
            if position + size > len(data):
                raise FormatError("compressed data is cut off")
            position += size
        else:
            position = _copy(data, position, tag, out)
        if len(out) > length:
            break
    if len(out) != length:
        raise FormatError("compressed data is not as long as it says")
    return bytes(out)


def _length(data: bytes) -> tuple[int, int]:
    """Read the length of the whole, seven bits in an octet; give it and where the rest begins."""
    length = 0
    for place, octet in enumerate(data[:5]):
        length |= (octet & 0x7F) << 7 * place
        if octet < 0x80:
            if length > _LARGEST:
                raise FormatError("compressed data is too large")
            return length, place + 1
    raise FormatError("compressed data does not say how long it is")


def _told(data: bytes, position: int, size: int) -> tuple[int, int]:
    """Give where a literal begins, and its length."""
    octets = max(size - _LONG + 1, 0)
    if octets:
        size = int.from_bytes(data[position : position + octets], "little")
    return position + octets, size + 1


def _copy(data: bytes, position: int, tag: int, out: bytearray) -> int:
    """Copy from what came before, perhaps into itself; give where the next element begins."""
    kind = tag & 3
    octets = {_SHORT_COPY: 1, 2: 2}.get(kind, 4)
    offset = int.from_bytes(data[position + 1 : position + 1 + octets], "little")
    size = (tag >> 2) + 1
    if kind == _SHORT_COPY:
        offset |= (tag >> 5) << 8
        size = (tag >> 2 & 7) + 4
    if not 0 < offset <= len(out) or position + octets >= len(data):
        raise FormatError("compressed data is damaged")
    start = len(out) - offset
    piece = out[start : start + size]
    while len(piece) < size:  # a pattern that repeats
        piece += piece[: size - len(piece)]
    out += piece
    return position + 1 + octets
