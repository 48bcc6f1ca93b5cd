"""Doing and undoing what `ssh config` changes in files: nothing is written before all is known."""

import contextlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from appliance.cli.command import location
from appliance.cli.files import NewFile, may_write, read_file, write_together
from appliance.cli.online import now
from appliance.cli.prompts import say
from appliance.client.ssh.configured import Change, Configured
from appliance.config.location import home_directory
from appliance.model.errors import BadRequest, FormatError
from appliance.model.ssh import CertificateType
from appliance.model.ssh_files import FileType, RenderedFile

_MODE: Final = 0o600
_DIRECTORY_MODE: Final = 0o700
_BASE: Final = "${STEPPATH}"


def target(file: RenderedFile) -> Path:
    """Say where a file belongs: plain relative paths are below the step path.

    A symbolic link stays what it is: the file that it leads to is meant.
    """
    found = location()
    named = file.path.replace(_BASE, str(found.base))
    return Path(os.path.realpath(found.resolve(named, home=home_directory(os.environ))))


def apply(files: Sequence[RenderedFile], kind: CertificateType, *, force: bool) -> None:
    """Write files and the record of it. Asks where somebody's work would be lost."""
    configured = _recorded()
    changes = [
        configured.apply(file, target(file), _context(kind), _content, now())
        for file in files
        if file.type is not FileType.DIRECTORY
    ]
    for change in changes:
        if change.asks:
            may_write(change.path, force=force)
    record = _record_file()
    wanted = [target(file) for file in files if file.type is FileType.DIRECTORY]
    for directory in _missing((record.parent, *wanted, *(each.path.parent for each in changes))):
        _make(directory)
        configured.made(directory)
    known = Change(path=record, old=_content(record), new=configured.document)
    _write([known, *changes])  # the record first: what is not there needs no undoing
    for file in files:
        say(f"✔ {target(file)}")


def undo(kind: CertificateType, *, force: bool) -> bool:
    """Take everything back that was written for users or hosts; False when there is nothing."""
    configured = _recorded()
    changes = configured.undo(_context(kind), _content, force=force)
    done = [change for change in changes if force or not change.asks]
    _write(done)
    for change in changes:
        if change in done:
            say(f"✔ {change.path}")
        else:
            say(f"{change.path} was changed by somebody else and stays; --force undoes it as well")
    record = _record_file()
    if not configured.is_undone:
        _write([Change(path=record, old=_content(record), new=configured.document)])
        return bool(changes)
    _write([Change(path=record, old=_content(record), new=None)])
    for directory in configured.directories:
        with contextlib.suppress(OSError):  # somebody has something in it
            directory.rmdir()
    return bool(changes)


def _recorded() -> Configured:
    content = _content(_record_file())
    if content is None:
        return Configured()
    try:
        return Configured.read(content)
    except FormatError as error:
        raise BadRequest(f"{_record_file()}: {error.public}") from error


def _record_file() -> Path:
    return location().base / "ssh" / "configured.json"


def _context(kind: CertificateType) -> str:
    """Name whose files they are: each context has its own, for users and for hosts."""
    context = location().context
    return f"{context.name if context else ''}/{kind.label}"


def _content(path: Path) -> bytes | None:
    return read_file(str(path)) if path.exists() else None


def _write(changes: Sequence[Change]) -> None:
    """Put new contents in their places, all of them at once, then remove what is to go."""
    differing = [each for each in changes if each.new != each.old]
    write_together(
        [
            NewFile(path=str(each.path), data=each.new, mode=_MODE)
            for each in differing
            if each.new is not None
        ]
    )
    for change in differing:
        if change.new is None:
            _remove(change.path)


def _missing(directories: Iterable[Path]) -> list[Path]:
    """Give directories that are not there, outer ones first."""
    found = {
        each
        for directory in directories
        for each in (directory, *directory.parents)
        if not each.exists()
    }
    return sorted(found, key=lambda each: len(each.parts))


def _make(directory: Path) -> None:
    try:
        directory.mkdir(mode=_DIRECTORY_MODE)
    except OSError as error:
        raise BadRequest(f"{directory} cannot be made: {error.strerror}") from error


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise BadRequest(f"{path} cannot be removed: {error.strerror}") from error
