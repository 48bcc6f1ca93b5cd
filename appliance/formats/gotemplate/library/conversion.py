"""Values of any type made numbers and texts, as sprig does it (by spf13/cast and fmt)."""

import math
import re
from typing import Any, Final, TypeGuard

from appliance.formats.gotemplate import floats, printing
from appliance.formats.gotemplate.signatures import INT64, Meter
from appliance.formats.gotemplate.values import Pointer, text, type_of, wrapped

LEAST: Final = -(2**63)
MOST: Final = 2**63 - 1
_SIGNED: Final = re.compile(r"[+-]?[0-9A-Za-z_]+", re.ASCII)
_PREFIXES: Final = {"0b": 2, "0o": 8, "0x": 16}
_SPECIAL: Final = {"inf", "infinity"}
_PLAIN_INTS: Final = frozenset(
    ("int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64")
)


def plain_int(value: object) -> TypeGuard[int]:
    """Tell a value of one of Go's own integer types; a Duration or a Month is none."""
    return (
        isinstance(value, int)
        and not isinstance(value, bool)
        and type_of(value).name in _PLAIN_INTS
    )


def dereferenced(value: Any) -> Any:
    """Follow pointers to what they point at; a nil one stays."""
    while isinstance(value, Pointer) and value.target is not None:
        value = value.target
    return value


def to_int(value: object) -> int:
    """Make an int (within 64 signed bits) of anything; 0 of what is no number."""
    value = dereferenced(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and type_of(value).name in {"float64", "float32"}:
        return from_float(value)
    if plain_int(value):
        return int(wrapped(INT64, value))
    if type(value) is str:
        return parse_int(_without_zero_decimals(value), 0) or 0
    return 0


def from_float(number: float) -> int:
    """Cut a float64 to an integer as an amd64 does: what does not fit becomes the least one."""
    if not math.isfinite(number):
        return LEAST
    whole = int(number)
    return whole if LEAST <= whole <= MOST else LEAST


def to_float(value: object) -> float:
    """Make a float64 of anything; 0 of what is no number."""
    value = dereferenced(value)
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, float) and type_of(value).name in {"float64", "float32"}:
        return float(value)
    if plain_int(value):
        return float(value)
    if type(value) is str:
        number = _parse_float(value)
        return 0.0 if number is None else number
    return 0.0


def _parse_float(literal: str) -> float | None:
    lowered = literal.lower()
    if lowered == "nan":
        return math.nan
    if lowered.lstrip("+-") in _SPECIAL and len(lowered.lstrip("+-")) >= len(lowered) - 1:
        return -math.inf if lowered[0] == "-" else math.inf
    return floats.parse_float(literal)


def _without_zero_decimals(digits: str) -> str:
    """Cut `.000` off the end, as cast does before it reads an integer."""
    stem = digits.rstrip("0")
    return stem[:-1] if stem.endswith(".") and stem != digits else digits


def parse_int(digits: str, base: int, *, clamp: bool = False) -> int | None:
    """Read what strconv.ParseInt reads into 64 bits; None for what it refuses.

    With `clamp` a number that is too large comes out as the nearest one, as Atoi's does.
    """
    number = _parse_whole(digits, base)
    if number is None or LEAST <= number <= MOST:
        return number
    return (MOST if number > 0 else LEAST) if clamp else None


def _parse_whole(digits: str, base: int) -> int | None:
    if not _SIGNED.fullmatch(digits):
        return None
    sign, body = (digits[0], digits[1:]) if digits[0] in "+-" else ("", digits)
    if base == 0:
        lowered = digits.lower()
        if "_" in lowered and not floats.underscores_fit(lowered):
            return None
        prefix = body[:2].lower()
        base = _PREFIXES.get(prefix, 8 if body[0] == "0" and len(body) > 1 else 10)
        body = body[2:] if prefix in _PREFIXES else body[1:] if base == 8 else body
        body = body.replace("_", "")
    if not body or "_" in body or len(body) > 1000:
        return None
    try:
        number = int(body, base)
    except ValueError:
        return None
    return -number if sign == "-" else number


def to_text(value: object, meter: Meter) -> str:
    """Make a text of anything: []byte is its octets, the rest as it is printed."""
    if type(value) is str:
        return value
    if type(value) is bytes:
        return text(value)
    return printing.sprint((value,), meter)


def kind_of(value: object) -> str:
    """Name a value's kind as reflect does; nil has the kind `invalid`."""
    return "invalid" if value is None else type_of(value).kind.value


def type_name(value: object) -> str:
    """Name a value's type as %T does."""
    return "<nil>" if value is None else type_of(value).name
