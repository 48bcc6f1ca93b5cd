"""The value log: every write in the order of time, and the long values that tables point to.

A record is a header, key, value and checksum. Those of one transaction have a flag, and a record
that ends it; a transaction without its end never happened.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from appliance.formats.badger import entries
from appliance.formats.badger.entries import Entry, Flag, Pointer
from appliance.formats.crc32c import crc32c
from appliance.formats.embedded import Octets
from appliance.model.errors import FormatError

_HEADER_1: Final = struct.Struct(">IIQBB")  # key, value, expires at, flags, the user's
_FILE_HEADER: Final = {1: 0, 2: 20}  # octets; of Badger 2: the key's number and an IV
_KEY_NUMBER: Final = 8
_CHECKSUM: Final = 4
_LONGEST_KEY: Final = 1 << 16


class Unfinished(FormatError):
    """A log whose end cannot be read: a write was cut off, or there is damage."""

    def __init__(self, name: str, start: int, end: int, why: str) -> None:
        super().__init__(f"{name}: octets {start} to {end} cannot be read: {why}")


@dataclass(frozen=True, slots=True)
class Record:
    """What the log says of one version of a key, and where."""

    entry: Entry
    end: int  # where the next one begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One file of the value log of Badger 1 or 2."""

    number: int
    version: int
    data: Octets

    @property
    def name(self) -> str:
        """Its file."""
        return f"{self.number:06d}.vlog"

    def check(self) -> None:
        """See that it is not encrypted, nor too short. Raises FormatError."""
        if len(self.data) < _FILE_HEADER[self.version]:
            raise FormatError(f"{self.name} is cut off")
        if self.version == 2 and any(self.data[:_KEY_NUMBER]):
            raise FormatError(
                f"{self.name} is encrypted or damaged: an encrypted database is not read"
            )

    def value(self, place: Pointer, wanted: Entry) -> Entry:
        """Read the record that a pointer of an entry is for. Raises FormatError."""
        try:
            record = self._record(place.offset)
        except FormatError as error:
            raise FormatError(f"{self.name}, octet {place.offset}: {error.public}") from error
        found = record.entry
        names = (wanted.key, entries.MOVED + wanted.key)
        if found.key not in names or found.version != wanted.version:
            raise FormatError(f"{self.name}, octet {place.offset}: the record of another key")
        if record.end != place.offset + place.length:
            raise FormatError(f"{self.name}, octet {place.offset}: a record of another length")
        return found

    def replay(self, start: int) -> Iterator[Entry]:
        """Give what was written from an octet on, transaction by transaction.

        Raises FormatError, and Unfinished for an end that cannot be read, when all before it has
        been given.
        """
        position = max(start, _FILE_HEADER[self.version])
        if position > len(self.data):
            raise FormatError(
                f"{self.name} is cut off: it has {len(self.data)} octets, and {position} were "
                "written"
            )
        waiting: list[Entry] = []
        begun = position  # of the transaction
        while position < len(self.data):
            try:
                record = self._record(position)
                done = _transacted(record.entry, waiting)
            except FormatError as error:
                raise Unfinished(self.name, begun, len(self.data), error.public) from error
            position = record.end
            if done:
                yield from waiting
                waiting.clear()
                begun = position
        if waiting:
            raise Unfinished(self.name, begun, len(self.data), "a transaction has no end")

    def _record(self, position: int) -> Record:
        key_length, value_length, expires_at, flags, start = self._header(position)
        end = start + key_length + value_length
        if key_length > _LONGEST_KEY or end + _CHECKSUM > len(self.data):
            raise FormatError("a record is cut off")
        if crc32c(self.data[position:end]) != int.from_bytes(self.data[end : end + _CHECKSUM]):
            raise FormatError("a checksum does not match")
        content = bytes(self.data[start:end])
        key, version = entries.split_key(content[:key_length])
        entry = Entry(key, version, flags, expires_at, content[key_length:])
        return Record(entry, end + _CHECKSUM)

    def _header(self, position: int) -> tuple[int, int, int, int, int]:
        """Read lengths of key and value, expiry and flags, and where the key begins."""
        if self.version == 1:
            end = position + _HEADER_1.size
            if end > len(self.data):
                raise FormatError("a record is cut off")
            key, value, expires_at, flags, _ = _HEADER_1.unpack_from(self.data, position)
            return key, value, expires_at, flags, end
        if position + 2 > len(self.data):
            raise FormatError("a record is cut off")
        key, end = entries.varint(self.data, position + 2)
        value, end = entries.varint(self.data, end)
        expires_at, end = entries.varint(self.data, end)
        return key, value, expires_at, self.data[position], end


def _transacted(entry: Entry, waiting: list[Entry]) -> bool:
    """Add an entry to its transaction; say whether what waits may be used. Raises FormatError."""
    if entry.flags & Flag.IN_TRANSACTION:
        if waiting and waiting[0].version != entry.version:
            raise FormatError("a transaction begins before the one before it has ended")
        waiting.append(entry)
        return False
    if entry.flags & Flag.END_OF_TRANSACTION:
        if not waiting or entry.value != str(waiting[0].version).encode():
            raise FormatError("the end of a transaction that has not begun")
        return True
    if waiting:
        raise FormatError("a transaction is broken off")
    waiting.append(entry)
    return True
