"""The methods of Go's time.Time, time.Duration, time.Month and time.Weekday for templates.

`values` makes the types with them. Methods that give more than one value cannot be called from a
template, so they are left out; so are those that ask for the present.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from appliance.formats.gotemplate import time_civil, time_layout
from appliance.formats.gotemplate.signatures import (
    INT,
    STRING,
    Function,
    FunctionError,
    Kind,
    Type,
)

if TYPE_CHECKING:
    from appliance.formats.gotemplate.values import Time

SECOND: Final = 1_000_000_000  # nanoseconds
_YEAR_ONE: Final = -62_135_596_800
_FARTHEST: Final = 2**63 - 1
Make = Callable[[int], int]


def clipped(nanoseconds: int) -> int:
    """Keep a difference within what a Duration holds, as Sub does."""
    return min(max(nanoseconds, -_FARTHEST - 1), _FARTHEST)


def _total(time: "Time") -> int:
    return time.seconds * SECOND + time.nanoseconds


def _moved(time: "Time", nanoseconds: int) -> "Time":
    seconds, rest = divmod(_total(time) + nanoseconds, SECOND)
    return replace(time, seconds=seconds, nanoseconds=rest)


def add(time: "Time", duration: int) -> "Time":
    """Move a time by nanoseconds."""
    return _moved(time, duration)


def _wall(time: "Time") -> tuple[int, int]:
    """Give days since 1970 and seconds of the day as the zone's clocks show them."""
    offset = time_civil.offset_at(time.zone, time.seconds)[1]
    return divmod(time.seconds + offset, time_civil.DAY)


def _date(time: "Time") -> tuple[int, int, int]:
    return time_civil.date_of(_wall(time)[0])


def _add_date(time: "Time", years: int, months: int, days: int) -> "Time":
    year, month, day = _date(time)
    if max(abs(years), abs(months), abs(days)) > 10**9:
        raise FunctionError("AddDate: too far away")
    moved = time_civil.days_of(year + years, month + months, 1) + day - 1 + days
    wall = moved * time_civil.DAY + _wall(time)[1]
    return replace(time, seconds=time_civil.from_wall(time.zone, wall))


def _since_year_one(time: "Time") -> int:
    return _total(time) - _YEAR_ONE * SECOND


def _truncate(time: "Time", step: int) -> "Time":
    return _moved(time, -(_since_year_one(time) % step)) if step > 0 else time


def _round(time: "Time", step: int) -> "Time":
    if step <= 0:
        return time
    over = _since_year_one(time) % step
    return _moved(time, -over if 2 * over < step else step - over)


def as_text(time: "Time") -> str:
    """Write a time as Go prints it."""
    return time_layout.plain(time.seconds, time.nanoseconds, time.zone)


def as_go(time: "Time") -> str:
    """Write a time as it would be written in a program (%#v)."""
    (year, month, day), clock = _date(time), _wall(time)[1]
    zone = "time.UTC"
    if time.zone is not UTC:
        zone = f'time.Location("{time_civil.offset_at(time.zone, time.seconds)[0]}")'
    parts = f"{day}, {clock // 3600}, {clock // 60 % 60}, {clock % 60}, {time.nanoseconds}"
    return f"time.Date({year}, time.{time_civil.MONTHS[month - 1]}, {parts}, {zone})"


def format_as(time: "Time", layout: str) -> str:
    """Write a time by a layout."""
    return time_layout.format_time(time.seconds, time.nanoseconds, time.zone, layout)


def as_json(time: "Time") -> str:
    """Give what stands for a time in JSON. Raises FunctionError outside years 0 to 9999."""
    if not 0 <= _date(time)[0] <= 9999:
        raise FunctionError("json: error calling MarshalJSON for type time.Time: "
                            "Time.MarshalJSON: year outside of range [0,9999]")  # fmt: skip
    return format_as(time, time_layout.RFC_3339_NANO)


def _compare(left: "Time", right: "Time") -> int:
    return (_total(left) > _total(right)) - (_total(left) < _total(right))


def _named(name: str, names: list[str], first: int) -> Type:
    def text(number: int) -> str:
        known = first <= number < first + len(names)
        return names[number - first] if known else f"%!{name}({int(number)})"

    string = Function(call=text)
    return Type(name=f"time.{name}", kind=Kind.INT, methods={"String": string}, defined=True)


