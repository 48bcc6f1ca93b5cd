"""JSON as Go's encoding/json reads and writes it, which is what every step client expects."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from appliance.formats import gojson
from appliance.model.errors import BadRequest

_KINDS: Final[Mapping[type, str]] = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    list: "an array",
    dict: "an object",
}


def encode(value: object) -> bytes:
    """Write what Go's encoder writes to a response: the JSON and a newline."""
    return gojson.encode(value) + b"\n"


def decode_object(body: bytes, fields: Mapping[str, type]) -> dict[str, Any]:
    """Read an object into `fields`, whose absent or null members get their type's zero.

    As in Go: member names match in any case, unknown ones and whatever follows the object are
    ignored, and `object` as a type takes anything. Raises BadRequest.
    """
    found = _first_value(body)
    result = {name: None if kind is object else kind() for name, kind in fields.items()}
    if found is None:
        return result
    if not isinstance(found, dict):
        raise BadRequest(f"the request body must be a JSON object, not {_kind(found)}")
    names = _in_lower_case(tuple(fields))
    for member, value in found.items():
        name = names.get(member.lower())
        if name is None or value is None:
            continue
        kind = fields[name]
        if kind is not object and type(value) is not kind:
            raise BadRequest(f'"{name}" must be {_KINDS[kind]}, not {_kind(value)}')
        result[name] = value
    return result


@lru_cache(maxsize=64)  # there are as many as kinds of request
def _in_lower_case(names: tuple[str, ...]) -> Mapping[str, str]:
    return {name.lower(): name for name in names}


def _first_value(body: bytes) -> object:
    if not body.strip():
        raise BadRequest("the request has no body, where a JSON object is expected")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        pass  # it may be one value with something behind it
    try:
        value, _ = json.JSONDecoder().raw_decode(body.decode("utf-8", "replace").lstrip())
    except json.JSONDecodeError as error:
        problem = f"{error.msg} at character {error.pos}"
        raise BadRequest(f"the request body is not JSON: {problem}") from error
    except RecursionError:
        raise BadRequest("the request body is nested too deeply") from None
    return _repaired(value)


def _repaired(value: object) -> object:
    """Replace halves of UTF-16 pairs, which JSON can name and no text can hold, as Go does."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_repaired(each) for each in value]
    if isinstance(value, dict):
        return {_repaired(name): _repaired(each) for name, each in value.items()}
    return value


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "null")
