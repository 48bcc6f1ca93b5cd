"""What has been done in a ceremony, on disk, so that it can go on after whatever happened.

Nothing in it is secret. It is written anew after each thing that cannot be done twice.
"""

import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, final

import msgspec

from appliance.model.ceremony import Role, Step
from appliance.model.errors import ConfigError
from appliance.server.ceremony.plan import Plan

DIRECTORY: Final = "ceremony"
JOURNAL: Final = "journal.json"
RECORD: Final = "record.json"


@dataclass(slots=True, kw_only=True)
class Before:
    """A token as it was before the ceremony."""

    name: str
    serial: str = ""
    firmware: str = ""
    factory: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    @property
    def is_new(self) -> bool:
        """Say whether it came from the factory, so that nothing is lost by a reset."""
        return len(self.factory) == 3 and not self.keys  # PIN, PUK and management key


@dataclass(slots=True, kw_only=True)
class Record:
    """A ceremony up to now."""

    plan: Plan
    started: datetime
    done: list[Step] = field(default_factory=list)
    before: dict[str, Before] = field(default_factory=dict)  # by the tokens' URIs
    shown: list[str] = field(default_factory=list)  # names of tokens and files
    changed: list[str] = field(default_factory=list)  # names of secrets
    keys: dict[Role, bytes] = field(default_factory=dict)  # SubjectPublicKeyInfo
    certificates: dict[Role, bytes] = field(default_factory=dict)
    attestations: dict[Role, list[bytes]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # for the sheet
    files: list[str] = field(default_factory=list)  # that were written
    finished: datetime | None = None

    @property
    def next(self) -> Step | None:
        """The step that is to be done; None at the end."""
        return next((step for step in Step if step not in self.done), None)


@final
class Journal:
    """The record's file, below the directory of the authority."""

    def __init__(self, base: Path) -> None:
        self.directory = base / DIRECTORY
        self._file = self.directory / JOURNAL

    def read(self) -> Record | None:
        """Give the ceremony that is under way. Raises ConfigError for what cannot be read."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Record)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigError(
                f"the journal of a ceremony cannot be read: {error}", file=str(self._file)
            ) from error

    def write(self, record: Record) -> None:
        """Put the record on disk, wholly or not at all. Raises ConfigError."""
        write_whole(self._file, msgspec.json.format(msgspec.json.encode(record)))

    def finish(self, record: Record) -> None:
        """Keep the record, and have no ceremony under way."""
        self.write(record)
        self._file.replace(self.directory / RECORD)
        _sync(self.directory)

    def forget(self) -> None:
        """Have no ceremony under way, nor a trace of one."""
        for name in (JOURNAL, f"{JOURNAL}.new"):
            (self.directory / name).unlink(missing_ok=True)
        if self.directory.is_dir() and not any(self.directory.iterdir()):
            self.directory.rmdir()


def write_whole(file: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file so that neither a crash nor a power cut leaves half of one.

    Raises ConfigError.
    """
    passing = file.with_name(f"{file.name}.new")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with open(descriptor, "wb") as stream:  # noqa: PTH123 - a descriptor
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
        passing.replace(file)
        _sync(file.parent)
    except OSError as error:
        passing.unlink(missing_ok=True)
        raise ConfigError(
            f"cannot be written: {error.strerror or error}", file=str(file)
        ) from error


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
