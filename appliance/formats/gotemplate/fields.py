"""What `.Name` finds in a value: a method, a field of a struct, or an entry of a map."""

from typing import Any

from appliance.formats.gotemplate import methods
from appliance.formats.gotemplate.signatures import INTERFACE, Function, Kind, Type
from appliance.formats.gotemplate.state import State
from appliance.formats.gotemplate.values import INVALID, Pointer, Struct, type_of

Found = tuple[Function, Any]
"""A method and its receiver."""


def element_boxed(holder: Any, name: str) -> bool:
    """Tell if what a map or struct holds under that name is of type interface {} to Go."""
    while isinstance(holder, Pointer):
        holder = holder.target
    go_type = type_of(holder)
    for field in go_type.fields:
        if field.name == name:
            return field.type is INTERFACE
    return go_type.element is INTERFACE


def find_method(receiver: Any, name: str) -> Found | None:
    """Find the method of that name; None also where there is no value at all."""
    if receiver is None or receiver is INVALID or type(receiver) is dict:
        return None
    value, method = receiver, methods.find(receiver, name)
    while method is None and isinstance(value, Pointer) and value.target is not None:
        value = value.target
        method = methods.find(value, name)
    return method


def look_up(state: State, receiver: Any, name: str, *, boxed: bool, arguments: bool) -> Any:
    """Give the field or entry of that name; the receiver has no such method.

    `boxed` tells that the receiver is an interface {} to Go, `arguments` that some were given,
    which neither takes.
    """
    if receiver is INVALID:
        return INVALID
    if receiver is None:
        raise state.failure(f"nil pointer evaluating interface {{}}.{name}")
    value = receiver
    while isinstance(value, Pointer):
        if value.target is None:
            raise state.failure(_nil_problem(value, name, _static(receiver, boxed=boxed)))
        value = value.target
    go_type = type_of(value)
    if go_type.kind is Kind.MAP and go_type.key is not None and _has_text_keys(go_type.key):
        if arguments:
            raise state.failure(f"{name} is not a method but has arguments")
        return value.get(name, INVALID)
    if isinstance(value, Struct) and any(field.name == name for field in go_type.fields):
        if arguments:
            raise state.failure(f"{name} has arguments but cannot be invoked as function")
        return value.field(name)
    raise state.failure(f"can't evaluate field {name} in type {_static(receiver, boxed=boxed)}")


def _has_text_keys(key: Type) -> bool:
    """Tell if a plain string can be such a key."""
    return key.kind is Kind.INTERFACE or (key.kind is Kind.STRING and key.name == "string")


def _static(receiver: Any, *, boxed: bool) -> Type:
    """Give the type by which Go knows the receiver."""
    return INTERFACE if boxed else type_of(receiver)


def _nil_problem(pointer: Pointer, name: str, static: Type) -> str:
    target = pointer.go_type.element
    if target is None or target.kind is not Kind.STRUCT:
        return f"nil pointer evaluating {static}.{name}"
    if any(field.name == name for field in target.fields):
        return f"nil pointer evaluating {static}.{name}"
    return f"can't evaluate field {name} in type {static}"
