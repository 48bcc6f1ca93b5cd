"""Numbers and characters in a template: a constant is of every kind of number that can hold it."""

import re
from typing import Final

from appliance.formats.gotemplate.floats import parse_float, underscores_fit
from appliance.formats.gotemplate.nodes import Number
from appliance.formats.gotemplate.quoting import quote, unquote_one

_COMPLEX: Final = re.compile(r"(.*?[^eEpP])([+-].*)i")
_LEAST: Final = -(1 << 63)
_INTEGER: Final = re.compile(
    r"([+-]?)(?:0[xX](?P<hex>[0-9a-fA-F_]+)|0[oO](?P<oct>[0-7_]+)|0[bB](?P<bin>[01_]+)"
    r"|0(?P<old>[0-7_]+)|(?P<dec>0|[1-9][0-9_]*))"
)
_BASES: Final = {"hex": 16, "oct": 8, "bin": 2, "old": 8, "dec": 10}
_LONGEST: Final = 80  # digits; with more, no number fits in 64 bits but by zeros in front


def read_character(literal: str, *, position: int) -> Number | str:
    """Read `'x'`; gives the problem if it is malformed."""
    taken = unquote_one(literal[1:], 0, "'")
    if taken is None:
        return "invalid syntax"
    value, _, end = taken
    if literal[1 + end :] != "'":
        return f"malformed character constant: {literal}"
    return Number(
        position=position, literal=literal, signed=value, unsigned=value, floating=float(value)
    )


def read_complex(literal: str, *, position: int) -> Number | str:
    """Read `1+2i`; gives the problem if it is malformed."""
    match = _COMPLEX.fullmatch(literal)
    real, imaginary = (parse_float(part) for part in match.groups()) if match else (None, None)
    if real is None or imaginary is None:
        return "syntax error scanning complex number"
    return _complex(complex(real, imaginary), literal, position)


def read_number(literal: str, *, position: int) -> Number | str:
    """Read any other number; gives the problem if it is malformed or too large."""
    if literal.endswith("i") and (imaginary := parse_float(literal[:-1])) is not None:
        return _complex(complex(0, imaginary), literal, position)
    integer = _integer(literal)
    signed = integer if integer is not None and _LEAST <= integer < -_LEAST else None
    fits = integer is not None and 0 <= integer < -2 * _LEAST
    unsigned = integer if fits and (literal[0] not in "+-" or integer == 0) else None
    whole = signed if signed is not None else unsigned
    if whole is not None:
        floating: float | None = float(whole)
    else:
        floating = parse_float(literal)
        if floating is None:
            return f"illegal number syntax: {quote(literal)}"
        if not set(literal) & set(".eEpP"):
            return f"integer overflow: {quote(literal)}"
        signed, unsigned = _whole(floating)
    return Number(
        position=position, literal=literal, signed=signed, unsigned=unsigned, floating=floating
    )


def _integer(literal: str) -> int | None:
    """Read an integer of any size in Go's syntax, None if it is none (or absurdly long)."""
    match = _INTEGER.fullmatch(literal)
    if match is None or ("_" in literal and not underscores_fit(literal.lower())):
        return None
    kind = str(match.lastgroup)
    digits = match[kind].replace("_", "").lstrip("0") or "0"
    if len(digits) > _LONGEST:
        return None
    number = int(digits, _BASES[kind])
    return -number if match[1] == "-" else number


def _whole(floating: float) -> tuple[int | None, int | None]:
    """Give a float64 as int64 and as uint64, where it is one."""
    if not floating.is_integer():
        return None, None
    number = int(floating)
    signed = number if _LEAST <= number < -_LEAST else None
    return signed, number if 0 <= number < -2 * _LEAST else None


def _complex(value: complex, literal: str, position: int) -> Number:
    if value.imag:
        return Number(position=position, literal=literal, complex_number=value)
    signed, unsigned = _whole(value.real)
    return Number(
        position=position,
        literal=literal,
        signed=signed,
        unsigned=unsigned,
        floating=value.real,
        complex_number=value,
    )
