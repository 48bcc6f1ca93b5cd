"""Files that `ssh config` writes: as templates in ca.json, and as rendered for a client."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


class FileType(enum.StrEnum):
    """What becomes of a file that is there already."""

    SNIPPET = "snippet"  # a marked block of it is ours
    PREPEND_LINE = "prepend-line"  # its first line is
    FILE = "file"  # all of it is
    DIRECTORY = "directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTemplate:
    """One of `templates.ssh.user` and `templates.ssh.host`.

    `requires` names what the client's data has to have. One with a `problem` cannot be rendered.
    """

    name: str
    type: FileType
    path: str  # on the client; may begin with ~, or have ${STEPPATH} in it
    comment: str = ""
    requires: tuple[str, ...] = ()
    text: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTemplates:
    """`templates`: those for clients, those for hosts, and what all of them see."""

    user: tuple[FileTemplate, ...] = ()
    host: tuple[FileTemplate, ...] = ()
    data: Mapping[str, object] = field(default_factory=dict)


NO_FILES: Final = FileTemplates()


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedFile:
    """What a client is to write, and how."""

    name: str
    type: FileType
    path: str
    comment: str = ""
    content: bytes = b""
