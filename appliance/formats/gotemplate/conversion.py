"""Which values a parameter takes, and what becomes of constants: Go's rules of assignment."""

import struct
from collections.abc import Callable
from typing import Any, Final

from appliance.formats.gotemplate.nodes import Boolean, Number, Operand, String
from appliance.formats.gotemplate.signatures import (
    BOOL,
    BYTES,
    DICT,
    FLOAT64,
    FLOATS,
    INT,
    INTERFACE,
    LIST,
    NILABLE,
    REFLECTED,
    SIGNED,
    STRING,
    UNSIGNED,
    Kind,
    Type,
)
from appliance.formats.gotemplate.state import State
from appliance.formats.gotemplate.values import (
    INVALID,
    Float32,
    Pointer,
    type_of,
    wrapped,
    zero,
)

Check = Callable[[State, Any], Any]
"""Gives the value as the parameter takes it, or fails the rendering."""

_CLASSES: Final[dict[Type, type]] = {
    STRING: str,
    INT: int,
    BOOL: bool,
    FLOAT64: float,
    LIST: list,
    DICT: dict,
    BYTES: bytes,
}
_LARGEST: Final = (1 << 63) - 1


class WrongConstantError(Exception):
    """A constant that does not suit its parameter, in Go's words."""


def takes_nil(go_type: Type) -> bool:
    """Tell if nil can stand for a value of the type."""
    return go_type is REFLECTED or go_type.kind in NILABLE


def nil_of(go_type: Type) -> Any:
    """Give nil as a value of a type that takes it."""
    return INVALID if go_type is REFLECTED else zero(go_type)


def assignable(source: Type, target: Type) -> bool:
    """Tell if a value of one type can be assigned to a variable of the other."""
    if source is target or target is INTERFACE:
        return True
    if source.kind is not target.kind or (source.defined and target.defined):
        return False
    if source.kind not in (Kind.SLICE, Kind.ARRAY, Kind.MAP, Kind.POINTER):
        return False
    return source.element is target.element and source.key is target.key


def check(go_type: Type) -> Check:
    """Give the check of a parameter's type."""
    if go_type is REFLECTED:
        return _anything
    if go_type is INTERFACE:
        return _any_value
    expected = _CLASSES.get(go_type)

    def checked(state: State, value: Any) -> Any:
        if type(value) is expected:
            return value
        return _converted(state, value, go_type)

    return checked


def _anything(_state: State, value: Any) -> Any:
    return value


def _any_value(_state: State, value: Any) -> Any:
    return None if value is INVALID else value


def _converted(state: State, value: Any, go_type: Type) -> Any:
    if value is INVALID:
        if takes_nil(go_type):
            return nil_of(go_type)
        raise state.failure(f"invalid value; expected {go_type}")
    source = INTERFACE if value is None else type_of(value)
    if value is not None and assignable(source, go_type):
        return value
    if isinstance(value, Pointer) and source.element and assignable(source.element, go_type):
        if value.target is None:
            raise state.failure(f"dereference of nil pointer of type {go_type}")
        return value.target
    raise state.failure(f"wrong type for value; expected {go_type}; got {source}")


def constant(node: Operand, go_type: Type) -> Any:
    """Give a constant as a parameter takes it. Raises WrongConstantError."""
    if go_type in (INTERFACE, REFLECTED):
        return ideal(node)
    kind = go_type.kind
    if kind is Kind.STRING and isinstance(node, String):
        return node.value
    if kind is Kind.BOOL and isinstance(node, Boolean):
        return node.value
    if isinstance(node, Number):
        number = _number(node, go_type)
        if number is not None:
            return number
    wanted = _wanted(kind)
    if not wanted:
        raise WrongConstantError(f"can't handle {node} for arg of type {go_type}")
    raise WrongConstantError(f"expected {wanted}; found {node}")


def _number(node: Number, go_type: Type) -> Any:
    """Give a number as one of that type, None if it cannot be."""
    if go_type.kind in SIGNED and node.signed is not None:
        return wrapped(go_type, node.signed)
    if go_type.kind in UNSIGNED and node.unsigned is not None:
        return wrapped(go_type, node.unsigned)
    if go_type.kind is Kind.FLOAT32 and node.floating is not None:
        return Float32(_nearest(node.floating))
    if go_type.kind is Kind.FLOAT64:
        return node.floating
    return node.complex_number if go_type.kind is Kind.COMPLEX128 else None


def _nearest(number: float) -> float:
    """Round to what a float32 holds."""
    try:
        return float(struct.unpack("f", struct.pack("f", number))[0])
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def _wanted(kind: Kind) -> str:
    if kind in SIGNED:
        return "integer"
    if kind in UNSIGNED:
        return "unsigned integer"
    if kind in FLOATS:
        return "float"
    return {Kind.BOOL: "bool", Kind.STRING: "string", Kind.COMPLEX128: "complex"}.get(kind, "")


def ideal(node: Operand) -> Any:
    """Give a constant where no type is asked for. Raises WrongConstantError."""
    if isinstance(node, Boolean | String):
        return node.value
    if not isinstance(node, Number):
        raise WrongConstantError(f"can't handle assignment of {node} to empty interface argument")
    if node.complex_number is not None:
        return node.complex_number
    literal = node.literal
    whole = literal[0] == "'" or (
        len(literal) > 2 and literal[:2] in ("0x", "0X") and not set(literal) & set("pP")
    )
    if node.floating is not None and not whole and set(literal) & set(".eEpP"):
        return node.floating
    if node.signed is None:
        raise WrongConstantError(f"{literal} overflows int")
    return node.signed
