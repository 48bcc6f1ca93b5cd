"""sprig's arithmetic: whole numbers wrap at 64 bits, fractions are exact until they are given."""

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from typing import Final

from appliance.formats.gotemplate import printing
from appliance.formats.gotemplate.library import conversion
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.gotemplate.library.declaring import metered, plain
from appliance.formats.gotemplate.signatures import (
    FLOAT64,
    INT,
    INT64,
    INTERFACE,
    STRING,
    Function,
    FunctionError,
    Meter,
    slice_of,
)
from appliance.formats.gotemplate.values import Int64, TypedList, wrapped

_INTS: Final = slice_of(INT)
_DIVISION_PLACES: Final = 10**16  # decimals of a quotient
_WHOLE: Final = 2.0**52  # from here on a float64 has no fraction


def _wrap(number: int) -> int:
    return wrapped(INT64, number)


def _divided(left: object, right: object) -> int:
    """Divide towards zero."""
    dividend, divisor = conversion.to_int(left), conversion.to_int(right)
    if divisor == 0:
        raise FunctionError("runtime error: integer divide by zero")
    quotient = abs(dividend) // abs(divisor)
    return _wrap(quotient if (dividend < 0) == (divisor < 0) else -quotient)


def _remainder(left: object, right: object) -> int:
    """Give the rest of that division, with the dividend's sign."""
    dividend, divisor = conversion.to_int(left), conversion.to_int(right)
    if divisor == 0:
        raise FunctionError("runtime error: integer divide by zero")
    rest = abs(dividend) % abs(divisor)
    return Int64(-rest if dividend < 0 else rest)


def _product(first: object, *others: object) -> int:
    return _wrap(math.prod(map(conversion.to_int, others), start=conversion.to_int(first)))


def _sum(*values: object) -> int:
    return _wrap(sum(map(conversion.to_int, values)))


def _difference(left: object, right: object) -> int:
    return _wrap(conversion.to_int(left) - conversion.to_int(right))


def _most(first: object, *others: object) -> int:
    return Int64(max(map(conversion.to_int, (first, *others))))


def _least(first: object, *others: object) -> int:
    return Int64(min(map(conversion.to_int, (first, *others))))


def _extreme(first: object, others: tuple[object, ...], *, most: bool) -> float:
    """Give the larger or smaller float; a NaN wins, unless the infinity does."""
    sign = 1.0 if most else -1.0

    def better(left: float, right: float) -> float:
        if sign * math.inf in (left, right):
            return sign * math.inf
        if math.isnan(left) or math.isnan(right):
            return math.nan
        if left == right == 0:
            return left if math.copysign(1, left) == sign else right
        return max(left, right) if most else min(left, right)

    return reduce(better, map(conversion.to_float, others), conversion.to_float(first))


def _exact(value: object) -> Fraction:
    number = conversion.to_float(value)
    if not math.isfinite(number):
        shown = "NaN" if math.isnan(number) else "+Inf" if number > 0 else "-Inf"
        raise FunctionError(f"Cannot create a Decimal from {shown}")
    return Fraction(Decimal(repr(number)))


def _rounded_quotient(left: Fraction, right: Fraction) -> Fraction:
    if right == 0:
        raise FunctionError("decimal division by 0")
    scaled = abs(left / right) * _DIVISION_PLACES
    whole = math.floor(scaled + Fraction(1, 2))
    return Fraction(whole if (left < 0) == (right < 0) else -whole, _DIVISION_PLACES)


def _decimal(operation: Callable[[Fraction, Fraction], Fraction]) -> Callable[..., float]:
    """Make a function that carries on through its arguments, exactly."""

    def run(first: object, *others: object) -> float:
        result = reduce(operation, map(_exact, others), _exact(first))
        try:
            return float(result)
        except OverflowError:
            return math.inf if result > 0 else -math.inf

    return run


_add_decimals: Final = _decimal(lambda left, right: left + right)


def _floor(number: float) -> float:
    if not abs(number) < _WHOLE:
        return number
    return math.copysign(float(math.floor(number)), number)


def _ceil(number: float) -> float:
    if not abs(number) < _WHOLE:
        return number
    return math.copysign(float(math.ceil(number)), number)


def _power_of_ten(exponent: int) -> float:
    """Raise ten to a power by squaring, in the order that Go's math.Pow does it."""
    if exponent in {0, 1}:
        return (1.0, 10.0)[exponent]
    fraction, scale = math.frexp(10.0)
    mantissa, shift, left = 1.0, 0, abs(exponent)
    while left:
        if abs(scale) > 1 << 12:
            shift += scale
            break
        if left & 1:
            mantissa *= fraction
            shift += scale
        fraction *= fraction
        scale <<= 1
        if fraction < 0.5:
            fraction += fraction
            scale -= 1
        left >>= 1
    if exponent < 0:
        mantissa, shift = 1 / mantissa, -shift
    try:
        return math.ldexp(mantissa, shift)
    except OverflowError:
        return math.inf


