"""JSON that a person wrote: read as Go reads it, with the place of everything that is wrong.

As in Go, keys match whatever their case, the last of two wins, a null is a missing key, and what
follows the first value is not looked at. Unlike in Go, a key that nobody knows is told.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin

import msgspec

from appliance.model.errors import ConfigError

T = TypeVar("T", bound=msgspec.Struct)

_MESSAGE: Final = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<given>[^`]+)`")
_PLACE: Final = re.compile(r" - at `\$(?P<place>[^`]*)`")
_WORDS: Final = {
    "str": "a text in quotes",
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "array": "a list",
    "object": "an object in braces",
    "null": "nothing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A JSON object of a file, and the keys in it that nobody knew."""

    file: Path
    members: Mapping[str, Any]
    unknown: list[str] = field(default_factory=list)
    digest: str = ""  # SHA-256 of the file, in hex

    def read(self, shape: type[T], value: object = None, place: str = "") -> T:
        """Give (a part of) the document in a shape, noting the keys that the shape lacks.

        `place` is where in the file the value stands. Raises ConfigError for wrong types.
        """
        given = self.members if value is None else value
        try:
            return msgspec.convert(self._canonical(given, shape, place), shape)
        except msgspec.ValidationError as error:
            raise self._error(str(error), place) from None

    def keys(self) -> frozenset[str]:
        """Name all keys that have a value, with dots and in small letters; not those in lists."""
        return frozenset(_keys(self.members, ""))

    def wrong(self, problem: str, place: str = "") -> ConfigError:
        """Make the error that names this file and the place in it."""
        return ConfigError(problem, file=str(self.file), place=place)

    def _canonical(self, value: object, kind: Any, place: str) -> object:
        """Give keys the spelling of the shape, and leave out nulls and what is not known."""
        shape = _shape(kind)
        if isinstance(value, list):
            inner = _inner(kind)
            return [self._canonical(v, inner, f"{place}[{i}]") for i, v in enumerate(value)]
        if shape is None or not isinstance(value, Mapping):
            return value
        fields = _fields(shape)
        found: dict[str, object] = {}
        for key, member in value.items():
            where = f"{place}.{key}" if place else key
            known = fields.get(key.lower())
            if known is None:
                self.unknown.append(where)
            elif member is not None:
                found[known.encode_name] = self._canonical(member, known.type, where)
        return found

    def _error(self, message: str, place: str) -> ConfigError:
        found = _MESSAGE.search(message)
        inner = _PLACE.search(message)
        where = place + (inner["place"] if inner else "")
        problem = message.split(" - at ", maxsplit=1)[0]
        if found:
            wanted = " or ".join(
                _WORDS.get(each, each)
                for each in found["wanted"].split(" | ")
                if each != "null" and not (each == "int" and "float" in found["wanted"])
            )
            problem = f"must be {wanted}, not {_WORDS.get(found['given'], found['given'])}"
        return self.wrong(problem, where.removeprefix("."))


def parse(file: Path, content: bytes) -> Document:
    """Read the object in a file's content. Raises ConfigError naming line and column."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _line_and_column(content[: error.start])
        raise ConfigError(
            "is not UTF-8 text", file=str(file), place=f"line {line}, column {column}"
        ) from None
    start = len(text) - len(text.lstrip())
    try:
        value, _ = json.JSONDecoder(strict=True).raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"is not JSON: {error.msg[:1].lower()}{error.msg[1:]}",
            file=str(file),
            place=f"line {error.lineno}, column {error.colno}",
        ) from None
    except (RecursionError, ValueError) as error:
        raise ConfigError(f"is not JSON that can be read: {error}", file=str(file)) from None
    if not isinstance(value, dict):
        raise ConfigError("is not a JSON object: it must begin with {", file=str(file))
    return Document(file=file, members=value, digest=sha256(content).hexdigest())


def is_off(value: object) -> bool:
    """Say whether a value means the same as a missing key: false, nothing, or made of such."""
    if isinstance(value, Mapping):
        return all(is_off(each) for each in value.values())
    return not value


def _keys(members: Mapping[str, Any], above: str) -> Iterator[str]:
    for key, value in members.items():
        place = f"{above}{key.lower()}"
        if value is not None:
            yield place
        if isinstance(value, Mapping):
            yield from _keys(value, f"{place}.")


def _line_and_column(before: bytes) -> tuple[int, int]:
    return before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1


@cache
def _fields(shape: type[msgspec.Struct]) -> Mapping[str, msgspec.structs.FieldInfo]:
    """Give a shape's fields by their names in JSON, in small letters."""
    return {each.encode_name.lower(): each for each in msgspec.structs.fields(shape)}


def _shape(kind: Any) -> type[msgspec.Struct] | None:
    """Find the struct in an annotation such as `Tls | None`."""
    for each in _alternatives(kind):
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            return each
    return None


def _inner(kind: Any) -> Any:
    """Find what a list in an annotation holds."""
    for each in _alternatives(kind):
        if get_origin(each) is list:
            return get_args(each)[0]
    return None


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
