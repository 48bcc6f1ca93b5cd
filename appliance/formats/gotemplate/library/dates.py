"""sprig's and step's functions on time.

`Local` is UTC: a certificate must not depend on where its authority runs. The present is what the
context says.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from appliance.formats.gotemplate import time_civil, time_layout, time_methods, time_parsing
from appliance.formats.gotemplate.library import characters, conversion
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.gotemplate.library.declaring import plain
from appliance.formats.gotemplate.signatures import (
    INT64,
    INTERFACE,
    STRING,
    Function,
    FunctionError,
)
from appliance.formats.gotemplate.time_layout import quoted
from appliance.formats.gotemplate.values import TIME, Int32, Int64, Pointer, Time, wrapped, zero

_SECOND: Final = time_methods.SECOND
_HOUR: Final = 3600 * _SECOND
_REACH: Final = (292_277_022_400 * 3_652_425 // 10_000 + 306) * 86_400 + 62_135_596_800
"""Seconds before 1970 that Go's calendar has."""
_ZERO: Final[Time] = zero(TIME)
_HTML: Final = "2006-01-02"
_UNITS: Final = (
    (365 * 24 * _HOUR, "y"),
    (30 * 24 * _HOUR, "mo"),
    (24 * _HOUR, "d"),
    (_HOUR, "h"),
    (60 * _SECOND, "m"),
    (_SECOND, "s"),
)
_DURATION_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": _HOUR,
}
LAYOUTS: Final[Mapping[str, str]] = {
    "LAYOUT": "01/02 03:04:05PM '06 -0700",
    "ANSIC": "Mon Jan _2 15:04:05 2006",
    "UNIXDATE": "Mon Jan _2 15:04:05 MST 2006",
    "RUBYDATE": "Mon Jan 02 15:04:05 -0700 2006",
    "RFC822": "02 Jan 06 15:04 MST",
    "RFC822Z": "02 Jan 06 15:04 -0700",
    "RFC850": "Monday, 02-Jan-06 15:04:05 MST",
    "RFC1123": "Mon, 02 Jan 2006 15:04:05 MST",
    "RFC1123Z": "Mon, 02 Jan 2006 15:04:05 -0700",
    "RFC3339": time_layout.RFC_3339,
    "RFC3339NANO": time_layout.RFC_3339_NANO,
    "KITCHEN": "3:04PM",
    "STAMP": "Jan _2 15:04:05",
    "STAMPMILLI": "Jan _2 15:04:05.000",
    "STAMPMICRO": "Jan _2 15:04:05.000000",
    "STAMPNANO": "Jan _2 15:04:05.000000000",
    "DATETIME": "2006-01-02 15:04:05",
    "DATEONLY": "2006-01-02",
    "TIMEONLY": "15:04:05",
}


_PART: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")


def parse_duration(text: str) -> int:
    """Read a duration to the nanosecond. Raises FunctionError."""
    negative = text.startswith("-")
    rest = text[1:] if text[:1] in {"+", "-"} else text
    if rest == "0":
        return 0
    total, at = 0, 0
    while at < len(rest) or not rest:
        part = _PART.match(rest, at)
        if part is None or not (part[1] or part[2]) or len(part[0]) > 100:
            raise FunctionError(f"time: invalid duration {quoted(text)}")
        unit = _DURATION_UNITS.get(part[3])
        if unit is None:
            problem = f"unknown unit {quoted(part[3])}" if part[3] else "missing unit"
            raise FunctionError(f"time: {problem} in duration {quoted(text)}")
        total += int(part[1] or 0) * unit + _fraction(part[2] or "", unit)
        at = part.end()
    if total > 2**63 - (0 if negative else 1):
        raise FunctionError(f"time: invalid duration {quoted(text)}")
    return -total if negative else total


def _fraction(digits: str, unit: int) -> int:
    """Take a fraction of a unit by way of a float64, as Go does."""
    number = size = 0
    for digit in digits:
        if number > (2**63 - 1) // 10 or number * 10 + int(digit) > 2**63:
            break
        number, size = number * 10 + int(digit), size + 1
    return int(float(number) * (float(unit) / 10.0**size))


def _at(seconds: int) -> Time:
    """Make a time of seconds since 1970; Go shows those beyond its calendar as the other end's."""
    return Time(seconds=(seconds + _REACH) % 2**64 - _REACH, zone=UTC)


def _given(value: Any, numbers: tuple[type, ...]) -> Time | None:
    """Take a time, or a number of seconds since 1970 of one of these types."""
    if isinstance(value, Pointer):
        value = value.target
    if isinstance(value, Time):
        return value
    return _at(int(value)) if type(value) in numbers else None


def _in_zone(time: Time, layout: str, name: str) -> str:
    zone = time_civil.zone_named(name) or UTC
    return time_layout.format_time(time.seconds, time.nanoseconds, zone, layout)


def _modified(change: str, time: Time) -> Time:
    try:
        return time_methods.add(time, parse_duration(change))
    except FunctionError:
        return time


def _parsed(layout: str, text: str) -> Time:
    seconds, nanoseconds, zone = time_parsing.parse_time(layout, text)
    return Time(seconds=seconds, nanoseconds=nanoseconds, zone=zone)


