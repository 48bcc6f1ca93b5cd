"""Changing a ca.json and keeping all of it that the change is not about, keys of others included.

As step writes it: indented by tabs, no character escaped that need not be. Only the whole new file
ever takes the place of the old one, and its mode and owner stay, also when root changes it. Who
changes a file that somebody else changes at the same time is told so, and nothing is lost.
"""

import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from appliance.config import document, loading, placing
from appliance.config.placing import NewFile
from appliance.config.settings import Settings
from appliance.model.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Editing:
    """A configuration being changed: `members` is the file's object, to be changed in place."""

    file: Path
    members: dict[str, Any] = field(repr=False)
    before: bytes = field(repr=False)  # the file's content when it was read

    def part(self, kind: type[T], *names: str) -> T:
        """Give the object or list under these keys, whatever their case, making what is missing.

        Raises ConfigError when something else is there.
        """
        here = self.members
        for name in names[:-1]:
            here = self._member(here, name, dict[str, Any]())
        return self._member(here, names[-1], kind())

    def checked(self) -> Settings:
        """Read the changed configuration as the server will. Raises ConfigError."""
        return loading.of_document(document.parse(self.file.absolute(), self.content()))

    def save(self, *others: NewFile) -> Settings:
        """Check, then put the configuration in place, and `others` with it: all of them or none.

        The former one is kept beside it. Raises ConfigError, also when the file is not any more
        what was read, and then nothing has changed.
        """
        settings = self.checked()
        with self._alone(self.before) as status:
            owner = (status.st_uid, status.st_gid)
            changed = NewFile(
                path=self.file,
                content=self.content(),
                mode=stat.S_IMODE(status.st_mode),
                owner=owner,
            )
            former = replace(changed, path=self.former, content=self.before)
            placing.place([*(replace(each, owner=owner) for each in others), former, changed])
        return settings

    def take_back(self) -> None:
        """Put the former configuration back after a `save`.

        Raises ConfigError, also when somebody else has changed it since.
        """
        with self._alone(self.content()) as status:
            owner = (status.st_uid, status.st_gid)
            mode = stat.S_IMODE(status.st_mode)
            placing.place([NewFile(path=self.file, content=self.before, mode=mode, owner=owner)])

    @property
    def former(self) -> Path:
        """Where the former configuration is kept."""
        return self.file.with_name(f"{self.file.name}.old")

    @contextmanager
    def _alone(self, expected: bytes) -> Iterator[os.stat_result]:
        """Keep others like us out, and give the file's mode and owner.

        Who waited for the lock meets another file than was locked, since it has been replaced.
        """
        try:
            opened = os.open(self.file, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise loading.ConfigUnreadable(
                f"cannot be read: {error.strerror}", file=str(self.file)
            ) from error
        try:
            fcntl.flock(opened, fcntl.LOCK_EX)
            if loading.content(self.file) != expected:
                raise ConfigError(
                    "was changed by somebody else meanwhile; nothing was written: try again",
                    file=str(self.file),
                )
            yield os.fstat(opened)
        finally:
            os.close(opened)

    def _member(self, members: dict[str, Any], name: str, empty: T) -> T:
        key = spelled(members, name)
        if members.get(key) is None:
            members[key] = empty
        value = members[key]
        if not isinstance(value, type(empty)):
            kind = "a list" if isinstance(empty, list) else "an object in braces"
            raise ConfigError(f"must be {kind}", file=str(self.file), place=name)
        return value

    def content(self) -> bytes:
        """Give the changed file."""
        return json.dumps(self.members, indent="\t", ensure_ascii=False).encode() + b"\n"


def edit(file: Path) -> Editing:
    """Read a configuration to change it. Raises ConfigError when there is none to read."""
    content = loading.content(file)
    return Editing(
        file=file.resolve(), members=dict(document.parse(file, content).members), before=content
    )


def spelled(members: dict[str, Any], name: str) -> str:
    """Find how an object spells a key: the last of several wins, as in Go."""
    found = [key for key in members if key.lower() == name.lower()]
    return found[-1] if found else name
