"""`templates`: what `ssh config` writes at clients and hosts.

A template that cannot be read does not keep the server from starting: whoever asks for it is
refused until it is mended, and the start says so.
"""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from msgspec import Struct

from appliance.config import location, ssh_templates
from appliance.config.document import Document
from appliance.formats.gotemplate import decoding
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.model.errors import FormatError, HearthError
from appliance.model.ssh_files import FileTemplate, FileTemplates, FileType

Found: TypeAlias = Callable[[], location.Location]

_TYPES: Final = {each.value: each for each in FileType}
_OURS: Final = ("Step", "User")
_SSHD_CONFIG: Final = "sshd_config.tpl"
_SPACES: Final = re.compile(r"(?<=\{\{)\s+|\s+(?=\}\})")
_NEVER: Final = FunctionContext(now=datetime(1970, 1, 1, tzinfo=UTC), entropy=bytes)
_BUILT_IN: Final = frozenset(ssh_templates.TEMPLATES.values())


class Templates(Struct, kw_only=True):
    """`templates`."""

    ssh: dict[str, Any] | None = None
    data: dict[str, Any] | None = None


class SshTemplates(Struct, kw_only=True):
    """`templates.ssh`."""

    user: list[Any] | None = None
    host: list[Any] | None = None


class Entry(Struct, kw_only=True):
    """One of the templates."""

    name: str = ""
    type: str = ""
    template: str = ""
    path: str = ""
    comment: str = ""
    requires: list[str] | None = None


def read(written: dict[str, Any] | None, document: Document) -> FileTemplates:
    """Check `templates`; those of step where there is no such key. Raises ConfigError."""
    if written is None:
        return _built_in(document)
    given = document.read(Templates, written, "templates")
    data = given.data or {}
    for name in _OURS:
        if name in data:
            raise document.wrong(f"'{name}' is what the CA itself sets", "templates.data")
    try:
        seen = decoding.from_decoded(data)
    except FormatError as error:
        raise document.wrong(error.public, "templates.data") from None
    ssh = document.read(SshTemplates, given.ssh or {}, "templates.ssh")
    found = cache(lambda: location.find(os.environ))
    return FileTemplates(
        user=_entries(ssh.user, "user", document, found),
        host=_entries(ssh.host, "host", document, found),
        data=seen,
    )


def warnings(templates: FileTemplates) -> list[str]:
    """Say which templates cannot be rendered, and why."""
    return [
        f"templates.ssh: {each.name} cannot be used, so that /ssh/config fails: {each.problem}"
        for each in (*templates.user, *templates.host)
        if each.problem
    ]


def _entries(
    written: list[Any] | None, kind: str, document: Document, found: Found
) -> tuple[FileTemplate, ...]:
    return tuple(
        _entry(each, document, f"templates.ssh.{kind}[{index}]", found)
        for index, each in enumerate(written or ())
    )


def _entry(written: object, document: Document, place: str, found: Found) -> FileTemplate:
    entry = document.read(Entry, written if written is not None else {}, place)
    _check(entry, document, place)
    try:
        text = _text(entry.template, found)
    except (OSError, HearthError) as error:
        return _made(entry, "", problem=str(error))
    return _made(entry, text)


def _check(entry: Entry, document: Document, place: str) -> None:
    if not entry.name:
        raise document.wrong("cannot be empty", f"{place}.name")
    if entry.type not in _TYPES:
        raise document.wrong(f"must be one of {', '.join(_TYPES)}", f"{place}.type")
    is_directory = entry.type == FileType.DIRECTORY
    if is_directory and entry.template:
        raise document.wrong("must be empty: a directory has no content", f"{place}.template")
    if not is_directory and not entry.template:
        raise document.wrong("cannot be empty", f"{place}.template")
    if not entry.path:
        raise document.wrong("cannot be empty", f"{place}.path")


def _made(entry: Entry, text: str, *, problem: str = "") -> FileTemplate:
    requires = tuple(entry.requires or ())
    if entry.name.lower() == _SSHD_CONFIG and not requires and _is_built_in(text):
        requires = ("Certificate", "Key")  # as written before templates said what they require
    return FileTemplate(
        name=entry.name,
        type=_TYPES[entry.type],
        path=entry.path,
        comment=entry.comment,
        requires=requires,
        text=text,
        problem=problem or _problem(text, entry.name),
    )


def _is_built_in(text: str) -> bool:
    """Say whether it is the template of sshd's configuration that `ca init` writes."""
    built_in = ssh_templates.TEMPLATES[_SSHD_CONFIG]
    return _SPACES.sub("", text.strip()) == _SPACES.sub("", built_in.strip())


def _problem(text: str, name: str) -> str:
    """Say why a text is no template; nothing when it is one."""
    if not text or text in _BUILT_IN:
        return ""
    # Most CAs have none but the built-in ones, and need no engine to start.
    from appliance.formats.gotemplate import functions, template  # noqa: PLC0415

    try:
        template.parse(text, functions.sprig(_NEVER), name=name)
    except FormatError as error:
        return error.public
    return ""


def _text(name: str, found: Found) -> str:
    """Read a template's file: relative names are below the step path. Raises OSError, NotFound."""
    if not name:
        return ""
    file = Path(name)
    if not file.is_absolute():
        file = found().resolve(name, home=location.home_directory(os.environ))
    return file.read_bytes().decode("utf-8", "surrogateescape")


def _built_in(document: Document) -> FileTemplates:
    """Give the templates that `ca init` writes."""
    ssh = document.read(SshTemplates, ssh_templates.ca_json()["ssh"])

    def made(written: list[Any] | None) -> tuple[FileTemplate, ...]:
        entries = [document.read(Entry, each) for each in written or ()]
        return tuple(_made(each, ssh_templates.TEMPLATES[each.name]) for each in entries)

    return FileTemplates(user=made(ssh.user), host=made(ssh.host))
