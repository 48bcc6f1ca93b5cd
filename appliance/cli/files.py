"""Reading and writing files for a person: clear refusals, an overwrite question, no half files."""

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.cli.prompts import confirm
from appliance.model.errors import BadRequest

# A file may be written in a directory that may not, or be mounted into a container by itself:
# such ones are written in place, as step does. No other failure may touch the old content.
_NO_RENAME: Final = {errno.EACCES, errno.EBUSY, errno.EPERM, errno.EROFS, errno.EXDEV}


def read_file(name: str) -> bytes:
    """Read a file, or standard input for `-`; a byte order mark is dropped. Raises BadRequest."""
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise BadRequest(f"open {name} failed: {_reason(error)}") from error
    return content.removeprefix(b"\xef\xbb\xbf")


def write_file(path: str | Path, data: bytes, mode: int, *, force: bool = False) -> None:
    """Write a file as a whole: other readers see the old content or the new, never a part.

    Asks before overwriting unless `force`. A new file gets `mode`; one that was there keeps its
    mode and owner, and a symbolic link stays one. Raises BadRequest.
    """
    may_write(path, force=force)
    named = Path(path)
    try:
        before = named.stat() if named.exists() else None
        if before is not None and not stat.S_ISREG(before.st_mode):
            _write_in_place(named, data)  # a pipe or device, such as /dev/stdout
        else:
            _replace(Path(os.path.realpath(named)), data, mode, before)
    except OSError as error:
        raise BadRequest(f"{path} cannot be written: {_reason(error)}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """What is to be written, and where. A file that is there keeps its mode and owner."""

    path: str
    data: bytes
    mode: int


def write_together(files: Sequence[NewFile]) -> None:
    """Write files that belong together: all are on the disk before the first takes its place.

    A failure before that leaves all the old ones. Raises BadRequest.
    """
    staged: list[tuple[Path, Path]] = []
    for file in files:
        target = Path(os.path.realpath(file.path))
        try:
            before = target.stat() if target.exists() else None
            if before is None or stat.S_ISREG(before.st_mode):
                staged.append((_stage(target, file.data, file.mode, before), target))
        except OSError as error:
            for partial, _ in staged:
                partial.unlink(missing_ok=True)
            staged = []
            if error.errno not in _NO_RENAME:
                raise BadRequest(f"{file.path} cannot be written: {_reason(error)}") from error
            break
    done = {target for _, target in staged}
    for partial, target in staged:
        partial.replace(target)
        _sync_directory(target.parent)
    for file in files:
        if Path(os.path.realpath(file.path)) not in done:
            write_file(file.path, file.data, file.mode, force=True)


def may_write(path: str | Path, *, force: bool = False) -> None:
    """Ask the overwrite question beforehand, before work is done that would be lost.

    A pipe or a device has nothing to lose. Raises BadRequest when the answer is no.
    """
    named = Path(path)
    if named.is_dir():
        raise BadRequest(f"{path} is a directory: name a file")
    if force or not named.is_file():
        return
    if not confirm(f"Would you like to overwrite {path}"):
        raise BadRequest(f"{path} exists and was not overwritten")


def _replace(target: Path, data: bytes, mode: int, before: os.stat_result | None) -> None:
    """Write beside the target, and put it in its place."""
    try:
        partial = _stage(target, data, mode, before)
        try:
            partial.replace(target)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        _sync_directory(target.parent)
    except OSError as error:
        if before is None or error.errno not in _NO_RENAME:
            raise
        _write_in_place(target, data)


def _stage(target: Path, data: bytes, mode: int, before: os.stat_result | None) -> Path:
    """Write a file beside the target, and sync it; nothing is left of one that fails."""
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as stream:
            if before is not None:
                with contextlib.suppress(PermissionError):
                    os.fchown(fd, before.st_uid, before.st_gid)
            os.fchmod(fd, mode if before is None else stat.S_IMODE(before.st_mode))
            stream.write(data)
            stream.flush()
            os.fsync(fd)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    return partial


def _write_in_place(target: Path, data: bytes) -> None:
    """Write where nothing can be renamed to."""
    with target.open("r+b" if target.is_file() else "wb", buffering=0) as stream:
        stream.write(data)
        if target.is_file():
            stream.truncate()
            os.fsync(stream.fileno())


def _sync_directory(directory: Path) -> None:
    """Make the new name last, where the file system can."""
    with contextlib.suppress(OSError):
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _reason(error: OSError) -> str:
    """Say it as the system does, in lower case as step."""
    return (error.strerror or type(error).__name__).lower()
