"""LevelDB's tables: rows in order, in blocks with checksums that an index lists.

A table is written once. Its end is a footer, which tells where the index is; a block is followed by
the kind of its compression and a checksum (doc/table_format.md of LevelDB).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from appliance.formats.leveldb import snappy
from appliance.formats.leveldb.checks import masked, number
from appliance.model.errors import FormatError

_FOOTER: Final = 48
_MAGIC: Final = bytes.fromhex("57fb808b247547db")
_TRAILER: Final = 5  # compression, checksum
_RAW, _SNAPPY = 0, 1
_SEQUENCE: Final = 8  # octets behind a key


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedBlock:
    """A block that cannot be read: of rows after one key, up to another."""

    after: bytes
    last: bytes
    octets: int


def damaged_blocks(data: bytes) -> Iterator[DamagedBlock]:
    """Give the blocks of a table whose checksums do not fit.

    Raises FormatError when footer or index cannot be read, and so nothing of it can be found.
    """
    if len(data) < _FOOTER or data[-len(_MAGIC) :] != _MAGIC:
        raise FormatError("its end is missing")
    footer = data[-_FOOTER:]
    _, place = number(footer, 0)
    _, place = number(footer, place)
    offset, place = number(footer, place)
    size, _ = number(footer, place)
    after = b""
    for key, handle in _entries(_block(data, offset, size)):
        offset, place = number(handle, 0)
        size, _ = number(handle, place)
        last = key[:-_SEQUENCE]
        try:
            _verify(data, offset, size)
        except FormatError:
            yield DamagedBlock(after=after, last=last, octets=size)
        after = last


def _verify(data: bytes, offset: int, size: int) -> None:
    end = offset + size + _TRAILER
    if end > len(data):
        raise FormatError("a block is cut off")
    checksum = int.from_bytes(data[end - 4 : end], "little")
    if masked(memoryview(data)[offset : end - 4]) != checksum:
        raise FormatError("a block has another checksum than it should have")


def _block(data: bytes, offset: int, size: int) -> bytes:
    _verify(data, offset, size)
    octets, compression = data[offset : offset + size], data[offset + size]
    if compression == _RAW:
        return octets
    if compression == _SNAPPY:
        return snappy.decompress(octets)
    raise FormatError(f"a block has compression {compression}, which is not known")


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Read the pairs of a block; keys share their beginnings."""
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    if end < 0:
        raise FormatError("a block is too short")
    place, key = 0, b""
    while place < end:
        shared, place = number(block, place)
        unshared, place = number(block, place)
        length, place = number(block, place)
        key = key[:shared] + block[place : place + unshared]
        place += unshared
        yield key, block[place : place + length]
        place += length
