"""Calls of functions and methods: the number of arguments, the call itself, and its cost."""

from collections.abc import Sequence
from typing import Any, Final

from appliance.formats.gotemplate.errors import TemplateError, TemplateFailure
from appliance.formats.gotemplate.signatures import Function, FunctionError, Type
from appliance.formats.gotemplate.state import Shown, State

_PANICS: Final = (ArithmeticError, LookupError, TypeError, ValueError)
"""What a call may raise where the Go function panics, which is an error of the template there."""

_SIZED: Final = frozenset({str, bytes, list, dict})


def count_problem(function: Function, name: str, given: int, piped: int) -> str:
    """Say what is wrong with the number of arguments; "" where nothing is.

    `given` counts the words behind the name, `piped` is 1 where one more comes through the pipe.
    """
    wanted = len(function.parameters)
    if function.variadic is None and given + piped != wanted:
        return f"wrong number of args for {name}: want {wanted} got {given + piped}"
    if function.variadic is not None and given + piped < wanted:
        return f"wrong number of args for {name}: want at least {wanted} got {given}"
    return ""


def parameter(function: Function, place: int) -> Type:
    """Give the type of the parameter that takes the argument at that place."""
    if place < len(function.parameters):
        return function.parameters[place]
    if function.variadic is None:
        raise IndexError(place)
    return function.variadic


def invoke(
    state: State,
    function: Function,
    arguments: list[Any],
    *,
    name: str,
    node: Shown,
    receiver: Sequence[Any] = (),
) -> Any:
    """Call a function with checked arguments; a method with its receiver before them."""
    meter = state.meter
    meter.spend(1 + _weight(arguments))
    try:
        if function.metered:
            result = function.call(meter, *receiver, *arguments)
        else:
            result = function.call(*receiver, *arguments)
    except FunctionError as error:
        state.node = node
        raise _refusal(state, name, str(error), failure=error.failure) from None
    except _PANICS as error:
        state.node = node
        raise _refusal(state, name, f"{type(error).__name__}: {error}", failure=False) from error
    if isinstance(result, str | bytes | list | dict):
        meter.reserve(len(result))
    return result


def _weight(arguments: Sequence[Any]) -> int:
    """Give what it costs to go through the arguments once; some functions go octet by octet."""
    weight = 0
    for each in arguments:
        if type(each) in _SIZED and len(each) > 64:
            weight += len(each) >> 2
    return weight


def _refusal(state: State, name: str, problem: str, *, failure: bool) -> TemplateError:
    text = f"error calling {name}: {problem}"
    if failure:
        return TemplateFailure(state.located(text), message=problem)
    return state.failure(text)
