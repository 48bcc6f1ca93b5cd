"""The files of step-ca's embedded database, opened to be read, and kept from step-ca meanwhile.

Nothing is written, no file is made, and the locks are those that step-ca asks for: shared ones, so
that it cannot open the database while it is read, and that it is refused while step-ca has it.
"""

import fcntl
import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.config.step_directory import StepDirectory
from appliance.formats import bbolt
from appliance.formats.badger import database as badger
from appliance.formats.embedded import Row, Unreadable
from appliance.model.errors import FormatError, NotFound, Unavailable

_BADGER: Final = {"badgerv1": 1, "badgerv2": 2}
_WANTED: Final = ("MANIFEST", "KEYREGISTRY")
_ENDINGS: Final = (".sst", ".vlog")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An opened database: `rows` reads all of it, each time anew. Raises FormatError."""

    description: str
    rows: Callable[[], Iterator[Row | Unreadable]]
    notes: tuple[str, ...]


@contextmanager
def opened(found: StepDirectory, now: int) -> Iterator[Source]:
    """Open the database of a step directory; `now` is in seconds since 1970.

    Raises NotFound, Unavailable while step-ca runs, FormatError for one that cannot be read.
    """
    with ExitStack() as stack:
        try:
            for each in dict.fromkeys((found.database, found.values)):
                stack.enter_context(_locked(each))
            source = _open_bbolt(found) if found.kind == "bbolt" else _open_badger(found, now)
        except FormatError as error:
            raise FormatError(f"{found.database}: {error.public}") from error
        except FileNotFoundError as error:
            raise NotFound(f"there is no database {error.filename}") from error
        except OSError as error:
            raise Unavailable(
                f"the database {found.database} cannot be read: {error.strerror}"
            ) from error
        yield source


def _open_bbolt(found: StepDirectory) -> Source:
    database = bbolt.read(_mapped(found.database))
    return Source(
        description=f"bbolt {found.database}",
        rows=database.contents,
        notes=(
            "bbolt keeps no checksums: a bit that flipped on disk is found only where a "
            "certificate or a JSON text shows it",
        ),
    )


def _open_badger(found: StepDirectory, now: int) -> Source:
    files = _files(found.database)
    values = files if found.values == found.database else _files(found.values)
    database = badger.read(files, values)
    notes = []
    if database.version != _BADGER[found.kind]:
        notes.append(
            f"ca.json says {found.kind}, and the files are of Badger {database.version}: these "
            "were read"
        )
    if database.unverified:
        notes.append(
            f"{', '.join(database.unverified)}: without a checksum, since an old step-ca wrote it; "
            "short values in it could not be verified"
        )
    return Source(
        description=f"Badger {database.version} {found.database}",
        rows=lambda: database.contents(now),
        notes=tuple(notes),
    )


def _files(directory: Path) -> dict[str, bytes | memoryview]:
    return {
        each.name: _mapped(each)
        for each in directory.iterdir()
        if each.name in _WANTED or each.suffix in _ENDINGS
    }


def _mapped(file: Path) -> bytes | memoryview:
    """Map a file: what is not looked at costs no memory."""
    with file.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size == 0:
            return b""
        return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Unavailable(
                f"the database {place} is in use{_holder(place)}: stop step-ca first"
            ) from error
        yield
    finally:
        os.close(descriptor)


def _holder(place: Path) -> str:
    """Name the process that Badger's pid file names, if it does."""
    try:
        pid = (place / "LOCK").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return f" by process {pid}" if pid.isdigit() else ""
