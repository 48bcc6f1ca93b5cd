"""Many files put in place as one: all of them are there at the end, or none is.

Every file is first written beside its target and synced; only then are they renamed, one by one.
When anything fails, what was renamed is taken back, and directories that were made are removed.
"""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from appliance.model.errors import ConfigError

Rename = Callable[[Path, Path], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file to be; `content` may be a secret, so it is not shown.

    `owner` is a user and a group to give it to, as far as we may.
    """

    path: Path
    content: bytes = field(repr=False)
    mode: int
    owner: tuple[int, int] | None = None


@dataclass(slots=True)
class _Progress:
    directories: list[Path] = field(default_factory=list)
    written: list[tuple[Path, Path]] = field(default_factory=list)  # beside, target
    kept: list[tuple[Path, Path]] = field(default_factory=list)  # old content, target
    placed: list[Path] = field(default_factory=list)


def place(
    files: Sequence[NewFile], directories: Iterable[Path] = (), *, rename: Rename = os.replace
) -> None:
    """Put all files in place, with the directories that they and `directories` need (mode 0700).

    Files that are there are replaced. Raises ConfigError, and then nothing has changed.
    """
    progress = _Progress()
    current = Path()
    try:
        for current in [*directories, *(file.path.parent for file in files)]:
            _make(current, progress)
        for file in files:
            current = file.path
            progress.written.append((_write_beside(file), file.path))
        for beside, current in progress.written:
            _keep(current, progress)
            rename(beside, current)
            progress.placed.append(current)
        for current in {file.path.parent for file in files}:
            _sync(current)
    except OSError as error:
        _take_back(progress)
        raise ConfigError(
            f"cannot be written: {error.strerror or error}", file=str(current)
        ) from error
    except BaseException:
        _take_back(progress)
        raise
    for old, _ in progress.kept:
        old.unlink(missing_ok=True)


def _make(directory: Path, progress: _Progress) -> None:
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700)
        progress.directories.append(path)


def _write_beside(file: NewFile) -> Path:
    beside = file.path.with_name(f".{file.path.name}.{secrets.token_hex(4)}")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as stream:
            if file.owner is not None:
                with contextlib.suppress(PermissionError):
                    os.fchown(fd, *file.owner)
            os.fchmod(fd, file.mode)
            stream.write(file.content)
            stream.flush()
            os.fsync(fd)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return beside


def _keep(target: Path, progress: _Progress) -> None:
    """Hold on to what a file had, until everything is in place."""
    if not target.exists():
        return
    old = target.with_name(f".{target.name}.{secrets.token_hex(4)}.old")
    os.link(target, old)
    progress.kept.append((old, target))


def _take_back(progress: _Progress) -> None:
    for target in progress.placed:
        target.unlink(missing_ok=True)
    for old, target in progress.kept:
        with contextlib.suppress(OSError):
            old.replace(target)
        old.unlink(missing_ok=True)  # renaming one name of a file onto the other keeps both
    for beside, _ in progress.written:
        beside.unlink(missing_ok=True)
    for directory in reversed(progress.directories):
        with contextlib.suppress(OSError):
            directory.rmdir()


def _sync(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
