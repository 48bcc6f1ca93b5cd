"""Durations in Go's spelling, such as `25h1m0s` or `1.5h`."""

import re
from datetime import timedelta

from appliance.model.errors import FormatError

_UNITS = {  # in nanoseconds
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,  # micro sign
    "\u03bcs": 1_000,  # Greek mu
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_LONGEST = 2**63 - 1  # nanoseconds; Go counts in 64 signed bits
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([a-z\u00b5\u03bc]+)")


def parse(text: str) -> timedelta:
    """Read a duration; what is below a microsecond is cut off. Raises FormatError."""
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return timedelta()
    if not body or len(body) > 200:
        raise FormatError(f"invalid duration {text[:80]!r}")
    total = position = 0
    while position < len(body):
        part = _PART.match(body, position)
        if part is None or not (part[1] or part[2]) or part[3] not in _UNITS:
            raise FormatError(f"invalid duration {text!r}: write it like 24h, 1h30m or 90s")
        whole, fraction, unit = part[1] or "0", part[2] or "", _UNITS[part[3]]
        total += int(whole + fraction) * unit // 10 ** len(fraction)
        position = part.end()
    if total > _LONGEST + (text[0] == "-"):
        raise FormatError(f"invalid duration {text!r}: more than 292 years")
    microseconds = total // 1_000
    return timedelta(microseconds=-microseconds if text[0] == "-" else microseconds)


def format_duration(duration: timedelta) -> str:
    """Write a duration as Go does: `25h1m0s`, `1.5s`, `20ms`, `0s`."""
    return format_microseconds(duration // timedelta(microseconds=1))


def format_microseconds(microseconds: int) -> str:
    """Write so many microseconds in the same way."""
    sign = "-" if microseconds < 0 else ""
    microseconds = abs(microseconds)
    if microseconds == 0:
        return "0s"
    if microseconds < 1_000:
        return f"{sign}{microseconds}µs"
    if microseconds < 1_000_000:
        return f"{sign}{_decimal(microseconds, 1_000)}ms"
    minutes, rest = divmod(microseconds, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, 1_000_000)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else sign + text


def _decimal(number: int, unit: int) -> str:
    whole, fraction = divmod(number, unit)
    digits = len(str(unit)) - 1
    return f"{whole}.{fraction:0{digits}}".rstrip("0").rstrip(".")
