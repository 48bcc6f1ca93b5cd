"""Short ways to declare functions in the tables of this package."""

from collections.abc import Callable

from appliance.formats.gotemplate.signatures import Function, Type


def plain(call: Callable[..., object], *parameters: Type, variadic: Type | None = None) -> Function:
    """Declare a function whose work is that of its arguments' size."""
    return Function(call=call, parameters=parameters, variadic=variadic)


def metered(
    call: Callable[..., object], *parameters: Type, variadic: Type | None = None
) -> Function:
    """Declare a function that pays for its work: its first argument is the meter."""
    return Function(call=call, parameters=parameters, variadic=variadic, metered=True)
