"""The smallest parts of Badger's files: keys with versions, values with flags, pointers.

A key in a table ends with 8 octets: the version, taken from 2^64 - 1 so that the newest sorts
first. A value begins with flags, an octet of the user's, and when it expires (a varint); then come
its octets, or a pointer to a record in the value log.
"""

import enum
import struct
from dataclasses import dataclass
from typing import Final

from appliance.formats.embedded import Octets
from appliance.model.errors import FormatError

INTERNAL: Final = b"!badger!"  # Badger's own keys begin so
HEAD: Final = b"!badger!head"  # how far the value log is in the tables
MOVED: Final = b"!badger!move"  # then a key: where its record went when a log was cleaned up

_VERSION_OCTETS: Final = 8
_LAST_VERSION: Final = 2**64 - 1
_POINTERS: Final = {1: struct.Struct(">III"), 2: struct.Struct("<III")}
POINTER_OCTETS: Final = 12


class Flag(enum.IntFlag):
    """Flags of a value."""

    DELETED = 1
    POINTER = 2
    IN_TRANSACTION = 64
    END_OF_TRANSACTION = 128


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of a key. `expires_at` is in seconds since 1970; 0: never."""

    key: bytes
    version: int
    flags: int
    expires_at: int
    value: bytes

    def is_gone(self, now: int) -> bool:
        """Say whether the key has been removed by this version, or by time."""
        return bool(self.flags & Flag.DELETED) or 0 < self.expires_at <= now

    @property
    def order(self) -> tuple[bytes, int]:
        """Give what entries are sorted by: the newest version of a key first."""
        return self.key, -self.version


@dataclass(frozen=True, slots=True)
class Pointer:
    """A record in the value log."""

    file: int
    length: int
    offset: int


def entry(key: Octets, value: Octets) -> Entry:
    """Read a pair of a table. Raises FormatError."""
    name, version = split_key(bytes(key))
    if len(value) < 3:
        raise FormatError("a value is too short")
    expires_at, start = varint(value, 2)
    return Entry(name, version, value[0], expires_at, bytes(value[start:]))


def split_key(key: bytes) -> tuple[bytes, int]:
    """Take the version off a key. Raises FormatError."""
    if len(key) <= _VERSION_OCTETS:
        raise FormatError("a key is too short")
    version = _LAST_VERSION - int.from_bytes(key[-_VERSION_OCTETS:])
    return key[:-_VERSION_OCTETS], version


def pointer(value: bytes, version: int) -> Pointer:
    """Read a pointer of Badger 1 or 2. Raises FormatError."""
    if len(value) != POINTER_OCTETS:
        raise FormatError("a pointer into the value log is not of its size")
    return Pointer(*_POINTERS[version].unpack(value))


def varint(data: Octets, position: int) -> tuple[int, int]:
    """Read an unsigned varint; give it and where it ends. Raises FormatError."""
    value = 0
    for place, octet in enumerate(data[position : position + 10]):
        value |= (octet & 0x7F) << 7 * place
        if octet < 0x80:
            if value > _LAST_VERSION:
                break
            return value, position + place + 1
    raise FormatError("a number is cut off or too large")
