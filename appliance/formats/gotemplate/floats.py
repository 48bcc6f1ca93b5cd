"""Floating-point numbers as Go's strconv.FormatFloat writes them."""

import math
import re
import struct
from typing import Final

_SHORTEST: Final = -1
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?")
_HEXADECIMAL: Final = re.compile(r"[+-]?0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)p[+-]?[0-9]+")
_DECIMAL_DIGITS: Final = frozenset("0123456789")
_HEXADECIMAL_DIGITS: Final = frozenset("0123456789abcdef")


def format_float(number: float, verb: str, precision: int, *, bits: int = 64) -> str:
    """Write it by verb (b e E f g G x X) and precision; -1 is as many digits as are needed."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    sign = "-" if math.copysign(1.0, number) < 0 else ""
    return sign + _unsigned(abs(number), verb, precision, bits)


def _unsigned(number: float, verb: str, precision: int, bits: int) -> str:
    if verb in "xX":
        return _hexadecimal(number, verb, precision, bits)
    if verb == "b":
        return _binary(number, bits)
    if verb in "gG":
        return _general(number, verb, precision, bits)
    if precision != _SHORTEST:
        return f"{number:.{precision}{verb}}"
    digits, point = _digits(number, bits)
    return _scientific(digits, point, verb) if verb in "eE" else _plain(digits, point)


def parse_float(literal: str) -> float | None:
    """Read what strconv.ParseFloat accepts of Go's literals; None for what it refuses."""
    lowered = literal.lower()
    if "_" in lowered and not underscores_fit(lowered):
        return None
    digits = lowered.replace("_", "")
    try:
        if _HEXADECIMAL.fullmatch(digits):
            return float.fromhex(digits)
        number = float(digits) if _DECIMAL.fullmatch(digits) else math.inf
    except OverflowError:
        return None
    return None if math.isinf(number) else number


def underscores_fit(lowered: str) -> bool:
    """Tell if each underscore of a number stands between digits, or behind the base prefix."""
    body = lowered.lstrip("+-")
    prefix = body[:2] in ("0b", "0o", "0x")
    digits = _HEXADECIMAL_DIGITS if body[:2] == "0x" else _DECIMAL_DIGITS
    seen = "0" if prefix else "^"
    for each in body[2:] if prefix else body:
        if each == "_" and seen != "0":
            return False
        if each not in digits and each != "_" and seen == "_":
            return False
        seen = each if each == "_" else "0" if each in digits else "!"
    return seen != "_"


def _digits(number: float, bits: int) -> tuple[str, int]:
    """Give the shortest digits that mean the number, and where its point is among them."""
    if number == 0:
        return "0", 1
    shown = repr(number) if bits == 64 else _shortest_32(number)
    mantissa, _, exponent = shown.partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0)
    point -= len(whole + fraction) - len(digits)
    return digits.rstrip("0"), point


def _shortest_32(number: float) -> str:
    for precision in range(9):
        shown = f"{number:.{precision}e}"
        try:
            if struct.unpack("f", struct.pack("f", float(shown)))[0] == number:
                return shown
        except OverflowError:
            continue
    return f"{number:.9e}"


def _general(number: float, verb: str, precision: int, bits: int) -> str:
    if number == 0:
        return "0"
    if precision == _SHORTEST:
        digits, point = _digits(number, bits)
        limit = 6
    else:
        limit = precision or 1
        mantissa, _, exponent = f"{number:.{limit - 1}e}".partition("e")
        digits = mantissa.replace(".", "").rstrip("0")
        point = int(exponent) + 1
        if limit > len(digits) >= point:
            limit = len(digits)
    if point - 1 < -4 or point - 1 >= limit:
        return _scientific(digits, point, "e" if verb == "g" else "E")
    return _plain(digits, point)


def _scientific(digits: str, point: int, verb: str) -> str:
    exponent = point - 1 if digits != "0" else 0
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}{verb}{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _plain(digits: str, point: int) -> str:
    if point <= 0:
        return "0." + "0" * -point + digits if digits != "0" else "0"
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"


def _parts(number: float, bits: int) -> tuple[int, int]:
    """Give the mantissa as Go holds it, and its binary exponent."""
    size, least = (52, -1022) if bits == 64 else (23, -126)
    if number == 0:
        return 0, least - size
    fraction, exponent = math.frexp(number)  # 0.5 <= fraction < 1
    exponent = max(exponent - 1, least)
    return int(math.ldexp(fraction, size - exponent + math.frexp(number)[1])), exponent - size


def _binary(number: float, bits: int) -> str:
    mantissa, exponent = _parts(number, bits)
    return f"{mantissa}p{exponent:+d}"


def _hexadecimal(number: float, verb: str, precision: int, bits: int) -> str:
    """Write `0x1.8p+01`: one binary digit, then hexadecimal ones."""
    size = 52 if bits == 64 else 23
    mantissa, exponent = _parts(number, bits)
    exponent = 0 if mantissa == 0 else exponent + size
    while mantissa and not mantissa >> size:
        mantissa <<= 1
        exponent -= 1
    mantissa <<= 60 - size  # one digit, sixty bits behind the point: fifteen hexadecimal digits
    if 0 <= precision < 15:
        dropped = 60 - 4 * precision
        rest, mantissa = mantissa & ((1 << dropped) - 1), mantissa >> dropped
        half = 1 << (dropped - 1)
        mantissa += rest > half or (rest == half and bool(mantissa & 1))
        mantissa <<= dropped
        if mantissa >> 61:
            mantissa >>= 1
            exponent += 1
    digits = f"{mantissa & ((1 << 60) - 1):015x}"
    digits = digits.rstrip("0") if precision < 0 else digits[:precision].ljust(precision, "0")
    lead = f"0x{mantissa >> 60}" + (f".{digits}" if digits else "")
    shown = f"{lead}p{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    return shown.upper() if verb == "X" else shown
