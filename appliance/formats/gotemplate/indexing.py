"""The builtins len, index and slice."""

from itertools import pairwise
from typing import Any

from appliance.formats.gotemplate.conversion import assignable, takes_nil
from appliance.formats.gotemplate.signatures import INTEGERS, FunctionError, Kind, Type
from appliance.formats.gotemplate.values import (
    INVALID,
    Pointer,
    TypedBytes,
    TypedList,
    Uint8,
    octets,
    text,
    type_of,
    wrapped,
    zero,
)


def length(item: Any) -> int:
    """Count octets, items or entries."""
    if item is INVALID:
        raise FunctionError("reflect: call of reflect.Value.Type on zero Value")
    item = _target(item, "len of nil pointer")
    if isinstance(item, str):
        return len(item) if item.isascii() else len(octets(item))
    if isinstance(item, bytes | list | dict):
        return len(item)
    raise FunctionError(f"len of type {type_of(item)}")


def index(item: Any, *indexes: Any) -> Any:
    """Give `item[a][b]…`."""
    if item is None or item is INVALID:
        raise FunctionError("index of untyped nil")
    for each in indexes:
        item = _entry(_target(item, "index of nil pointer"), INVALID if each is None else each)
    return item


def cut(item: Any, *indexes: Any) -> Any:
    """Give `item[a:b]`; the bound on the capacity that a third index sets is only checked."""
    if item is None or item is INVALID:
        raise FunctionError("slice of untyped nil")
    item = _target(item, "slice of nil pointer")
    if len(indexes) > 3:
        raise FunctionError(f"too many slice indexes: {len(indexes)}")
    if isinstance(item, str) and len(indexes) == 3:
        raise FunctionError("cannot 3-index slice a string")
    if not isinstance(item, str | bytes | list):
        raise FunctionError(f"can't slice item of type {type_of(item)}")
    if type_of(item).kind is Kind.ARRAY:
        raise FunctionError("reflect.Value.Slice: slice of unaddressable array")
    data = octets(item) if isinstance(item, str) else item
    bounds = [_position(each, len(data)) for each in indexes]
    bounds += [0, len(data)][len(bounds) :]
    for low, high in pairwise(bounds):
        if low > high:
            raise FunctionError(f"invalid slice index: {low} > {high}")
    part = data[bounds[0] : bounds[1]]
    if isinstance(part, bytes):
        if isinstance(item, str):
            return text(part)
        return TypedBytes(part, go_type=item.go_type) if isinstance(item, TypedBytes) else part
    return TypedList(part, go_type=item.go_type) if isinstance(item, TypedList) else part


def _target(item: Any, problem: str) -> Any:
    """Follow pointers; what is nil has no items."""
    while isinstance(item, Pointer):
        item = item.target
    if item is None:
        raise FunctionError(problem)
    return item


def _entry(item: Any, key: Any) -> Any:
    go_type = type_of(item)
    if isinstance(item, dict):
        return item.get(_key(key, go_type.key), zero(go_type.element or go_type))
    if not isinstance(item, str | bytes | list):
        raise FunctionError(f"can't index item of type {go_type}")
    data = octets(item) if isinstance(item, str) else item
    place = _position(key, len(data))
    if place >= len(data):
        what = "string" if isinstance(item, str) else go_type.kind.value
        raise FunctionError(f"reflect: {what} index out of range")
    return Uint8(data[place]) if isinstance(data, bytes) else data[place]


def _position(value: Any, capacity: int) -> int:
    if value is None or value is INVALID:
        raise FunctionError("cannot index slice/array with nil")
    if type_of(value).kind not in INTEGERS:
        raise FunctionError(f"cannot index slice/array with type {type_of(value)}")
    place = int(wrapped(type_of(0), value))
    if not 0 <= place <= capacity:
        raise FunctionError(f"index out of range: {place}")
    return place


def _key(value: Any, key: Type | None) -> Any:
    """Give the key as the map has it; integers of another size are converted."""
    if key is None or value is INVALID:
        if key is None or not takes_nil(key):
            raise FunctionError(f"value is nil; should be of type {key}")
        return zero(key)
    found = type_of(value)
    if found.kind in INTEGERS and key.kind in INTEGERS:
        return wrapped(key, value)
    if not assignable(found, key):
        raise FunctionError(f"value has type {found}; should be {key}")
    hash(value)  # a list as a key of a map of anything is a panic in Go too
    return value
