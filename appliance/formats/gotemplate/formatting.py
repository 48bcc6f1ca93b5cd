"""How Go's fmt lays out one basic value under the flags of its verb."""

from dataclasses import dataclass
from typing import Final

from appliance.formats.gotemplate.floats import format_float
from appliance.formats.gotemplate.quoting import (
    REPLACEMENT,
    can_backquote,
    is_printable,
    quote,
    quote_character,
)
from appliance.formats.gotemplate.signatures import Meter
from appliance.formats.gotemplate.values import octets, text

_WORD: Final = (1 << 64) - 1
_LARGEST: Final = 0x10FFFF


@dataclass(slots=True, kw_only=True)
class Flags:
    """What stands between the percent sign and the verb; None where nothing does."""

    width: int | None = None
    precision: int | None = None
    minus: bool = False
    plus: bool = False
    sharp: bool = False
    space: bool = False
    zero: bool = False
    plus_v: bool = False
    sharp_v: bool = False


def pad(string: str, flags: Flags, meter: Meter, *, zero: bool | None = None) -> str:
    """Fill up to the width, which counts characters."""
    missing = (flags.width or 0) - len(string)
    if missing <= 0:
        return string
    meter.reserve(missing)
    if flags.minus:
        return string + " " * missing
    return ("0" if (flags.zero if zero is None else zero) else " ") * missing + string


def show_boolean(value: bool, flags: Flags, meter: Meter) -> str:  # noqa: FBT001 - the value itself
    """Write true or false."""
    return pad("true" if value else "false", flags, meter)


def show_string(string: str, flags: Flags, meter: Meter) -> str:
    """Write it under %s: the precision cuts characters."""
    if flags.precision is not None:
        string = string[: flags.precision]
    return pad(string, flags, meter)


def show_quoted(string: str, flags: Flags, meter: Meter) -> str:
    """Write it under %q."""
    if flags.precision is not None:
        string = string[: flags.precision]
    if flags.sharp and can_backquote(string):
        return pad(f"`{string}`", flags, meter)
    return pad(quote(string, ascii_only=flags.plus), flags, meter)


def show_hexadecimal(data: bytes, flags: Flags, meter: Meter, *, upper: bool) -> str:
    """Write octets under %x and %X."""
    if flags.precision is not None:
        data = data[: flags.precision]
    meter.reserve(5 * len(data))
    if not data:
        return pad("", flags, meter)
    prefix = ("0X" if upper else "0x") if flags.sharp else ""
    digits = data.hex(" ") if flags.space else data.hex()
    if upper:
        digits = digits.upper()
    if flags.space:
        digits = digits.replace(" ", " " + prefix)
    return pad(prefix + digits, flags, meter)


def show_integer(number: int, base: int, verb: str, flags: Flags, meter: Meter) -> str:
    """Write it in a base; zeros go between the sign and the digits."""
    precision = flags.precision
    if precision == 0 and number == 0:
        return pad("", flags, meter, zero=False)
    if precision is None:
        precision = 0
        if flags.zero and not flags.minus and flags.width is not None:
            precision = flags.width - (number < 0 or flags.plus or flags.space)
    meter.reserve(precision)
    digits = _digits(abs(number), base, upper=verb == "X").rjust(precision, "0")
    if flags.sharp:
        digits = _prefix(base, digits, upper=verb == "X") + digits
    if verb == "O":
        digits = "0o" + digits
    sign = "-" if number < 0 else "+" if flags.plus else " " if flags.space else ""
    return pad(sign + digits, flags, meter, zero=False)


def show_character(number: int, flags: Flags, meter: Meter) -> str:
    """Write the character of that number (%c)."""
    return pad(_character(number), flags, meter)


def show_quoted_character(number: int, flags: Flags, meter: Meter) -> str:
    """Write the character of that number between apostrophes (%q)."""
    return pad(quote_character(_character(number), ascii_only=flags.plus), flags, meter)


def show_code_point(number: int, flags: Flags, meter: Meter) -> str:
    """Write U+0078, or U+0078 'x' (%U, %#U)."""
    code = number & _WORD
    precision = max(flags.precision or 0, 4)
    meter.reserve(precision)
    shown = f"U+{code:0{precision}X}"
    if flags.sharp and code <= _LARGEST and is_printable(chr(code)):
        shown += f" '{chr(code)}'"
    return pad(shown, flags, meter, zero=False)


def show_float(
    number: float, verb: str, precision: int, flags: Flags, meter: Meter, *, bits: int = 64
) -> str:
    """Write it by the verb, with that precision unless the flags have one."""
    if flags.precision is not None:
        precision = flags.precision
    meter.reserve(max(precision, 0) + (310 if verb == "f" else 0))
    shown = format_float(number, verb, precision, bits=bits)
    sign, digits = (shown[0], shown[1:]) if shown[0] in "+-" else ("+", shown)
    if flags.space and sign == "+" and not flags.plus:
        sign = " "
    if digits[0] in "IN":
        keep = digits[0] == "I" or flags.plus or flags.space
        return pad(sign + digits if keep else digits, flags, meter, zero=False)
    if flags.sharp and verb != "b":
        digits = _with_point(digits, verb, precision)
    if not flags.plus and sign == "+":
        return pad(digits, flags, meter)
    missing = (flags.width or 0) - len(digits) - 1
    if flags.zero and not flags.minus and missing > 0:
        meter.reserve(missing)
        return sign + "0" * missing + digits
    return pad(sign + digits, flags, meter)


def _with_point(digits: str, verb: str, precision: int) -> str:
    """Keep the decimal point and trailing zeros (the sharp flag)."""
    wanted = 0
    if verb in "gGx":
        wanted = 6 if precision == -1 else precision
    marks = "pP" if verb in "xX" else "eEpP"
    split = next((place for place, each in enumerate(digits) if each in marks), len(digits))
    mantissa, tail = digits[:split], digits[split:]
    body = mantissa.replace(".", "", 1)
    significant = len(body.lstrip("0"))
    if verb in "xX":  # the letter of the prefix counts as a digit there
        significant = len(body[1:])
    wanted -= significant
    if "." not in mantissa:
        wanted -= mantissa == "0"
        mantissa += "."
    return mantissa + "0" * wanted + tail


def _digits(number: int, base: int, *, upper: bool) -> str:
    spelling = {2: "b", 8: "o", 10: "d", 16: "X" if upper else "x"}[base]
    return format(number, spelling)


def _prefix(base: int, digits: str, *, upper: bool) -> str:
    if base == 8:
        return "" if digits[0] == "0" else "0"
    return {2: "0b", 16: "0X" if upper else "0x"}.get(base, "")


def _character(number: int) -> str:
    """Give the character, U+FFFD for a number that is none."""
    valid = 0 <= number <= _LARGEST and not 0xD800 <= number <= 0xDFFF
    return chr(number) if valid else REPLACEMENT


def octets_of(value: str | bytes) -> bytes:
    """Give the octets of either kind of text."""
    return octets(value) if isinstance(value, str) else bytes(value)


def string_of(value: str | bytes) -> str:
    """Give the string of either kind of text."""
    return str(value) if isinstance(value, str) else text(value)
