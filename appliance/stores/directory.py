"""The directory of an embedded database: one owner at a time, and nothing else in it.

LevelDB has a lock of its own, of the POSIX kind: a second open in the same process fails, and in
failing drops the lock that the first one holds. So a database is claimed here before LevelDB
touches its files: in a registry of this process, and with a `flock` on a file of ours, which goes
with its holder however that ends.
"""

import contextlib
import fcntl
import os
import struct
from pathlib import Path
from threading import Lock
from typing import Final, final

from appliance.model.errors import Broken, Unavailable

LOCK_FILE: Final = "hearth.lock"
_LEVELDB_LOCK_FILE: Final = "LOCK"
_FLOCK: Final = "hhqqi4x"  # struct flock of Linux: type, whence, start, length, pid

_claimed: Final[set[tuple[int, int]]] = set()  # device and inode of each directory
_guard: Final = Lock()


class StoreLocked(Unavailable):
    """Somebody else has the database open. `pid` is None where it could not be found out."""

    def __init__(self, directory: Path, pid: int | None) -> None:
        holder = f"process {pid}" if pid else "another process"
        if pid == os.getpid():
            holder = "this process already"
        super().__init__(f"the database {directory} is in use by {holder}")
        self.directory = directory
        self.pid = pid


class StoreAbsent(Unavailable):
    """There is no database, and none was to be made."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"there is no database in {directory}")
        self.directory = directory


@final
class Claim:
    """The right to open the database in a directory, until it is released."""

    def __init__(self, directory: Path, *, create: bool, damaged: bool = False) -> None:
        """Claim the directory, made with mode 0700 if `create`.

        A `damaged` one may lack what makes it a database. Raises StoreLocked, StoreAbsent, Broken.
        """
        if create:
            _make(directory)
        elif not (damaged and directory.is_dir()) and not _is_database(directory):
            raise StoreAbsent(directory)
        self._identity = _register(directory)
        try:
            if not damaged:
                _check_content(directory)
            self._file = _lock(directory)
        except BaseException:
            _claimed.discard(self._identity)
            raise

    def release(self) -> None:
        """Let others have it; the database must be closed before."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, 0)
        os.close(self._file)
        with _guard:
            _claimed.discard(self._identity)


def leveldb_holder(directory: Path) -> int | None:
    """Find who holds LevelDB's own lock: a program that knows nothing of ours.

    Only to be asked when this process does not hold it, since closing the file would drop it.
    """
    with contextlib.suppress(OSError):
        file = os.open(directory / _LEVELDB_LOCK_FILE, os.O_RDWR | os.O_CLOEXEC)
        try:
            asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
        finally:
            os.close(file)
        return pid if kind != fcntl.F_UNLCK and pid > 0 else None
    return None


def _is_database(directory: Path) -> bool:
    try:
        return (directory / "CURRENT").is_file()
    except OSError as error:
        raise Broken(f"the database {directory} cannot be opened: {error.strerror}") from error


def _make(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Broken(
            f"the database directory {directory} cannot be made: {error.strerror}"
        ) from error


def _register(directory: Path) -> tuple[int, int]:
    try:
        status = directory.stat()
    except OSError as error:
        raise Broken(f"the database {directory} cannot be opened: {error.strerror}") from error
    identity = status.st_dev, status.st_ino
    with _guard:
        if identity in _claimed:
            raise StoreLocked(directory, os.getpid())
        _claimed.add(identity)
    return identity


def _check_content(directory: Path) -> None:
    """Refuse files that LevelDB would clear away, taking them for leftovers of its own.

    Without the file CURRENT it makes a new database, and deletes the tables of the one before.
    """
    try:
        names = {entry.name for entry in os.scandir(directory)}
    except OSError as error:
        raise Broken(f"the database {directory} cannot be read: {error.strerror}") from error
    if "CURRENT" in names:
        return
    if any(name.endswith((".vlog", ".mem")) or name == "KEYREGISTRY" for name in names):
        raise Broken(f"{directory} holds a Badger database, not LevelDB: name another directory")
    if any(name.startswith("MANIFEST-") or name.endswith((".ldb", ".sst")) for name in names):
        raise Broken(
            f"the database {directory} is damaged: its file CURRENT is missing; "
            "restore a backup, or move the directory away to begin a new one"
        )


def _lock(directory: Path) -> int:
    try:
        file = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Broken(
            f"the database {directory} cannot be opened: {LOCK_FILE}: {error.strerror}"
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(file, 0)
        os.pwrite(file, b"%d\n" % os.getpid(), 0)
    except BlockingIOError as error:
        pid = _written_pid(file)
        os.close(file)
        raise StoreLocked(directory, pid) from error
    except OSError as error:
        os.close(file)
        raise Broken(f"the database {directory} cannot be locked: {error.strerror}") from error
    return file


def _written_pid(file: int) -> int | None:
    text = os.pread(file, 32, 0).strip()
    return int(text) if text.isdigit() else None
