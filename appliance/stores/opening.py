"""A database is opened: strictly, so that damage is told and never read past.

LevelDB by itself drops what it cannot read of its log, and says nothing. Here it must read all of
it. Only a last write that was cut off is removed, as nobody was told that it is on disk; what was
removed stays beside it, under a name of its own.
"""

import logging
from pathlib import Path
from typing import Any, Final, TypeAlias

import plyvel

from appliance.formats.leveldb import log as formats
from appliance.model.errors import Broken
from appliance.stores.directory import Claim, StoreLocked, leveldb_holder

log = logging.getLogger(__name__)

Database: TypeAlias = Any  # plyvel has no types

# Sizes for a small board: 4 MB of rows not yet in tables (half of that costs half as much again in
# compactions), 2 MB of cache over the kernel's own and `lately`, 200 mapped tables.
OPTIONS: Final = {
    "write_buffer_size": 4 << 20,
    "lru_cache_size": 2 << 20,
    "block_size": 16 << 10,
    "bloom_filter_bits": 10,
    "max_open_files": 200,
    "paranoid_checks": True,
}


def open_database(directory: Path, *, create: bool) -> tuple[Claim, Database]:
    """Claim and open the database in a directory. Raises StoreLocked, StoreAbsent, Broken."""
    claim = Claim(directory, create=create)
    try:
        return claim, opened(directory, create=create)
    except (plyvel.Error, OSError) as error:
        claim.release()
        if "LOCK" in str(error) and (pid := leveldb_holder(directory)):
            raise StoreLocked(directory, pid) from error
        raise Broken(
            f"the database {directory} cannot be opened: `hearth db repair` says what is wrong "
            "with it, or restore a backup",
            detail=str(error),
        ) from error


def opened(directory: Path, *, create: bool) -> Database:
    """Open a database that is claimed. Raises plyvel.Error, OSError."""
    try:
        return plyvel.DB(str(directory), create_if_missing=create, **OPTIONS)
    except plyvel.CorruptionError:
        if not _cut(directory):
            raise
    return plyvel.DB(str(directory), create_if_missing=create, **OPTIONS)


def _cut(directory: Path) -> bool:
    """Cut off what the last write has left of itself; True when that is all there was."""
    cut = []
    for file in sorted(directory.glob("*.log")):
        data = file.read_bytes()
        found = formats.read(data)
        if found.damages:
            return False
        if found.torn_at is not None:
            cut.append((file, data, found.torn_at))
    for file, data, torn_at in cut:
        file.with_name(f"{file.name}.cut").write_bytes(data[torn_at:])
        with file.open("r+b") as opened_file:
            opened_file.truncate(torn_at)
        log.warning(
            "%s: the last write was cut off, and is not in the database: nobody was told that it "
            "was; its %d octets are kept in %s.cut",
            file.name,
            len(data) - torn_at,
            file.name,
        )
    return bool(cut)
