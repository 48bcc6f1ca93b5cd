"""A backup is unpacked into a directory of its own, as a CA whose files are there."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from appliance.config.editing import spelled
from appliance.formats.backup_archive import About, ArchivedFile, RowDigest
from appliance.model.errors import Broken, Unavailable
from appliance.ports.store import Put
from appliance.server.backup import opening
from appliance.server.backup.opening import Examined
from appliance.stores.leveldb import LevelDbStore, open_store

DATABASE = "db"  # the directory of the database, wherever it was before


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """A CA's files in a directory."""

    directory: Path
    examined: Examined

    @property
    def ca_json(self) -> Path:
        """Its configuration."""
        return self.directory / self.examined.about.config

    @property
    def database(self) -> Path:
        """Its database."""
        return self.directory / DATABASE


def write_files(examined: Examined, directory: Path, lives_in: Path) -> Unpacked:
    """Write the files of a backup, those that were sealed too, if they were opened.

    What ca.json names is as if all of it were in `lives_in`. Raises Unavailable.
    """
    files = {each.path: each for each in (*examined.files, *(examined.sealed or ()))}
    for each in files.values():
        content = each.content
        if each.path.endswith(".json"):
            content = relocated(each, examined.about, lives_in)
        _write(directory / each.path, content, each.mode)
    return Unpacked(directory=directory, examined=examined)


async def fill_database(unpacked: Unpacked) -> None:
    """Make the database and read it back, every row against its checksum, and all against the sum.

    Raises Broken when it is not what the backup was made of.
    """
    store = await open_store(unpacked.database)
    try:
        batches = opening.rows(unpacked.examined.file)
        while batch := await trio.to_thread.run_sync(next, batches, None):
            await store.commit([Put(bucket, key, value) for bucket, key, value in batch])
        await _compare(store, unpacked.examined)
    finally:
        with trio.CancelScope(shield=True):
            await store.aclose()


def relocated(file: ArchivedFile, about: About, base: Path) -> bytes:
    """Give a configuration with its paths as they are below another directory."""
    try:
        members = json.loads(file.content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return file.content
    changed = _relocated(members, about, base)
    if file.path == about.config and about.has_database:
        changed[spelled(changed, "db")] = _database(changed, base)
    if changed == members:
        return file.content
    return json.dumps(changed, indent="\t", ensure_ascii=False).encode() + b"\n"


def _database(members: dict[str, Any], base: Path) -> dict[str, Any]:
    return {"type": "leveldb", "dataSource": str(base / DATABASE)}


def _relocated(value: Any, about: About, base: Path) -> Any:
    match value:
        case dict():
            return {key: _relocated(each, about, base) for key, each in value.items()}
        case list():
            return [_relocated(each, about, base) for each in value]
        case str():
            return _path(value, about, str(base))
        case _:
            return value


def _path(text: str, about: About, base: str) -> str:
    if text in about.moved:
        return f"{base}/{about.moved[text]}"
    before = about.base
    if text == before:
        return base
    if text.startswith(f"{before}/"):
        return base + text.removeprefix(before)
    for mark in (":", "="):  # softkms:/…, softkms:path=/…
        text = text.replace(f"{mark}{before}/", f"{mark}{base}/")
    return text


def _write(file: Path, content: bytes, mode: int) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(content)
        file.chmod(mode & 0o777)
    except OSError as error:
        raise Unavailable(f"{file} cannot be written: {error.strerror or error}") from error


async def _compare(store: LevelDbStore, examined: Examined) -> None:
    snapshot, found = store.snapshot(), RowDigest()
    try:
        while rows := await snapshot.read():
            await trio.to_thread.run_sync(found.add, rows)
    finally:
        await snapshot.aclose()
    if found.count != examined.end.rows or found.digest != examined.end.digest:
        raise Broken(
            f"the database that was made of {examined.file} is not the one that was backed up",
            detail=f"{found.count} rows of {examined.end.rows}",
        )
