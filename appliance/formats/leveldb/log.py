"""LevelDB's log: transactions in the order of time, in fragments with checksums.

Blocks of 32 KiB; a fragment never crosses from one into the next. A fragment is a checksum, a
length and a kind, then its octets; a transaction is one fragment, or a first, some in the middle
and a last one. What ends in the middle of a transaction was cut off while it was written, so nobody
was told that it is on disk.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from appliance.formats.leveldb.checks import masked

_BLOCK: Final = 32768
_HEADER: Final = struct.Struct("<IHB")  # checksum, length, kind
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_ZEROS: Final = 64  # octets at the end that were never written, at least


@dataclass(frozen=True, slots=True)
class Damage:
    """Octets that cannot be read."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"octets {self.start} to {self.end}"


@dataclass(slots=True)
class LogReading:
    """What a log holds. `torn_at` is where its last write was cut off; None: it was not."""

    transactions: list[bytes] = field(default_factory=list)
    damages: list[Damage] = field(default_factory=list)
    torn_at: int | None = None
    whole_until: int = 0  # where the last transaction before any damage ends


def read(data: bytes) -> LogReading:
    """Read all that can be read of a log."""
    found = LogReading()
    parts: list[bytes] = []
    begun = place = 0
    ends = False  # nothing that is whole came after the last damage
    while len(data) - place >= _HEADER.size:
        left = _BLOCK - place % _BLOCK
        if left < _HEADER.size:
            place += left
            continue
        fragment = _fragment(data, place)
        if fragment is None:
            start, place, ends = begun if parts else place, _next(data, place), True
            found.damages.append(Damage(start, place))
            parts = []
            continue
        ends = False
        kind, octets = fragment
        if kind in (_FULL, _FIRST):
            if parts:
                found.damages.append(Damage(begun, place))
            parts, begun = [], place
        place += _HEADER.size + len(octets)
        if kind in (_MIDDLE, _LAST) and not parts:
            continue  # its beginning is lost, and told already
        parts.append(octets)
        if kind in (_FULL, _LAST):
            found.transactions.append(b"".join(parts))
            parts = []
            found.whole_until = found.whole_until if found.damages else place
    if ends:
        _forgive(data, found)
    return found


def _forgive(data: bytes, found: LogReading) -> None:
    """Take the last damages for a write that was cut off, where they look like one."""
    first = found.damages[-1]
    for each in reversed(found.damages):
        if each.end != first.start and each is not first:
            break
        first = each
    if first.start >= found.whole_until and _never_written(data, first.start):
        found.torn_at = first.start
        found.damages = [each for each in found.damages if each.start < first.start]


def write(transactions: Iterable[bytes]) -> bytes:
    """Write a log."""
    made = bytearray()
    for each in transactions:
        place, first = 0, True
        while first or place < len(each):
            left = _BLOCK - len(made) % _BLOCK
            if left < _HEADER.size:
                made += bytes(left)
                left = _BLOCK
            part = each[place : place + left - _HEADER.size]
            place += len(part)
            last = place == len(each)
            kind = {(True, True): _FULL, (True, False): _FIRST, (False, True): _LAST}.get(
                (first, last), _MIDDLE
            )
            made += _HEADER.pack(masked(bytes((kind,)) + part), len(part), kind) + part
            first = False
    return bytes(made)


def _fragment(data: bytes, place: int) -> tuple[int, bytes] | None:
    """Read a fragment; None when it is not whole."""
    room = min(_BLOCK - place % _BLOCK, len(data) - place) - _HEADER.size
    if room < 0:
        return None
    checksum, length, kind = _HEADER.unpack_from(data, place)
    if length > room or not _FULL <= kind <= _LAST:
        return None
    end = place + _HEADER.size + length
    if masked(memoryview(data)[place + 6 : end]) != checksum:
        return None
    return kind, data[place + _HEADER.size : end]


def _next(data: bytes, place: int) -> int:
    """Find where something whole begins again: in this block, or where the next one begins."""
    end = min(place + _BLOCK - place % _BLOCK, len(data))
    for other in range(place + 1, end - _HEADER.size + 1):
        if _fragment(data, other) is not None:
            return other
    return end


def _never_written(data: bytes, place: int) -> bool:
    """Say whether a write was cut off here: it is longer than the file, or ends with zeros."""
    length = _HEADER.unpack_from(data, place)[1]
    return place + _HEADER.size + length > len(data) or not any(data[-_ZEROS:])
