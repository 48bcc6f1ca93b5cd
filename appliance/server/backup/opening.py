"""A backup is looked through whole before anything of it is used."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from appliance.formats import backup_archive, jwe
from appliance.formats.backup_archive import (
    About,
    ArchivedFile,
    Damaged,
    End,
    Frame,
    Kind,
    Row,
    RowDigest,
    Truncated,
)
from appliance.formats.keyfile import WrongPassword
from appliance.formats.timeorduration import parse_time
from appliance.model.errors import BadRequest, Forbidden, FormatError, NotFound, Unavailable
from appliance.model.secret import Password


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A backup that is whole. `sealed` is None where the passphrase was not given."""

    file: Path
    about: About
    files: tuple[ArchivedFile, ...]
    sealed: tuple[ArchivedFile, ...] | None = field(repr=False)
    end: End

    @property
    def made_at(self) -> datetime:
        """When it was made."""
        return parse_time(self.about.made_at)


class _Contents:
    """What has been read so far."""

    def __init__(self) -> None:
        self.about: About | None = None
        self.files: list[ArchivedFile] = []
        self.secrets: Frame | None = None
        self.end: End | None = None
        self.rows = RowDigest()

    def take(self, frame: Frame) -> None:
        match frame.kind:
            case Kind.ABOUT:
                self.about = backup_archive.about(frame.payload)
            case Kind.FILE:
                self.files.append(backup_archive.archived_file(frame.payload))
            case Kind.ROWS:
                self.rows.add(backup_archive.unpack(frame.payload))
            case Kind.SECRETS:
                self.secrets = frame
            case Kind.END:
                self.end = backup_archive.end(frame.payload)


def examine(file: Path, passphrase: Password | None) -> Examined:
    """Read a backup through, every part against its digest, and open what is sealed.

    Blocks, for as long as reading takes. Raises NotFound, NotBackup, Truncated, Damaged, and
    Forbidden for a passphrase that is not the right one.
    """
    found = _Contents()
    with _naming(file):
        for frame in _frames(file):
            found.take(frame)
    about, end = found.about, found.end
    if about is None or end is None:
        raise Truncated(f"{file}: the backup has no beginning or no end")
    if end.rows != found.rows.count or end.digest != found.rows.digest:
        raise Damaged(f"{file}: the backup is damaged: its rows are not those it was made of")
    if end.files != len(found.files) or about.has_secrets != (found.secrets is not None):
        raise Damaged(f"{file}: the backup is damaged: parts of it are missing")
    sealed = None
    if found.secrets is not None and passphrase is not None:
        sealed = _unsealed(file, found.secrets, passphrase)
    elif passphrase is not None:
        raise BadRequest(f"{file} has no keys in it, so there is nothing for a passphrase to open")
    return Examined(file=file, about=about, files=tuple(found.files), sealed=sealed, end=end)


def rows(file: Path) -> Iterator[list[Row]]:
    """Give the rows of a backup, batch by batch. Raises as `examine`."""
    with _naming(file):
        for frame in _frames(file):
            if frame.kind is Kind.ROWS:
                yield backup_archive.unpack(frame.payload)


def peek(file: Path) -> About:
    """Read what a backup says of itself, and no more. Raises as `examine`."""
    with _naming(file):
        frame = next(_frames(file))
        if frame.kind is not Kind.ABOUT:
            raise Damaged("the backup is damaged: it does not begin with its description")
        return backup_archive.about(frame.payload)


def _frames(file: Path) -> Iterator[Frame]:
    with file.open("rb") as stream:
        yield from backup_archive.frames(stream.read)


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Let what goes wrong with a file name it. Raises NotFound, Unavailable, FormatError."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"there is no {file}") from error
    except OSError as error:
        raise Unavailable(f"{file} cannot be read: {error.strerror or error}") from error
    except FormatError as error:
        raise type(error)(f"{file}: {error.public}") from error


def _unsealed(file: Path, frame: Frame, passphrase: Password) -> tuple[ArchivedFile, ...]:
    try:
        octets = jwe.decrypt(frame.payload.decode("ascii", "replace"), passphrase)
    except WrongPassword as error:
        raise Forbidden(f"{file}: the passphrase is wrong; the file itself is whole") from error
    except FormatError as error:
        raise Damaged(f"{file}: what is sealed cannot be opened: {error.public}") from error
    with _naming(file):
        sealed = backup_archive.sealed(octets)
    if sealed.digest != frame.before:
        raise Damaged(f"{file}: somebody has changed the backup since it was made")
    return tuple(sealed.files)
