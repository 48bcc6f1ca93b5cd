"""Changing a ca.json and keeping all of it that the change is not about, keys of others included.

As step writes it: indented by tabs, no character escaped that need not be. Only the whole new file
ever takes the place of the old one, and its mode stays.
"""

import json
import stat
from dataclasses import dataclass
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
    members: dict[str, Any]

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
        return loading.of_document(document.parse(self.file.absolute(), self._content()))

    def save(self, *others: NewFile) -> Settings:
        """Check, then put the configuration in place, and `others` with it: all of them or none.

        Raises ConfigError, and then nothing has changed.
        """
        settings = self.checked()
        mode = stat.S_IMODE(self.file.stat().st_mode)
        content = NewFile(path=self.file, content=self._content(), mode=mode)
        placing.place([*others, content])
        return settings

    def _member(self, members: dict[str, Any], name: str, empty: T) -> T:
        key = spelled(members, name)
        if members.get(key) is None:
            members[key] = empty
        value = members[key]
        if not isinstance(value, type(empty)):
            kind = "a list" if isinstance(empty, list) else "an object in braces"
            raise ConfigError(f"must be {kind}", file=str(self.file), place=name)
        return value

    def _content(self) -> bytes:
        return json.dumps(self.members, indent="\t", ensure_ascii=False).encode() + b"\n"


def edit(file: Path) -> Editing:
    """Read a configuration to change it. Raises ConfigError when there is none to read."""
    return Editing(
        file=file.resolve(), members=dict(document.parse(file, loading.content(file)).members)
    )


def spelled(members: dict[str, Any], name: str) -> str:
    """Find how an object spells a key: the last of several wins, as in Go."""
    found = [key for key in members if key.lower() == name.lower()]
    return found[-1] if found else name
