"""The functions that every template has."""

from typing import Any, Final

from appliance.formats.gotemplate import comparison, escaping, indexing
from appliance.formats.gotemplate.printing import sprint, sprintln
from appliance.formats.gotemplate.signatures import (
    INTERFACE,
    REFLECTED,
    STRING,
    Function,
    FunctionError,
    Meter,
)
from appliance.formats.gotemplate.sprintf import sprintf
from appliance.formats.gotemplate.values import INVALID, type_of


def _lazy(*_arguments: Any) -> Any:
    raise FunctionError("evaluates its arguments one by one")


def _call(name: str, function: Any, *_arguments: Any) -> Any:
    """Refuse: the data of our templates holds no functions that could be called."""
    if function is None or function is INVALID:
        raise FunctionError("call of nil")
    shown = name or (function if type(function) is str else f"<{type_of(function)} Value>")
    raise FunctionError(f"non-function {shown} of type {type_of(function)}")


def _print(meter: Meter, *arguments: Any) -> str:
    return sprint(arguments, meter)


def _println(meter: Meter, *arguments: Any) -> str:
    return sprintln(arguments, meter)


def _printf(meter: Meter, template: str, *arguments: Any) -> str:
    return sprintf(template, arguments, meter)


AND: Final = Function(call=_lazy, parameters=(REFLECTED,), variadic=REFLECTED)
OR: Final = Function(call=_lazy, parameters=(REFLECTED,), variadic=REFLECTED)
CALL: Final = Function(call=_call, parameters=(REFLECTED,), variadic=REFLECTED)
"""The engine knows these: the first two take no argument before they need it, and the third gets
how its first argument is written before all others ("" where it came through a pipe)."""

BUILTINS: Final = {
    "and": AND,
    "or": OR,
    "call": CALL,
    "not": Function(call=lambda value: not value, parameters=(REFLECTED,)),
    "len": Function(call=indexing.length, parameters=(REFLECTED,)),
    "index": Function(call=indexing.index, parameters=(REFLECTED,), variadic=REFLECTED),
    "slice": Function(call=indexing.cut, parameters=(REFLECTED,), variadic=REFLECTED),
    "eq": Function(
        call=comparison.equal, parameters=(REFLECTED,), variadic=REFLECTED, metered=True
    ),
    "ne": Function(
        call=lambda meter, left, right: not comparison.equal(meter, left, right),
        parameters=(REFLECTED, REFLECTED),
        metered=True,
    ),
    "lt": Function(call=comparison.less, parameters=(REFLECTED, REFLECTED)),
    "le": Function(call=comparison.less_or_equal, parameters=(REFLECTED, REFLECTED), metered=True),
    "gt": Function(
        call=lambda meter, left, right: not comparison.less_or_equal(meter, left, right),
        parameters=(REFLECTED, REFLECTED),
        metered=True,
    ),
    "ge": Function(
        call=lambda left, right: not comparison.less(left, right),
        parameters=(REFLECTED, REFLECTED),
    ),
    "print": Function(call=_print, variadic=INTERFACE, metered=True),
    "println": Function(call=_println, variadic=INTERFACE, metered=True),
    "printf": Function(call=_printf, parameters=(STRING,), variadic=INTERFACE, metered=True),
    "html": Function(call=escaping.html, variadic=INTERFACE, metered=True),
    "js": Function(call=escaping.javascript, variadic=INTERFACE, metered=True),
    "urlquery": Function(call=escaping.url_query, variadic=INTERFACE, metered=True),
}
