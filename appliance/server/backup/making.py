"""A backup is written to a file that nobody else can read, and is on disk when it is done."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import trio

from appliance.formats import backup_archive, jwe
from appliance.formats.backup_archive import End, Kind, RowDigest, Sealed, Writer
from appliance.model.errors import BadRequest, Unavailable
from appliance.model.secret import Password
from appliance.ports.chance import Chance
from appliance.server.backup.contents import Contents

SHORTEST = 8  # octets of a passphrase


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a backup holds. `size` is of its file, in octets."""

    size: int
    files: int
    sealed: int
    rows: int


async def write(
    file: Path,
    contents: Contents,
    read_rows: Callable[[], Awaitable[bytes]],
    passphrase: Password | None,
    chance: Chance,
) -> Made:
    """Write a backup; `read_rows` gives packed rows, and nothing at the end.

    What was begun is removed when it fails. Raises Unavailable when the file cannot be written,
    BadRequest for a passphrase that is too short, and what reading the rows raises.
    """
    if contents.about.has_secrets and (passphrase is None or len(passphrase.reveal()) < SHORTEST):
        raise BadRequest(f"keys are backed up under a passphrase of at least {SHORTEST} characters")
    try:
        return await _write(file, contents, read_rows, passphrase, chance)
    except OSError as error:
        raise Unavailable(f"{file} cannot be written: {error.strerror or error}") from error


async def _write(
    file: Path,
    contents: Contents,
    read_rows: Callable[[], Awaitable[bytes]],
    passphrase: Password | None,
    chance: Chance,
) -> Made:
    opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    writer, rows = Writer(), RowDigest()
    finished = False
    try:
        with os.fdopen(opened, "wb") as stream:

            def put(octets: bytes) -> None:
                stream.write(octets)

            put(writer.begin())
            put(writer.value(Kind.ABOUT, contents.about))
            for each in contents.files:
                put(writer.value(Kind.FILE, each))
            while packed := await read_rows():
                await trio.to_thread.run_sync(_add, packed, writer, rows, put)
            if contents.about.has_secrets and passphrase is not None:
                sealed = Sealed(digest=writer.digest, files=list(contents.sealed))
                put(await trio.to_thread.run_sync(_seal, sealed, writer, passphrase, chance))
            total = len(contents.files)
            put(writer.value(Kind.END, End(files=total, rows=rows.count, digest=rows.digest)))
            stream.flush()
            await trio.to_thread.run_sync(os.fsync, stream.fileno())
            size = stream.tell()
        finished = True
    finally:
        if not finished:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(partial(file.unlink, missing_ok=True))
    return Made(size=size, files=total, sealed=len(contents.sealed), rows=rows.count)


def _add(packed: bytes, writer: Writer, rows: RowDigest, put: Callable[[bytes], None]) -> None:
    rows.add(backup_archive.unpack(packed))
    put(writer.frame(Kind.ROWS, packed))


def _seal(sealed: Sealed, writer: Writer, passphrase: Password, chance: Chance) -> bytes:
    text = jwe.encrypt(
        msgspec.msgpack.encode(sealed),
        passphrase,
        entropy=chance.octets(jwe.ENTROPY),
        content_type="",
    )
    return writer.frame(Kind.SECRETS, text.encode())