def _round(value: object, places: int, *options: float) -> float:
    """Round to decimals; from which fraction on up, an option says (0.5)."""
    power = _power_of_ten(int(conversion.to_float(places)))
    digit = power * conversion.to_float(value)
    fraction = math.modf(digit)[0] if math.isfinite(digit) else math.nan
    whole = _ceil(digit) if fraction >= (options[0] if options else 0.5) else _floor(digit)
    if power == 0:
        return math.nan if whole == 0 or math.isnan(whole) else math.copysign(math.inf, whole)
    return whole / power


def _stepped(meter: Meter, start: int, stop: int, step: int) -> list[int]:
    if (step >= 0) if stop < start else (step <= 0):
        return []
    numbers = range(start, stop, step)
    meter.reserve((abs(stop - start) - 1) // abs(step) + 1)
    return list(numbers)


def _until_step(meter: Meter, start: int, stop: int, step: int) -> TypedList:
    return TypedList(_stepped(meter, start, stop, step), go_type=_INTS)


def _until(meter: Meter, count: int) -> TypedList:
    return _until_step(meter, 0, count, -1 if count < 0 else 1)


def _seq(meter: Meter, *parameters: int) -> str:
    match parameters:
        case (end,):
            start, step = 1, -1 if end < 1 else 1
        case (start, end):
            step = -1 if end < start else 1
        case (start, step, end):
            if end < start and step > 0:
                return ""
        case _:
            return ""
    increment = -1 if end < start else 1
    numbers = _stepped(meter, start, end + increment, step)
    meter.reserve(20 * len(numbers))
    return " ".join(map(str, numbers))


def _to_decimal(meter: Meter, value: object) -> int:
    return Int64(conversion.parse_int(printing.sprint((value,), meter), 8) or 0)


_BIGGEST: Final = plain(_most, INTERFACE, variadic=INTERFACE)

FUNCTIONS: Final[Mapping[str, Function]] = {
    "atoi": plain(lambda digits: conversion.parse_int(digits, 10, clamp=True) or 0, STRING),
    "int64": plain(lambda value: Int64(conversion.to_int(value)), INTERFACE),
    "int": plain(conversion.to_int, INTERFACE),
    "float64": plain(conversion.to_float, INTERFACE),
    "toDecimal": metered(_to_decimal, INTERFACE),
    "seq": metered(_seq, variadic=INT),
    "until": metered(_until, INT),
    "untilStep": metered(_until_step, INT, INT, INT),
    "add1": plain(lambda value: _wrap(conversion.to_int(value) + 1), INTERFACE),
    "add": plain(_sum, variadic=INTERFACE),
    "sub": plain(_difference, INTERFACE, INTERFACE),
    "div": plain(_divided, INTERFACE, INTERFACE),
    "mod": plain(_remainder, INTERFACE, INTERFACE),
    "mul": plain(_product, INTERFACE, variadic=INTERFACE),
    "add1f": plain(lambda value: _add_decimals(value, 1), INTERFACE),
    "addf": plain(lambda *values: _add_decimals(0.0, *values), variadic=INTERFACE),
    "subf": plain(_decimal(lambda left, right: left - right), INTERFACE, variadic=INTERFACE),
    "divf": plain(_decimal(_rounded_quotient), INTERFACE, variadic=INTERFACE),
    "mulf": plain(_decimal(lambda left, right: left * right), INTERFACE, variadic=INTERFACE),
    "biggest": _BIGGEST,
    "max": _BIGGEST,
    "min": plain(_least, INTERFACE, variadic=INTERFACE),
    "maxf": plain(
        lambda first, *others: _extreme(first, others, most=True), INTERFACE, variadic=INTERFACE
    ),
    "minf": plain(
        lambda first, *others: _extreme(first, others, most=False), INTERFACE, variadic=INTERFACE
    ),
    "ceil": plain(lambda value: _ceil(conversion.to_float(value)), INTERFACE),
    "floor": plain(lambda value: _floor(conversion.to_float(value)), INTERFACE),
    "round": plain(_round, INTERFACE, INT, variadic=FLOAT64),
}


def random_functions(context: FunctionContext) -> Mapping[str, Function]:
    """Give the function that draws a number."""

    def drawn(least: int, end: int) -> int:
        if end <= least:
            raise FunctionError("invalid argument to Intn")
        return least + context.below(end - least)

    return {"randInt": plain(drawn, INT, INT)}
