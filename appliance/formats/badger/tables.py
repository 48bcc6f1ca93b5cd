"""Tables: entries in the order of their keys, in blocks, each with the first key in full.

A table of Badger 1 is vouched for by a SHA-256 in MANIFEST. In one of Badger 2, the index and each
block have a checksum of their own, that of a block within what may be compressed. All of it is
verified before anything is used.
"""

import hashlib
import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from appliance.formats import protobuf, snappy
from appliance.formats.badger import entries
from appliance.formats.badger.entries import Entry
from appliance.formats.badger.manifest import SNAPPY, TablePlace
from appliance.formats.crc32c import crc32c
from appliance.formats.embedded import Octets
from appliance.model.errors import FormatError

_HEADER_1: Final = struct.Struct(">HHHI")  # shared with the first key, own, value, place before
_HEADER_2: Final = struct.Struct("<HH")  # shared with the first key, own
_VERSION_OCTETS: Final = 8
_CRC32C: Final = 0


class Table(Protocol):
    """An opened table."""

    @property
    def first_keys(self) -> Sequence[bytes]:
        """The first key of each block, with its version."""
        ...

    def block(self, number: int) -> Iterator[Entry]:
        """Read a block. Raises FormatError."""
        ...


def read(place: TablePlace, data: Octets, version: int) -> Table:
    """Open a table of Badger 1 or 2. Raises FormatError, as its entries do later."""
    opened = _open_1 if version == 1 else _open_2
    try:
        return opened(place, data)
    except FormatError as error:
        raise _damaged(place, error.public) from error


def every(table: Table) -> Iterator[Entry]:
    """Read all entries, seeing that they are in order. Raises FormatError."""
    last: tuple[bytes, int] | None = None
    for number in range(len(table.first_keys)):
        for each in table.block(number):
            order = each.order
            if last is not None and last >= order:
                raise FormatError("a table is damaged: its keys are not in order")
            last = order
            yield each


def internal(table: Table) -> Iterator[Entry]:
    """Read the entries that are Badger's own, and no more blocks than those need."""
    names = [key[:-_VERSION_OCTETS] for key in table.first_keys]
    start = max(bisect_right(names, entries.INTERNAL) - 1, 0)
    for number in range(start, len(names)):
        if names[number] > entries.INTERNAL + b"\xff":
            return
        for each in table.block(number):
            if each.key.startswith(entries.INTERNAL):
                yield each


# ---- Badger 1


@dataclass(frozen=True, slots=True)
class _Table1:
    place: TablePlace
    blocks: Sequence[Octets]
    first_keys: Sequence[bytes]

    def block(self, number: int) -> Iterator[Entry]:
        try:
            yield from _entries_1(self.blocks[number])
        except FormatError as error:
            raise _damaged(self.place, error.public) from error


def _open_1(place: TablePlace, data: Octets) -> Table:
    if place.digest and hashlib.sha256(data).digest() != place.digest:
        raise FormatError("its SHA-256 is not what MANIFEST says")
    rest, _filter = _taken(data, 4)
    rest, offsets = _taken(rest, 4, size=4)
    ends = [int.from_bytes(offsets[at : at + 4]) for at in range(0, len(offsets), 4)]
    if not ends or ends != sorted(set(ends)) or ends[-1] != len(rest):
        raise FormatError("its index is damaged")
    blocks = [rest[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return _Table1(place, blocks, [_first_key_1(block) for block in blocks])


def _taken(data: Octets, octets: int, *, size: int = 1) -> tuple[Octets, Octets]:
    """Take from the end what is told, in units of `size`, by the number behind it."""
    count = int.from_bytes(data[-octets:]) * size
    if len(data) < octets or count > len(data) - octets:
        raise FormatError("it is cut off")
    end = len(data) - octets
    return data[: end - count], data[end - count : end]


def _first_key_1(block: Octets) -> bytes:
    if len(block) < _HEADER_1.size:
        raise FormatError("a block is cut off")
    shared, own, _, _ = _HEADER_1.unpack_from(block)
    if shared:
        raise FormatError("a block does not begin with a whole key")
    return bytes(block[_HEADER_1.size : _HEADER_1.size + own])


def _entries_1(block: Octets) -> Iterator[Entry]:
    first = _first_key_1(block)
    position = 0
    while position + _HEADER_1.size <= len(block):
        shared, own, length, _ = _HEADER_1.unpack_from(block, position)
        position += _HEADER_1.size
        if shared == own == 0:  # the end
            return
        end = position + own + length
        if end > len(block) or shared > len(first):
            break
        key = first[:shared] + bytes(block[position : position + own])
        yield entries.entry(key, block[position + own : end])
        position = end
    raise FormatError("a block is cut off")


# ---- Badger 2


@dataclass(frozen=True, slots=True)
class _Table2:
    place: TablePlace
    blocks: Sequence[Octets]
    first_keys: Sequence[bytes]

    def block(self, number: int) -> Iterator[Entry]:
        try:
            block = self.blocks[number]
            if self.place.compression == SNAPPY:
                block = memoryview(snappy.decompress(bytes(block)))
            yield from _entries_2(block)
        except FormatError as error:
            raise _damaged(self.place, error.public) from error


def _open_2(place: TablePlace, data: Octets) -> Table:
    rest, checksum = _taken(data, 4)
    rest, index = _taken(rest, 4)
    _verify(index, checksum)
    blocks, first_keys = [], []
    for number, value in protobuf.fields(bytes(index)):
        if number != 1:
            continue
        block = dict(protobuf.fields(protobuf.octets(value)))
        start = protobuf.number(block.get(2, 0))
        end = start + protobuf.number(block.get(3, 0))
        if end > len(rest):
            raise FormatError("its index points behind its end")
        blocks.append(rest[start:end])
        first_keys.append(protobuf.octets(block.get(1, b"")))
    return _Table2(place, blocks, first_keys)


def _verify(data: Octets, checksum: Octets) -> None:
    told = dict(protobuf.fields(bytes(checksum)))
    if told.get(1, _CRC32C) != _CRC32C:
        raise FormatError("it has checksums of a kind that step-ca does not write")
    if told.get(2, 0) != crc32c(data):
        raise FormatError("a checksum does not match")


def _entries_2(block: Octets) -> Iterator[Entry]:
    content, checksum = _taken(block, 4)
    _verify(content, checksum)
    data, index = _taken(content, 4, size=4)
    starts = list(struct.unpack(f"<{len(index) // 4}I", index))
    if not starts or starts[0] or starts != sorted(set(starts)) or starts[-1] > len(data):
        raise FormatError("the index of a block is damaged")
    first = b""
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        if end - start < _HEADER_2.size:
            raise FormatError("an entry is cut off")
        shared, own = _HEADER_2.unpack_from(data, start)
        middle = start + _HEADER_2.size + own
        if middle > end or shared > len(first):
            raise FormatError("an entry is damaged")
        key = first[:shared] + bytes(data[middle - own : middle])
        first = first or key
        yield entries.entry(key, data[middle:end])


def _damaged(place: TablePlace, why: str) -> FormatError:
    return FormatError(f"table {place.name} is damaged: {why}")
