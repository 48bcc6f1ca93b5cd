"""Methods of Go values: a type has its own, and a pointer those of its target too."""

from typing import Any

from appliance.formats.gotemplate.signatures import Function, FunctionError, Kind, Meter
from appliance.formats.gotemplate.values import Pointer, type_of


def find(value: Any, name: str) -> tuple[Function, Any] | None:
    """Find a method of a value that is not nil of no type; gives its receiver too."""
    go_type = type_of(value)
    if (own := go_type.methods.get(name)) is not None:
        return own, value
    if go_type.kind is Kind.POINTER and go_type.element is not None:
        inherited = go_type.element.methods.get(name)
        if inherited is not None:
            return inherited, value.target if isinstance(value, Pointer) else None
    return None


def call(function: Function, receiver: Any, arguments: list[Any], meter: Meter) -> Any:
    """Call a method; its arguments have been checked. Raises FunctionError."""
    if receiver is None:
        raise FunctionError("value method called using nil pointer")
    if function.metered:
        return function.call(meter, receiver, *arguments)
    return function.call(receiver, *arguments)


def call_plain(value: Any, name: str, meter: Meter) -> Any:
    """Call a method without arguments that `find` has found. Raises FunctionError."""
    found = find(value, name)
    if found is None:
        raise FunctionError(f"there is no method {name}")
    function, receiver = found
    return call(function, receiver, [], meter)
