"""What values are: their types and kinds, whether they are empty, and whether they are equal."""

from collections.abc import Mapping
from typing import Any, Final

from appliance.formats.gotemplate.errors import BudgetError
from appliance.formats.gotemplate.library import conversion
from appliance.formats.gotemplate.library.declaring import metered, plain
from appliance.formats.gotemplate.signatures import INTERFACE, STRING, Function, Kind, Meter
from appliance.formats.gotemplate.values import (
    Pointer,
    Struct,
    Time,
    is_nil,
    type_of,
)

_DEEPEST: Final = 200
_MEASURED: Final = frozenset({Kind.STRING, Kind.SLICE, Kind.ARRAY, Kind.MAP})
_REFERENCES: Final = frozenset({Kind.POINTER, Kind.INTERFACE, Kind.FUNC})


def is_empty(value: Any) -> bool:
    """Tell a zero, an empty string, list or map, or nil; a struct is never empty."""
    if value is None:
        return True
    kind = type_of(value).kind
    if kind in _MEASURED:
        return len(value) == 0
    if kind is Kind.STRUCT:
        return False
    return is_nil(value) if kind in _REFERENCES else value == 0


def equal(left: Any, right: Any, meter: Meter, depth: int = 0) -> bool:
    """Tell two values that are equal through and through, types too (reflect.DeepEqual)."""
    if left is None or right is None:
        return left is right
    if depth > _DEEPEST:
        raise BudgetError("the values are nested too deep to be compared")
    meter.spend(1)
    if type_of(left) is not type_of(right):
        return False
    match type_of(left).kind:
        case Kind.SLICE | Kind.ARRAY | Kind.MAP | Kind.POINTER | Kind.STRUCT:
            return _equal_parts(left, right, meter, depth + 1)
        case Kind.FUNC:
            return False
        case _:
            return bool(left == right)


def _equal_parts(left: Any, right: Any, meter: Meter, depth: int) -> bool:
    if isinstance(left, bytes | Time):
        return is_nil(left) == is_nil(right) and bool(left == right)
    if isinstance(left, list):
        return (
            is_nil(left) == is_nil(right)
            and len(left) == len(right)
            and all(equal(one, two, meter, depth) for one, two in zip(left, right, strict=True))
        )
    if isinstance(left, dict):
        return (
            is_nil(left) == is_nil(right)
            and left.keys() == right.keys()
            and all(equal(value, right[key], meter, depth) for key, value in left.items())
        )
    if isinstance(left, Pointer):
        return left is right or equal(left.target, right.target, meter, depth)
    return left is right or (isinstance(left, Struct) and _equal_structs(left, right, meter, depth))


def _equal_structs(left: Struct, right: Any, meter: Meter, depth: int) -> bool:
    if not left.go_type.fields:  # those that it has are hidden; the struct knows them itself
        return bool(left == right)
    return all(
        equal(left.field(field.name), right.field(field.name), meter, depth)
        for field in left.go_type.fields
    )


def _default(default: object, *given: object) -> object:
    return default if not given or is_empty(given[0]) else given[0]


def _coalesce(*values: object) -> object:
    return next((value for value in values if not is_empty(value)), None)


def _type_is_like(target: str, value: object) -> bool:
    name = conversion.type_name(value)
    return name in {target, f"*{target}"}


FUNCTIONS: Final[Mapping[str, Function]] = {
    "typeOf": plain(conversion.type_name, INTERFACE),
    "typeIs": plain(lambda target, value: target == conversion.type_name(value), STRING, INTERFACE),
    "typeIsLike": plain(_type_is_like, STRING, INTERFACE),
    "kindOf": plain(conversion.kind_of, INTERFACE),
    "kindIs": plain(lambda target, value: target == conversion.kind_of(value), STRING, INTERFACE),
    "deepEqual": metered(
        lambda meter, left, right: equal(left, right, meter), INTERFACE, INTERFACE
    ),
    "default": plain(_default, INTERFACE, variadic=INTERFACE),
    "empty": plain(is_empty, INTERFACE),
    "coalesce": plain(_coalesce, variadic=INTERFACE),
    "all": plain(lambda *values: not any(map(is_empty, values)), variadic=INTERFACE),
    "any": plain(lambda *values: not all(map(is_empty, values)), variadic=INTERFACE),
}