MONTH: Final = _named("Month", time_civil.MONTHS, 1)
WEEKDAY: Final = _named("Weekday", time_civil.WEEKDAYS, 0)


class Month(int):
    """Go's time.Month."""

    __slots__ = ()
    go_type = MONTH


class Weekday(int):
    """Go's time.Weekday."""

    __slots__ = ()
    go_type = WEEKDAY


def of_time(time: Type, duration: Type, *, make_duration: Make, make_int64: Make) -> dict[str, Any]:
    """Give the methods of time.Time; the types are those of its arguments."""

    def method(call: Callable[..., object], *parameters: Type) -> Function:
        return Function(call=call, parameters=parameters)

    def unix(scale: int) -> Function:
        return method(lambda when: make_int64(_total(when) // (SECOND // scale)))

    return {
        "Add": method(add, duration),
        "AddDate": method(_add_date, INT, INT, INT),
        "After": method(lambda left, right: _compare(left, right) > 0, time),
        "Before": method(lambda left, right: _compare(left, right) < 0, time),
        "Compare": method(_compare, time),
        "Equal": method(lambda left, right: _compare(left, right) == 0, time),
        "Day": method(lambda when: _date(when)[2]),
        "Format": method(format_as, STRING),
        "GoString": method(as_go),
        "Hour": method(lambda when: _wall(when)[1] // 3600),
        "IsZero": method(lambda when: _since_year_one(when) == 0),
        "Local": method(lambda when: replace(when, zone=UTC)),
        "Minute": method(lambda when: _wall(when)[1] // 60 % 60),
        "Month": method(lambda when: Month(_date(when)[1])),
        "Nanosecond": method(lambda when: when.nanoseconds),
        "Round": method(_round, duration),
        "Second": method(lambda when: _wall(when)[1] % 60),
        "String": method(as_text),
        "Sub": method(lambda one, two: make_duration(clipped(_total(one) - _total(two))), time),
        "Truncate": method(_truncate, duration),
        "UTC": method(lambda when: replace(when, zone=UTC)),
        "Unix": unix(1),
        "UnixMicro": unix(1_000_000),
        "UnixMilli": unix(1_000),
        "UnixNano": unix(SECOND),
        "Weekday": method(lambda when: Weekday((_wall(when)[0] + 4) % 7)),
        "Year": method(lambda when: _date(when)[0]),
        "YearDay": method(lambda when: time_civil.day_of_year(_wall(when)[0])),
    }


def _toward_zero(duration: int, step: int) -> int:
    cut = abs(duration) - abs(duration) % step
    return -cut if duration < 0 else cut


def truncated(duration: int, step: int) -> int:
    """Cut a duration toward zero to a multiple of the step."""
    return _toward_zero(duration, step) if step > 0 else duration


def rounded(duration: int, step: int) -> int:
    """Round a duration to a multiple of the step, halves away from zero."""
    if step <= 0:
        return duration
    size = (abs(duration) + step // 2 + step % 2) // step * step
    if 2 * (abs(duration) % step) < step:
        size = abs(duration) - abs(duration) % step
    return clipped(-size if duration < 0 else size)


def of_duration(duration: Type, *, make_duration: Make, make_int64: Make) -> dict[str, Any]:
    """Give the methods of time.Duration."""

    def method(call: Callable[..., object], *parameters: Type) -> Function:
        return Function(call=call, parameters=parameters)

    def whole(unit: int) -> Function:
        return method(lambda span: make_int64(truncated(span, unit) // unit))

    def parts(unit: int) -> Function:  # as Go adds them: the whole, then the rest
        return method(
            lambda span: (
                float(truncated(span, unit) // unit) + float(span - truncated(span, unit)) / unit
            )
        )

    return {
        "Abs": method(lambda span: make_duration(clipped(abs(span)))),
        "Hours": parts(3600 * SECOND),
        "Microseconds": whole(1_000),
        "Milliseconds": whole(1_000_000),
        "Minutes": parts(60 * SECOND),
        "Nanoseconds": whole(1),
        "Round": method(lambda span, step: make_duration(rounded(span, step)), duration),
        "Seconds": parts(SECOND),
        "String": method(time_layout.duration_text),
        "Truncate": method(lambda span, step: make_duration(truncated(span, step)), duration),
    }
