"""A database that does not open, or has rows that cannot be read, is made one that does.

Nothing is thrown away: the directory as it was stays beside it, and what is lost is told. Logs are
cut into their transactions here, since LevelDB's own repair takes over what has a wrong checksum;
tables are then put together by LevelDB, without the blocks that cannot be read.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import plyvel

from appliance.formats.leveldb import log
from appliance.model.errors import Broken
from appliance.stores import reading_all
from appliance.stores.directory import LOCK_FILE, Claim
from appliance.stores.opening import OPTIONS

_OWN: Final = frozenset({LOCK_FILE, "LOCK", "hearth.sock"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What was found and done. `kept` is the directory as it was; None: nothing had to be done."""

    problems: tuple[str, ...]
    kept: Path | None


def examine(directory: Path) -> list[str]:
    """Say what of a database cannot be read. Nobody may have it open."""
    problems = [problem for _, _, problem in reading_all.damages(directory)]
    problems += [problem for _, _, problem in _damaged_logs(directory)]
    if not problems and (why := _not_opened(directory)):
        problems.append(why)
    return problems


def repair(directory: Path, now: datetime) -> Repair:
    """Repair the database in a directory. Raises StoreLocked, StoreAbsent, Broken."""
    claim = Claim(directory, create=False, damaged=True)
    try:
        problems = examine(directory)
        if not problems:
            return Repair(problems=(), kept=None)
        kept = _keep(directory, now)
        for file, transactions, _ in list(_damaged_logs(directory)):
            file.write_bytes(log.write(transactions))
        try:
            plyvel.repair_db(str(directory), **OPTIONS)
        except (plyvel.Error, OSError) as error:
            raise Broken(
                f"the database {directory} cannot be repaired: restore a backup; as it was, it is "
                f"in {kept}",
                detail=str(error),
            ) from error
        shutil.rmtree(directory / "lost", ignore_errors=True)  # it is in what is kept
        if why := _not_opened(directory):
            raise Broken(
                f"the database {directory} does not open after its repair: restore a backup; as "
                f"it was, it is in {kept}",
                detail=why,
            )
        return Repair(problems=tuple(problems), kept=kept)
    finally:
        claim.release()


def _damaged_logs(directory: Path) -> Iterator[tuple[Path, list[bytes], str]]:
    """Give logs with damage that are more than a last write cut off, and what is whole in them."""
    for file in sorted(directory.glob("*.log")):
        found = log.read(file.read_bytes())
        if found.damages:
            places = ", ".join(map(str, found.damages))
            problem = (
                f"{file.name}: {places} cannot be read: transactions of the last time before the "
                f"server ended are lost; {len(found.transactions)} others are whole"
            )
            yield file, found.transactions, problem


def _not_opened(directory: Path) -> str:
    """Open it and close it again; say why that fails."""
    try:
        plyvel.DB(str(directory), create_if_missing=False, **OPTIONS).close()
    except (plyvel.Error, OSError) as error:
        return f"the database does not open: {error}"
    return ""


def _keep(directory: Path, now: datetime) -> Path:
    """Copy the directory; tables, which are never changed, by another name for the same file."""
    kept = directory.with_name(f"{directory.name}.damaged-{now:%Y%m%dT%H%M%SZ}")
    try:
        kept.mkdir(mode=0o700)
        for each in directory.iterdir():
            if each.name in _OWN or not each.is_file():
                continue
            with contextlib.suppress(OSError):
                if each.suffix in {".ldb", ".sst"}:
                    os.link(each, kept / each.name)
                    continue
            shutil.copy2(each, kept / each.name)
    except OSError as error:
        raise Broken(
            f"the database could not be copied to {kept}, so nothing was done: {error.strerror}"
        ) from error
    return kept
