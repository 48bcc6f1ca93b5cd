"""What `ssh config` changed, by file, so that it can be done again and undone.

The record keeps each file as it was without us. A file that is as we left it gets that back, octet
for octet; from one that somebody has changed since only what is ours is taken. Several contexts may
share a file (`~/.ssh/config`): it is given back when the last of them is undone.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias, final

import msgspec

from appliance.client.ssh import edits
from appliance.model.errors import FormatError
from appliance.model.ssh_files import FileType, RenderedFile

Reader: TypeAlias = Callable[[Path], bytes | None]
"""Gives what a file holds; None when there is none."""


class _Part(msgspec.Struct):
    """What one context has in a file."""

    type: FileType
    content: bytes


class _File(msgspec.Struct):
    """A file as it was without us (None: it was not there), and the SHA-256 of how we left it."""

    previous: bytes | None
    written: str
    parts: dict[str, _Part]  # by context


class _Record(msgspec.Struct):
    files: dict[str, _File] = msgspec.field(default_factory=dict)
    directories: list[str] = msgspec.field(default_factory=list)  # made by us, outer ones first


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A file as it is and as it shall be; None: it is not there.

    One that `asks` loses somebody's work.
    """

    path: Path
    old: bytes | None
    new: bytes | None
    asks: bool = False


@final
class Configured:
    """The record of one step path."""

    def __init__(self, record: _Record | None = None) -> None:
        self._record = record or _Record()

    @classmethod
    def read(cls, document: bytes) -> "Configured":
        """Read what `document` gave. Raises FormatError."""
        try:
            return cls(msgspec.json.decode(document, type=_Record))
        except msgspec.MsgspecError as error:
            raise FormatError(f"the record of changes is damaged: {error}") from error

    @property
    def document(self) -> bytes:
        """The record in JSON."""
        return msgspec.json.format(msgspec.json.encode(self._record), indent=1) + b"\n"

    @property
    def is_undone(self) -> bool:
        """Say whether no file has anything of ours."""
        return not self._record.files

    @property
    def directories(self) -> Sequence[Path]:
        """Directories that we made, inner ones first."""
        return [Path(each) for each in reversed(self._record.directories)]

    def made(self, directory: Path) -> None:
        """Remember that we made a directory."""
        if str(directory) not in self._record.directories:
            self._record.directories.append(str(directory))

    def apply(
        self, file: RenderedFile, path: Path, context: str, read: Reader, now: datetime
    ) -> Change:
        """Plan to put a file's content in its place, and remember it. Raises BadRequest."""
        current = read(path)
        known = self._record.files.get(str(path))
        untouched = known is not None and _digest(current) == known.written
        new = edits.applied(file.type, current or b"", file.content, now)
        if known is None or not untouched:
            previous = self._without_us(file, current, known)
            known = _File(previous=previous, written="", parts=known.parts if known else {})
        known.parts[context] = _Part(type=file.type, content=file.content)
        known.written = _digest(new)
        self._record.files[str(path)] = known
        return Change(
            path=path,
            old=current,
            new=new,
            asks=file.type is FileType.FILE and not untouched and current not in (None, new),
        )

    def undo(self, context: str, read: Reader, *, force: bool) -> list[Change]:
        """Plan to take back what a context has put anywhere, and forget it.

        Without `force`, a change that `asks` is not to be made, since it would lose what somebody
        wrote into a file that was all ours; it is not forgotten.
        """
        changes = []
        for path, known in list(self._record.files.items()):
            part = known.parts.pop(context, None)
            if part is None:
                continue
            change = self._without(Path(path), known, part, read(Path(path)))
            if change.asks and not force:
                known.parts[context] = part
            elif not known.parts:
                del self._record.files[path]
            if change.old != change.new:
                changes.append(change)
        return changes

    def _without(self, path: Path, known: _File, part: _Part, current: bytes | None) -> Change:
        if current is None:
            return Change(path=path, old=None, new=None)
        if known.parts:  # other contexts have theirs in it
            new = current
            shared = any(each.content == part.content for each in known.parts.values())
            if part.type is FileType.PREPEND_LINE and not shared:
                new = edits.removed(part.type, current, part.content)
            if _digest(current) == known.written:
                known.written = _digest(new)
            return Change(path=path, old=current, new=new)
        if _digest(current) == known.written or current == known.previous:
            return Change(path=path, old=current, new=known.previous)
        if part.type is FileType.FILE:
            return Change(path=path, old=current, new=known.previous, asks=True)
        return Change(path=path, old=current, new=_bare(part, current, known))

    @staticmethod
    def _without_us(file: RenderedFile, current: bytes | None, known: _File | None) -> bytes | None:
        """Say what a file would be without us that is not as we left it, or is new to us.

        A block that has the marks is ours, whoever wrote it; lines are somebody's until we have
        written them.
        """
        if current is None:
            return None
        rest: bytes | None = current
        parts = list(known.parts.values()) if known else []
        if file.type is FileType.SNIPPET:
            parts.append(_Part(type=file.type, content=file.content))
        for part in parts:
            if rest is not None:
                rest = _bare(part, rest, known)
        return rest


def _bare(part: _Part, current: bytes, known: _File | None) -> bytes | None:
    """Take a part out; a file that was not there before and has nothing left goes."""
    rest = edits.removed(part.type, current, part.content)
    return None if known is not None and known.previous is None and not rest else rest


def _digest(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()
