"""MANIFEST: which tables there are. And KEYREGISTRY: whether they are encrypted.

After `Bdgr` and a version (4: Badger 1, 7: Badger 2) come sets of changes, each with its length and
checksum; a change makes or removes a table.
"""

from dataclasses import dataclass
from typing import Final

from appliance.formats import protobuf
from appliance.formats.crc32c import crc32c
from appliance.formats.embedded import Octets
from appliance.model.errors import FormatError

_MAGIC: Final = b"Bdgr"
_VERSIONS: Final = {4: 1, 7: 2}
_NEWER: Final = 8
_CHANGE, _CREATED, _DELETED = 1, 0, 1
_UNCOMPRESSED, SNAPPY = 0, 1
_COMPRESSIONS: Final = {2: "Zstandard"}
_REGISTRY_IV: Final = 16
_PLAIN: Final = b"Hello Badger"


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePlace:
    """A table of the database. `digest` is its SHA-256; empty: not told (never by Badger 2)."""

    number: int
    level: int
    digest: bytes
    encrypted: bool
    compression: int

    @property
    def name(self) -> str:
        """Its file."""
        return f"{self.number:06d}.sst"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What Badger, of which version, wrote into which tables."""

    version: int
    tables: tuple[TablePlace, ...]


def read(data: Octets) -> Manifest:
    """Read a MANIFEST. Raises FormatError, also for what was cut off."""
    content = bytes(data)
    if content[:4] != _MAGIC or len(content) < 8:
        raise FormatError("MANIFEST is not of a Badger database")
    told = int.from_bytes(content[4:8])
    if told not in _VERSIONS:
        newer = ": it was written by Badger 3 or 4" if told >= _NEWER else ""
        raise FormatError(f"MANIFEST is of version {told}, which step-ca does not write{newer}")
    version = _VERSIONS[told]
    tables: dict[int, TablePlace] = {}
    position = 8
    while position < len(content):
        length = int.from_bytes(content[position : position + 4])
        changes = content[position + 8 : position + 8 + length]
        if len(changes) < length or position + 8 > len(content):
            raise FormatError("MANIFEST is cut off")
        if crc32c(changes) != int.from_bytes(content[position + 4 : position + 8]):
            raise FormatError("MANIFEST is damaged: a checksum does not match")
        for number, value in protobuf.fields(changes):
            if number == _CHANGE:
                _apply(tables, version, protobuf.octets(value))
        position += 8 + length
    return Manifest(version=version, tables=tuple(map(_check, tables.values())))


def check_registry(data: Octets) -> None:
    """See that a KEYREGISTRY says that nothing is encrypted. Raises FormatError when it is."""
    content = bytes(data)
    if content[_REGISTRY_IV : _REGISTRY_IV + len(_PLAIN)] != _PLAIN:
        raise FormatError(
            "the database is encrypted, or its KEYREGISTRY is damaged: an encrypted one is not read"
        )


def _apply(tables: dict[int, TablePlace], version: int, change: bytes) -> None:
    found = dict(protobuf.fields(change))
    table = protobuf.number(found.get(1, 0))
    action = found.get(2, _CREATED)
    if action == _DELETED:
        if tables.pop(table, None) is None:
            raise FormatError(f"MANIFEST removes table {table}, which it has not made")
        return
    if action != _CREATED or table in tables:
        raise FormatError(f"MANIFEST is damaged: it makes table {table} twice, or not at all")
    place = TablePlace(
        number=table,
        level=protobuf.number(found.get(3, 0)),
        digest=protobuf.octets(found.get(4, b"")) if version == 1 else b"",
        encrypted=version == 2 and bool(found.get(4, 0)),
        compression=protobuf.number(found.get(6, 0)) if version == 2 else 0,
    )
    tables[table] = place


def _check(place: TablePlace) -> TablePlace:
    """Refuse what step-ca never asks Badger for. Raises FormatError."""
    if place.encrypted:
        raise FormatError(f"table {place.name} is encrypted: an encrypted database is not read")
    if place.compression not in (_UNCOMPRESSED, SNAPPY):
        name = _COMPRESSIONS.get(place.compression, "something unknown")
        raise FormatError(
            f"table {place.name} is compressed by {name}, which is not read: step-ca does not ask "
            "for it"
        )
    return place