def _parsed_or_zero(layout: str, text: str) -> Time:
    try:
        return _parsed(layout, text)
    except FunctionError:
        return _ZERO


def _duration(value: object) -> str:
    seconds = 0
    if type(value) is str:
        seconds = conversion.parse_int(value, 10, clamp=True) or 0
    elif type(value) is Int64:
        seconds = int(value)
    return time_layout.duration_text(int(wrapped(INT64, seconds * _SECOND)))


def to_layout(name: str) -> str:
    """Give the layout of a name such as `time.RFC3339`; what is no name is a layout itself."""
    return LAYOUTS.get(characters.to_upper(name.removeprefix("time.")), name)


def _parse_in_zone(layout: str, text: str, name: str) -> Time:
    zone = time_civil.zone_named(name)
    if zone is None:
        raise FunctionError(f"unknown time zone {name}")
    moment = time_parsing.parse_time(to_layout(layout), text, default=zone, local=zone)
    return Time(seconds=moment[0], nanoseconds=moment[1], zone=moment[2])


FUNCTIONS: Final[Mapping[str, Function]] = {
    "date_modify": plain(_modified, STRING, TIME),
    "dateModify": plain(_modified, STRING, TIME),
    "must_date_modify": plain(
        lambda change, time: time_methods.add(time, parse_duration(change)), STRING, TIME
    ),
    "mustDateModify": plain(
        lambda change, time: time_methods.add(time, parse_duration(change)), STRING, TIME
    ),
    "toDate": plain(_parsed_or_zero, STRING, STRING),
    "mustToDate": plain(_parsed, STRING, STRING),
    "unixEpoch": plain(lambda time: str(time.seconds), TIME),
    "duration": plain(_duration, INTERFACE),
}
STEP_FUNCTIONS: Final[Mapping[str, Function]] = {"toTimeLayout": plain(to_layout, STRING)}


class _Present:
    """The functions that may ask for the present."""

    def __init__(self, now: datetime) -> None:
        span = now.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        self.now = Time(
            seconds=span.days * time_civil.DAY + span.seconds,
            nanoseconds=span.microseconds * 1_000,
            zone=UTC,
        )

    def date(self, layout: str, value: object, zone: str = "Local") -> str:
        return _in_zone(_given(value, (int, Int32, Int64)) or self.now, layout, zone)

    def since(self, time: Time) -> int:
        seconds = self.now.seconds - time.seconds
        return time_methods.clipped(seconds * _SECOND + self.now.nanoseconds - time.nanoseconds)

    def ago(self, value: object) -> str:
        time = None if isinstance(value, Pointer) else _given(value, (int, Int64))
        span = time_methods.rounded(self.since(time or self.now), _SECOND)
        return time_layout.duration_text(span)

    def rounded(self, value: object) -> str:
        span = 0
        if type(value) is str:
            try:
                span = parse_duration(value)
            except FunctionError:
                span = 0
        elif type(value) is Int64:
            span = int(value)
        elif isinstance(value, Time):
            span = self.since(value)
        for unit, letters in _UNITS:
            if abs(span) > unit:
                return f"{abs(span) // unit}{letters}"
        return "0s"

    def to_time(self, value: object) -> Time:
        if type(value) is float:
            return _at(conversion.from_float(value))
        time = _given(value, (int, Int32, Int64)) or self.now
        return Time(seconds=time.seconds, nanoseconds=time.nanoseconds, zone=UTC)

    def must_parse(self, *parts: str) -> Time:
        match parts:
            case ():
                return self.now
            case (text,):
                return _parsed(time_layout.RFC_3339, text)
            case (layout, text):
                return _parsed(to_layout(layout), text)
            case (layout, text, zone):
                return _parse_in_zone(layout, text, zone)
            case _:
                raise FunctionError("unsupported number of parameters")

    def parse(self, *parts: str) -> Time:
        try:
            return self.must_parse(*parts)
        except FunctionError:
            return _ZERO


def present_functions(context: FunctionContext) -> Mapping[str, Function]:
    """Give sprig's functions that may ask for the present."""
    present = _Present(context.now)
    return {
        "now": plain(lambda: present.now),
        "ago": plain(present.ago, INTERFACE),
        "date": plain(present.date, STRING, INTERFACE),
        "date_in_zone": plain(present.date, STRING, INTERFACE, STRING),
        "dateInZone": plain(present.date, STRING, INTERFACE, STRING),
        "htmlDate": plain(lambda value: present.date(_HTML, value), INTERFACE),
        "htmlDateInZone": plain(
            lambda value, zone: present.date(_HTML, value, zone), INTERFACE, STRING
        ),
        "durationRound": plain(present.rounded, INTERFACE),
    }


def step_functions(context: FunctionContext) -> Mapping[str, Function]:
    """Give step's own functions on time."""
    present = _Present(context.now)
    rfc_3339 = time_layout.RFC_3339
    return {
        "toTime": plain(present.to_time, INTERFACE),
        "formatTime": plain(
            lambda value: _in_zone(present.to_time(value), rfc_3339, "UTC"), INTERFACE
        ),
        "parseTime": plain(present.parse, variadic=STRING),
        "mustParseTime": plain(present.must_parse, variadic=STRING),
    }
