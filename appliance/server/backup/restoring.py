"""A CA is put back from a backup: beside nothing that is there, and with nothing half done."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import trio

from appliance.authority.restoration import Settled, read_list, settle
from appliance.config import loading
from appliance.config.settings import Settings
from appliance.issuance.issuers import Issuer
from appliance.model.errors import Conflict, Unavailable
from appliance.server import material
from appliance.server.backup.opening import Examined
from appliance.server.backup.unpacking import (
    DATABASE,
    Unpacked,
    fill_database,
    relocated,
    write_files,
)
from appliance.stores.leveldb import open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What is there now, and what the person must know of it."""

    ca_json: Path
    rows: int
    settled: Settled | None
    missing_keys: tuple[Path, ...]
    blanked: tuple[str, ...]
    tokens_may_return: bool


async def restore(
    examined: Examined, target: Path, lists: Sequence[bytes], now: datetime
) -> Restored:
    """Put a CA into a directory; `lists` are revocation lists that it published since.

    Raises Conflict when something of it is there already, BadRequest for a list of another CA,
    Unavailable.
    """
    await trio.to_thread.run_sync(_check_free, examined, target)
    made = await trio.to_thread.run_sync(_workshop, target)
    try:
        unpacked = await trio.to_thread.run_sync(write_files, examined, made, made)
        settings = loading.load(unpacked.ca_json)
        settled = None
        if examined.about.has_database:
            await fill_database(unpacked)
            settled = await _settled(unpacked, settings, lists, now)
        await trio.to_thread.run_sync(_place, unpacked, target)
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(partial(shutil.rmtree, made, ignore_errors=True))
    missing = [each for each in settings.key_files if not _is_there(each, made, target)]
    return Restored(
        ca_json=target / examined.about.config,
        rows=examined.end.rows,
        settled=settled,
        missing_keys=tuple(_final(each, made, target) for each in missing),
        blanked=() if examined.sealed else tuple(examined.about.blanked),
        tokens_may_return=not settings.check_issued_at,
    )


async def _settled(
    unpacked: Unpacked, settings: Settings, lists: Sequence[bytes], now: datetime
) -> Settled:
    issuers = _issuers(settings)
    before = [read_list(each, issuers) for each in lists]
    store = await open_store(unpacked.database, create=False)
    try:
        return await settle(store, issuers, before, made_at=unpacked.examined.made_at, now=now)
    finally:
        with trio.CancelScope(shield=True):
            await store.aclose()


def _issuers(settings: Settings) -> list[Issuer]:
    files = [settings.certificate, *(each.certificate for each in settings.issuers)]
    return [material.read_issuer(file) for file in files]


def _names(examined: Examined) -> list[str]:
    """Give the paths of all that will be there."""
    files = [each.path for each in (*examined.files, *(examined.sealed or ()))]
    return [*dict.fromkeys(files), *([DATABASE] if examined.about.has_database else [])]


def _check_free(examined: Examined, target: Path) -> None:
    """Refuse to overwrite. Raises Conflict."""
    for name in _names(examined):
        there = target / name
        if os.path.lexists(there):
            raise Conflict(
                f"{there} is there already; nothing was written. Restore into an empty directory, "
                "or move away what is there"
            )


def _workshop(target: Path) -> Path:
    """Make a directory beside what will be there, on the same file system."""
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".restoring-", dir=target))
    except OSError as error:
        raise Unavailable(f"{target} cannot be written: {error.strerror or error}") from error


def _place(unpacked: Unpacked, target: Path) -> None:
    """Move all of it to where it belongs, or none of it."""
    examined = unpacked.examined
    files = {each.path: each for each in (*examined.files, *(examined.sealed or ()))}
    for each in files.values():
        if each.path.endswith(".json"):
            content = relocated(each, examined.about, target)
            (unpacked.directory / each.path).write_bytes(content)
    placed: list[Path] = []
    try:
        _move(unpacked, target, placed)
    except (OSError, Conflict) as error:
        for there in placed:
            shutil.rmtree(there) if there.is_dir() else there.unlink(missing_ok=True)
        if isinstance(error, Conflict):
            raise
        raise Unavailable(f"{target} cannot be written: {error.strerror or error}") from error


def _move(unpacked: Unpacked, target: Path, placed: list[Path]) -> None:
    """Move one after the other, noting what is there. Raises OSError, Conflict."""
    owner, examined = target.stat(), unpacked.examined
    # The configuration comes last: without it nothing is taken for a CA.
    for name in sorted(_names(examined), key=lambda each: each == examined.about.config):
        there = target / name
        _make_directories(there.parent, target, owner)
        if os.path.lexists(there):
            raise Conflict(f"{there} has just been made by somebody else")
        (unpacked.directory / name).rename(there)
        placed.append(there)
        _own(there, owner)


def _make_directories(directory: Path, target: Path, owner: os.stat_result) -> None:
    missing = []
    while directory != target and not directory.exists():
        missing.append(directory)
        directory = directory.parent
    for each in reversed(missing):
        each.mkdir(mode=0o700)
        _own(each, owner)


def _own(path: Path, owner: os.stat_result) -> None:
    """Give what root has restored to whose directory it is in."""
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    for each in (path, *(path.rglob("*") if path.is_dir() else ())):
        os.chown(each, owner.st_uid, owner.st_gid)


def _final(file: Path, made: Path, target: Path) -> Path:
    return target / file.relative_to(made) if file.is_relative_to(made) else file


def _is_there(file: Path, made: Path, target: Path) -> bool:
    return _final(file, made, target).exists()
