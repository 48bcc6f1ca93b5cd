"""JSON as lax as Go's encoding/json reads it into structs.

Keys match whatever their case, unknown ones are not looked at, of several the last counts, null is
the same as nothing, and what follows the first value is ignored. A text may stand where a list of
texts belongs. What is written must have the right type, though; every reader here raises
FormatError that says where it has not.
"""

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from appliance.formats import timeorduration
from appliance.model.errors import FormatError

_ZERO_TIME: Final = datetime(1, 1, 1, tzinfo=UTC)
_LONGEST_NUMBER: Final = 40  # digits; no integer that Go would take has more than 20
_INT64: Final = 1 << 63
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Members(dict[str, Any]):
    """A JSON object by folded keys; `written` has it with the keys as they are written."""

    __slots__ = ("written",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__((_folded(name), value) for name, value in pairs)
        self.written = pairs


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=Members,
    parse_int=lambda digits: int(digits) if len(digits) < _LONGEST_NUMBER else float(digits),
    parse_constant=lambda name: _refuse(name),  # noqa: PLW0108 - it is defined below
)


def decode(text: str, *, whole: bool = False) -> object:
    """Read the first JSON value of a text, which may have to be the `whole` text.

    Keys of objects come out folded. Raises FormatError.
    """
    start = re.match(r"[ \t\r\n]*", text)
    try:
        value, end = _DECODER.raw_decode(text, start.end() if start else 0)
    except json.JSONDecodeError as error:
        raise FormatError(
            f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except ValueError as error:
        raise FormatError(f"not JSON: {error}") from None
    except RecursionError:
        raise FormatError("not JSON: it is nested too deep") from None
    if whole and text[end:].strip(" \t\r\n"):
        raise FormatError("not JSON: something follows the first value")
    decoded: object = value
    return decoded


class Object:
    """A JSON object and where it stands; each reader takes a key in Go's spelling."""

    __slots__ = ("_members", "place")

    def __init__(self, value: object, place: str = "") -> None:
        if not isinstance(value, dict | None):
            raise _wrong(place or "the certificate", "an object", value)
        self._members: dict[str, Any] = value or {}
        self.place = place

    def get(self, name: str) -> Any:
        """Give whatever is there; None for null and for nothing."""
        return self._members.get(_folded(name))

    def has(self, name: str) -> bool:
        """Say whether the key is there, be it null."""
        return _folded(name) in self._members

    def at(self, name: str) -> str:
        """Give the place of a member, for messages."""
        return f"{self.place}.{name}" if self.place else name

    def text(self, name: str) -> str:
        """Read a text; empty when there is none."""
        return text_of(self.get(name), self.at(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """Read a list of texts, or one text that stands for a list of one."""
        value = self.get(name)
        if value is None:
            return ()
        place = self.at(name)
        if isinstance(value, str):
            return (text_of(value, place),)
        return tuple(text_of(each, f"{place}[{i}]") for i, each in enumerate(_list(value, place)))

    def texts_by_name(self, name: str) -> dict[str, str]:
        """Read an object of texts, by names that keep their case; empty when there is none."""
        value, place = self.get(name), self.at(name)
        if not isinstance(value, Members | None):
            raise _wrong(place, "an object", value)
        pairs = () if value is None else value.written
        return {_clean(key): text_of(each, f"{place}.{key[:80]}") for key, each in pairs}

    def flag(self, name: str) -> bool:
        """Read a boolean; false when there is none."""
        value = self.get(name)
        if not isinstance(value, bool | None):
            raise _wrong(self.at(name), "true or false", value)
        return bool(value)

    def integer(self, name: str) -> int:
        """Read an integer of 64 bits, written without fraction and exponent; 0 for none."""
        value = self.get(name)
        if value is None:
            return 0
        if not isinstance(value, int) or isinstance(value, bool) or not -_INT64 <= value < _INT64:
            raise _wrong(self.at(name), "an integer", value)
        return value

    def unsigned(self, name: str) -> int:
        """Read an integer of 64 bits that is not negative; 0 for none."""
        value = self.get(name)
        if value is None:
            return 0
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2 * _INT64:
            raise _wrong(self.at(name), "an integer that is not negative", value)
        return value

    def octets(self, name: str) -> bytes | None:
        """Read base64, or a list of numbers that are the octets; None when there is none."""
        value, place = self.get(name), self.at(name)
        if value is None:
            return None
        if isinstance(value, str):
            return base64_of(text_of(value, place), place)
        octets = [0 if each is None else each for each in _list(value, place)]
        if any(type(each) is not int or not 0 <= each < 256 for each in octets):
            raise _wrong(place, "base64", value)
        return bytes(octets)

    def time(self, name: str) -> datetime | None:
        """Read an RFC 3339 time; None for none, and for Go's zero time."""
        value, place = self.get(name), self.at(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise _wrong(place, "a time such as 2030-01-31T12:00:00Z", value)
        try:
            moment = timeorduration.parse_time(value)
        except FormatError as error:
            raise FormatError(f"{place}: {error.public}") from None
        return None if moment == _ZERO_TIME else moment

    def object(self, name: str) -> "Object":
        """Read an object; an empty one when there is none."""
        return Object(self.get(name), self.at(name))

    def objects(self, name: str) -> Iterator["Object"]:
        """Read a list of objects."""
        place = self.at(name)
        for index, each in enumerate(_list(self.get(name), place)):
            yield Object(each, f"{place}[{index}]")


def text_of(value: object, place: str) -> str:
    """Read a text; null is an empty one. Raises FormatError."""
    if not isinstance(value, str | None):
        raise _wrong(place, "a text", value)
    return _clean(value) if value else ""


def _clean(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text)


def base64_of(text: str, place: str) -> bytes:
    """Read standard base64 with its padding; line ends in it do not count. Raises FormatError."""
    packed = text.replace("\r", "").replace("\n", "")
    try:
        if len(packed) % 4 == 0:
            return base64.b64decode(packed, validate=True)
    except ValueError:
        pass
    raise FormatError(f"{place} must be base64")


def _list(value: object, place: str) -> list[Any]:
    if not isinstance(value, list | None):
        raise _wrong(place, "a list", value)
    return value or []


@lru_cache(maxsize=1024)  # there are a few dozen that anybody asks for
def _folded(name: str) -> str:
    """Fold as Go does: the Kelvin sign is a k, and a long s is an s."""
    return name.lower().replace("\u017f", "s")


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


_KINDS: Final = {
    dict: "an object",
    Members: "an object",
    list: "a list",
    str: "a text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
}


def _wrong(place: str, wanted: str, got: object) -> FormatError:
    return FormatError(f"{place} must be {wanted}, not {_KINDS.get(type(got), 'null')}")
