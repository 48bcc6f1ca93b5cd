"""Adding, changing and removing entries of `authority.provisioners` in a ca.json.

An edit touches the one value that it is about. Whatever else an entry says stays as it is written,
keys included that nobody knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from appliance.config.editing import Editing, spelled
from appliance.config.entries import NOT_YET, SHAPES
from appliance.model.errors import BadRequest, NotFound, NotSupported

Path: TypeAlias = tuple[str, ...]  # keys from an entry inwards
Entry: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Set a value; None or "" takes the key away. `instead` are keys that it makes pointless."""

    path: Path
    value: Any = field(repr=False)
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Amend:
    """Take values out of a list, then add others that it lacks."""

    path: Path
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


Edit: TypeAlias = Put | Amend


def known_type(given: str) -> str:
    """Give a type in the spelling of ca.json.

    Raises BadRequest for one that nobody knows, NotSupported for those that we do not serve.
    """
    spelling = {each.lower(): each for each in (*SHAPES, *NOT_YET)}
    found = spelling.get(given.lower())
    if found is None:
        raise BadRequest(
            f"invalid value '{given}' for flag '--type'; options are {', '.join(SHAPES)}"
        )
    if found in NOT_YET:
        raise NotSupported(f"provisioners of type {found} are not supported by this version")
    return found


def add(editing: Editing, entry: Entry) -> None:
    """Add an entry at the end. Raises BadRequest when its name is taken."""
    entries = _entries(editing)
    name = text(entry, "name")
    _check_free(entries, name)
    entries.append(entry)


def find(editing: Editing, name: str) -> Entry:
    """Give the entry of a name, to be changed in place. Raises NotFound, ConfigError."""
    for entry in _entries(editing):
        if isinstance(entry, dict) and text(entry, "name") == name:
            return entry
    raise NotFound(f"provisioner {name} not found")


def rename(editing: Editing, entry: Entry, name: str) -> None:
    """Give an entry another name. Raises BadRequest when it is taken, or none."""
    if not name:
        raise BadRequest("flag '--name' needs a name")
    if text(entry, "name") != name:
        _check_free(_entries(editing), name)
        entry[spelled(entry, "name")] = name


def remove(editing: Editing, name: str) -> None:
    """Remove an entry. Raises NotFound."""
    entries = _entries(editing)
    found = find(editing, name)
    entries[:] = [each for each in entries if each is not found]


def switch(entry: Entry, *, disabled: bool) -> None:
    """Switch an entry off, or on again."""
    apply(entry, [Put(path=("disabled",), value=disabled or None)])


def apply(entry: Entry, edits: Sequence[Edit]) -> None:
    """Make the edits, in their order. Raises BadRequest where something else is in their place."""
    for edit in edits:
        match edit:
            case Put(value=value) if value is None or value == "":
                _take(entry, edit.path)
            case Put():
                within = _within(entry, edit.path)
                within[spelled(within, edit.path[-1])] = edit.value
            case Amend():
                _amend(entry, edit)
        for pointless in edit.instead if isinstance(edit, Put) else ():
            _take(entry, (*edit.path[:-1], pointless))


def value_at(entry: Mapping[str, Any], path: Path) -> Any:
    """Give the value under keys, whatever their case; None when there is none."""
    here: Any = entry
    for name in path:
        if not isinstance(here, dict):
            return None
        here = here.get(spelled(here, name))
    return here


def text(entry: Mapping[str, Any], name: str) -> str:
    """Give the text under a key; "" when there is none."""
    value = value_at(entry, (name,))
    return value if isinstance(value, str) else ""


def _entries(editing: Editing) -> list[Any]:
    return editing.part(list[Any], "authority", "provisioners")


def _check_free(entries: Sequence[Any], name: str) -> None:
    if any(isinstance(each, dict) and text(each, "name") == name for each in entries):
        raise BadRequest(f"provisioner with name {name} already exists")


def _within(entry: Entry, path: Path) -> dict[str, Any]:
    """Give the object that holds the last key, making what is missing on the way."""
    here = entry
    for name in path[:-1]:
        key = spelled(here, name)
        if here.get(key) is None:
            here[key] = {}
        here = here[key]
        if not isinstance(here, dict):
            raise BadRequest(f"{name} of the provisioner must be an object in braces")
    return here


def _take(entry: Entry, path: Path) -> None:
    """Take a key away, in all its spellings."""
    above = value_at(entry, path[:-1]) if path[:-1] else entry
    if isinstance(above, dict):
        for key in [each for each in above if each.lower() == path[-1].lower()]:
            del above[key]


def _amend(entry: Entry, edit: Amend) -> None:
    within = _within(entry, edit.path)
    key = spelled(within, edit.path[-1])
    listed = within.get(key) or []
    if not isinstance(listed, list):
        raise BadRequest(f"{edit.path[-1]} of the provisioner must be a list")
    kept = [each for each in listed if each not in edit.remove]
    kept += [each for each in dict.fromkeys(edit.add) if each not in kept]
    if kept:
        within[key] = kept
    else:
        _take(entry, edit.path)
