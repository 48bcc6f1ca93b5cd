"""A Badger database put together: the newest version of every key, wherever it is.

    MANIFEST ─ tables ─┐
                       ├─ merged by key and version ─ value, or the record that it points to ─ row
    value log ─ replay ┘  from where the tables' head says that they end

When a log is cleaned up, what is still needed of it is written anew, under a key that begins with
`!badger!move`; pointers into the old log are then looked up there.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from appliance.formats.badger import entries, manifest, tables
from appliance.formats.badger.entries import Entry, Flag
from appliance.formats.badger.log import Log, Unfinished
from appliance.formats.badger.tables import Table
from appliance.formats.embedded import Octets, Row, Unreadable
from appliance.model.errors import FormatError

_MANIFEST: Final = "MANIFEST"
_REGISTRY: Final = "KEYREGISTRY"
_TABLE, _LOG = ".sst", ".vlog"
_LENGTH: Final = 2  # octets, before each part of a key


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """An opened database. `version` is Badger's, `unfinished` what of its log could not be read."""

    version: int
    recent: Sequence[Entry]  # what only the log has, in the order of keys
    tables: Sequence[Table]  # the newest first
    logs: Mapping[int, Log]
    moved: Mapping[tuple[bytes, int], Entry]
    unfinished: tuple[Unreadable, ...]
    unverified: tuple[str, ...]  # tables of which no checksum is known

    def contents(self, now: int) -> Iterator[Row | Unreadable]:
        """Give every row of step-ca's tables, in the order of keys; `now` is in seconds since 1970.

        Raises FormatError when a table is damaged.
        """
        yield from self.unfinished
        last = None
        for each in self._merged():
            if each.key == last:
                continue
            last = each.key
            if each.key.startswith(entries.INTERNAL) or each.is_gone(now):
                continue
            if (row := self._row(each)) is not None:
                yield row

    def _merged(self) -> Iterator[Entry]:
        """Give all entries by key, newer versions first, and of one version that written last."""
        return heapq.merge(
            self.recent, *map(tables.every, self.tables), key=lambda each: each.order
        )  # of equal ones, those of the earlier source come first

    def _row(self, entry: Entry) -> Row | Unreadable | None:
        """Read a row; None for the mark that a table is there."""
        try:
            table, key = _split(entry.key)
        except FormatError as error:
            return Unreadable(key=entry.key, reason=error.public)
        if not key:
            return None
        try:
            return Row(table=table, key=key, value=self._value(entry))
        except FormatError as error:
            return Unreadable(table=table, key=key, reason=error.public)

    def _value(self, entry: Entry) -> bytes:
        if not entry.flags & Flag.POINTER:
            return entry.value
        place = entries.pointer(entry.value, self.version)
        if place.file not in self.logs:
            moved = self.moved.get((entry.key, entry.version))
            if moved is None:
                raise FormatError(f"{place.file:06d}.vlog, where its value is, is missing")
            if not moved.flags & Flag.POINTER:
                return moved.value
            place = entries.pointer(moved.value, self.version)
        log = self.logs.get(place.file)
        if log is None:
            raise FormatError(f"{place.file:06d}.vlog, where its value is, is missing")
        return log.value(place, entry).value


def read(files: Mapping[str, Octets], logs: Mapping[str, Octets] | None = None) -> Database:
    """Open a database by the files of its directory, and those of the value log where that differs.

    Raises FormatError for what is no Badger database of version 1 or 2, is encrypted, or damaged
    where nothing can be told of its rows.
    """
    if _MANIFEST not in files:
        raise FormatError("there is no MANIFEST: this is not a Badger database")
    known = manifest.read(files[_MANIFEST])
    if _REGISTRY in files:
        manifest.check_registry(files[_REGISTRY])
    opened = _tables(known, files)
    internal = [list(tables.internal(table)) for table in opened]
    found = _logs(known.version, files if logs is None else logs)
    replayed, unfinished = _replay(found, _head(internal, known.version))
    return Database(
        version=known.version,
        recent=sorted(replayed.values(), key=lambda each: each.order),
        tables=opened,
        logs=found,
        moved=_moved([*reversed(internal), replayed.values()]),
        unfinished=tuple(unfinished),
        unverified=tuple(
            place.name for place in known.tables if known.version == 1 and not place.digest
        ),
    )


def _tables(known: manifest.Manifest, files: Mapping[str, Octets]) -> list[Table]:
    """Open the tables, the newest first: level 0 by its numbers, then the levels below."""
    places = sorted(known.tables, key=lambda place: (place.level, -place.number))
    for place in places:
        if place.name not in files:
            raise FormatError(f"table {place.name} is missing")
    names = {place.name for place in places}
    for name in sorted(files):
        if name.endswith(_TABLE) and name not in names:
            raise FormatError(
                f"table {name} is not in MANIFEST, which may be cut off; if step-ca was killed, "
                "start it once and stop it, which tidies up"
            )
    return [tables.read(place, files[place.name], known.version) for place in places]


def _logs(version: int, files: Mapping[str, Octets]) -> dict[int, Log]:
    found = {}
    for name, data in files.items():
        number = name.removesuffix(_LOG)
        if name.endswith(_LOG) and number.isdigit():
            log = Log(number=int(number), version=version, data=data)
            log.check()
            found[log.number] = log
    return found


def _head(internal: Iterable[Iterable[Entry]], version: int) -> tuple[int, int]:
    """Give the log, and the octet in it, up to which everything is in the tables."""
    heads = [each for some in internal for each in some if each.key == entries.HEAD]
    if not heads:
        return 0, 0
    newest = max(heads, key=lambda each: each.version)
    place = entries.pointer(newest.value, version)
    return place.file, place.offset + place.length


def _replay(
    logs: Mapping[int, Log], head: tuple[int, int]
) -> tuple[dict[tuple[bytes, int], Entry], list[Unreadable]]:
    """Read what is not yet in the tables; what comes last holds."""
    file, offset = head
    if offset and file not in logs:
        raise FormatError(f"{file:06d}.vlog, which was written last, is missing")
    found: dict[tuple[bytes, int], Entry] = {}
    unfinished = []
    for number in sorted(logs):
        if number < file:
            continue
        try:
            for each in logs[number].replay(offset if number == file else 0):
                found[each.key, each.version] = each
        except Unfinished as error:
            unfinished.append(Unreadable(reason=error.public))
    return found, unfinished


def _moved(sources: Iterable[Iterable[Entry]]) -> dict[tuple[bytes, int], Entry]:
    """Give what was moved, by its own key and version; later sources are newer."""
    return {
        (each.key.removeprefix(entries.MOVED), each.version): each
        for source in sources
        for each in source
        if each.key.startswith(entries.MOVED)
    }


def _split(key: bytes) -> tuple[str, bytes]:
    """Take step-ca's key apart: a table's name and a row's key, each after its length.

    The key is empty where only the table's name is there. Raises FormatError.
    """
    table, rest = _part(key)
    row, end = _part(rest) if rest else (b"", b"")
    if end or not table:
        raise FormatError("a key that step-ca does not write")
    try:
        return table.decode(), row
    except UnicodeDecodeError:
        raise FormatError("a key that step-ca does not write") from None


def _part(data: bytes) -> tuple[bytes, bytes]:
    end = _LENGTH + int.from_bytes(data[:_LENGTH], "little")
    if len(data) < max(end, _LENGTH + 1):
        raise FormatError("a key that step-ca does not write")
    return data[_LENGTH:end], data[end:]
