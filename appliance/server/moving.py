"""A step directory at another place: which files it takes along, and its JSON with new paths.

Certificates, keys and templates are copied as they are, with their modes; ca.json and defaults.json
have their paths changed, and ca.json the database. Files elsewhere stay where they are.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from appliance.config import document, loading
from appliance.config.editing import spelled
from appliance.config.placing import NewFile
from appliance.config.step_directory import StepDirectory
from appliance.model.errors import ConfigError

DATABASE: Final = "db"
_FOLDERS: Final = ("certs", "secrets", "templates", "config")
_DEFAULTS: Final = "defaults.json"
_CA_JSON: Final = Path("config", "ca.json")
_LARGEST: Final = 1 << 20  # octets; there is nothing larger in these folders


def files(found: StepDirectory, target: Path) -> list[NewFile]:
    """Give the files of the directory at its new place, named within it.

    Raises ConfigError for a configuration that our server would not take, or a file that cannot be
    read.
    """
    _check(found, target)
    made = {_CA_JSON: _file(_CA_JSON, found.file, _json(_members(found, target, target)))}
    for source in _named(found):
        path = source.relative_to(found.folder)
        if source == found.file or path in made:
            continue
        content = _read(source)
        if path.name == _DEFAULTS:
            content = _moved_defaults(content, found, target)
        made[path] = _file(path, source, content)
    return list(made.values())


def _check(found: StepDirectory, target: Path) -> None:
    """Read the configuration as the server will, with the files where they are now."""
    content = _json(_members(found, found.folder, target))
    loading.of_document(document.parse(found.file, content))


def _members(found: StepDirectory, folder: Path, target: Path) -> dict[str, Any]:
    """Give ca.json with its paths in a folder, and the database of the target."""
    members = dict(found.members)
    members[spelled(members, "db")] = {
        "type": "leveldb",
        "dataSource": str(target / DATABASE),
    }
    return {key: _moved(value, found, folder) for key, value in members.items()}


def _moved(value: object, found: StepDirectory, folder: Path) -> object:
    """Change every path below the directory, also within URIs of keys."""
    if isinstance(value, Mapping):
        return {key: _moved(each, found, folder) for key, each in value.items()}
    if isinstance(value, list):
        return [_moved(each, found, folder) for each in value]
    if not isinstance(value, str):
        return value
    for former in {found.former, found.folder}:
        if len(former.parts) > 1:
            value = value.replace(f"{former}/", f"{folder}/")
    return value


def _moved_defaults(content: bytes, found: StepDirectory, target: Path) -> bytes:
    try:
        members = json.loads(content)
    except ValueError:
        return content
    return _json(_moved(members, found, target))


def _named(found: StepDirectory) -> Iterator[Path]:
    """Give every file of the usual folders, and those that ca.json names besides."""
    for folder in _FOLDERS:
        for path in sorted((found.folder / folder).rglob("*")):
            if path.is_file() and not path.is_relative_to(found.database):
                yield path
    for text in _texts(found.members):
        for former in (found.former, found.folder):
            if text.startswith(f"{former}/"):
                path = found.folder / Path(text).relative_to(former)
                if path.is_file() and path != found.database:
                    yield path


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key != "db":
                yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigError("is too large to belong to a CA's configuration", file=str(path))
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=str(path)) from error


def _file(path: Path, source: Path, content: bytes) -> NewFile:
    return NewFile(path=path, content=content, mode=source.stat().st_mode & 0o777)


def _json(members: object) -> bytes:
    return json.dumps(members, indent="\t", ensure_ascii=False).encode() + b"\n"
