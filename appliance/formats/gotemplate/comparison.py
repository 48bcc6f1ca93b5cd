"""The builtins that compare: eq, lt and what is made of them."""

import enum
from typing import Any

from appliance.formats.gotemplate.signatures import (
    FLOATS,
    SIGNED,
    UNSIGNED,
    FunctionError,
    Kind,
    Meter,
    Type,
)
from appliance.formats.gotemplate.sprintf import sprintf
from appliance.formats.gotemplate.values import (
    INVALID,
    Pointer,
    Struct,
    is_nil,
    octets,
    type_of,
)


class _Class(enum.Enum):
    """Kinds of values that can be compared with each other."""

    NONE = enum.auto()
    BOOL = enum.auto()
    SIGNED = enum.auto()
    UNSIGNED = enum.auto()
    FLOAT = enum.auto()
    COMPLEX = enum.auto()
    STRING = enum.auto()


_INTEGERS = frozenset({_Class.SIGNED, _Class.UNSIGNED})


def equal(meter: Meter, first: Any, *others: Any) -> bool:
    """Tell if the first is equal to any other."""
    if not others:
        raise FunctionError("missing argument for comparison")
    return any(_equal(meter, first, other) for other in others)


def less(left: Any, right: Any) -> bool:
    """Tell if left comes before right; texts are compared by their octets."""
    kinds = _class(left), _class(right)
    if _Class.NONE in kinds:
        raise FunctionError("invalid type for comparison")
    if kinds[0] is not kinds[1] and not _INTEGERS.issuperset(kinds):
        raise _incompatible(left, right)
    if kinds[0] in (_Class.BOOL, _Class.COMPLEX):
        raise FunctionError("invalid type for comparison")
    if kinds[0] is _Class.STRING and not (left.isascii() and right.isascii()):
        return octets(left) < octets(right)
    return bool(left < right)


def less_or_equal(meter: Meter, left: Any, right: Any) -> bool:
    """Tell if left comes before right or is equal to it."""
    return less(left, right) or _equal(meter, left, right)


def _class(value: Any) -> _Class:
    if value is None or value is INVALID:
        return _Class.NONE
    kind = type_of(value).kind
    if kind in SIGNED:
        return _Class.SIGNED
    if kind in UNSIGNED:
        return _Class.UNSIGNED
    if kind in FLOATS:
        return _Class.FLOAT
    basic = {
        Kind.BOOL: _Class.BOOL,
        Kind.STRING: _Class.STRING,
        Kind.COMPLEX128: _Class.COMPLEX,
    }
    return basic.get(kind, _Class.NONE)


def _incompatible(left: Any, right: Any) -> FunctionError:
    return FunctionError(f"incompatible types for comparison: {type_of(left)} and {type_of(right)}")


def _equal(meter: Meter, left: Any, right: Any) -> bool:
    left = INVALID if left is None else left
    right = INVALID if right is None else right
    kinds = _class(left), _class(right)
    if kinds[0] is kinds[1]:
        return _parts_equal(meter, left, right) if kinds[0] is _Class.NONE else bool(left == right)
    if _INTEGERS.issuperset(kinds):
        return int(left) == int(right)
    if left is INVALID or right is INVALID:
        return False
    raise _incompatible(left, right)


def _parts_equal(meter: Meter, left: Any, right: Any) -> bool:
    """Compare what is of no basic type: nil with anything, else only what Go can compare."""
    if left is INVALID or right is INVALID:
        return is_nil(left) == is_nil(right)
    types = type_of(left), type_of(right)
    if types[0].kind is not types[1].kind:
        shown = sprintf("%s", [left], meter), sprintf("%v", [right], meter)
        raise FunctionError(f"non-comparable types {shown[0]}: {types[0]}, {types[1]}: {shown[1]}")
    if is_nil(left) or is_nil(right):
        return is_nil(left) == is_nil(right)
    if not _comparable(types[1]):
        raise FunctionError(f"non-comparable type {sprintf('%s', [right], meter)}: {types[1]}")
    return types[0] is types[1] and _same(left, right)


def _comparable(go_type: Type) -> bool:
    if go_type.kind is Kind.STRUCT:
        return all(_comparable(field.type) for field in go_type.fields)
    if go_type.kind is Kind.ARRAY and go_type.element is not None:
        return _comparable(go_type.element)
    return go_type.kind not in (Kind.SLICE, Kind.MAP, Kind.FUNC)


def _same(left: Any, right: Any) -> bool:
    """Compare two values of one type that Go can compare."""
    if isinstance(left, Pointer):
        return left is right
    if isinstance(left, Struct):
        return all(
            _same(left.field(field.name), right.field(field.name)) for field in left.go_type.fields
        )
    return bool(left == right)
