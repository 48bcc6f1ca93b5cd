"""Text read as times by Go's layouts, with Go's own leniencies and messages."""

import re
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final, NoReturn

from appliance.formats.gotemplate import time_civil, time_layout
from appliance.formats.gotemplate.signatures import FunctionError
from appliance.formats.gotemplate.time_layout import quoted

Moment = tuple[int, int, tzinfo]  # seconds, nanoseconds, zone
_DIGITS: Final = "0123456789"
_SIGNED: Final = re.compile(r"[+-][0-9]+")
_UPPER: Final = re.compile(r"[A-Z]{0,6}")
_WRITTEN_OFFSET: Final = {  # element's length without colons to how the offset is written
    3: re.compile(r"(.)(..)()()", re.DOTALL),
    5: re.compile(r"(.)(..)(..)()", re.DOTALL),
    7: re.compile(r"(.)(..)(..)(..)", re.DOTALL),
}
_COLONS: Final = {
    5: re.compile(r"(.)(..):(..)()", re.DOTALL),
    7: re.compile(r"(.)(..):(..):(..)", re.DOTALL),
}


class _Bad(Exception):
    """The text does not fit the element."""


class _OutOfRange(Exception):
    """The text fits, but says something like hour 25."""


@dataclass(slots=True)
class _Found:
    """What has been read so far; -1 is not yet."""

    year: int = 0
    month: int = -1
    day: int = -1
    day_of_year: int = -1
    hour: int = 0
    minute: int = 0
    second: int = 0
    nanoseconds: int = 0
    half: str = ""
    utc: bool = False
    offset: int = -1  # an offset of one second west is lost on Go, too
    zone: str = ""


def parse_time(layout: str, text: str, *, default: tzinfo = UTC, local: tzinfo = UTC) -> Moment:
    """Read a time; without a zone in the text it is one in `default`. Raises FunctionError."""
    found, value = _Found(), text
    pairs = time_layout.chunks(layout)
    for number, (literal, chunk) in enumerate(pairs):
        begun = value
        try:
            value = _skip(value, literal)
        except _Bad as bad:
            _refuse(layout, text, str(bad), literal)
        if not chunk:
            if value:
                raise FunctionError(f"parsing time {quoted(text)}: extra text: {quoted(value)}")
            break
        begun = value
        following = pairs[number + 1][1]
        try:
            value = _read(found, chunk, value, following)
        except _OutOfRange as error:
            raise FunctionError(f"parsing time {quoted(text)}: {error} out of range") from None
        except _Bad:
            _refuse(layout, text, begun, chunk)
    return _moment(found, text, default, local)


def _refuse(layout: str, text: str, rest: str, element: str) -> NoReturn:
    raise FunctionError(
        f"parsing time {quoted(text)} as {quoted(layout)}: "
        f"cannot parse {quoted(rest)} as {quoted(element)}"
    )


def _skip(value: str, literal: str) -> str:
    """Step over literal text; a run of spaces fits any other."""
    while literal:
        if literal[0] == " ":
            if value and value[0] != " ":
                raise _Bad(value)
            literal, value = literal.lstrip(" "), value.lstrip(" ")
        elif not value or value[0] != literal[0]:
            raise _Bad(value)
        else:
            literal, value = literal[1:], value[1:]
    return value


def _read(found: _Found, chunk: str, value: str, following: str) -> str:  # noqa: PLR0911
    if chunk in {"2006", "06"}:
        return _year(found, chunk, value)
    if chunk in {"Jan", "January", "Mon", "Monday", "1", "01"}:
        return _name(found, chunk, value)
    if chunk in {"2", "_2", "02", "__2", "002"}:
        return _day(found, chunk, value)
    if chunk in {"PM", "pm"}:
        return _half(found, chunk, value)
    if chunk == "MST":
        return _zone(found, value)
    if chunk[0] in ".,":
        return _fraction(found, chunk, value)
    if chunk[0] in "Z-":
        return _offset(found, chunk, value)
    return _clock(found, chunk, value, following)


def _half(found: _Found, chunk: str, value: str) -> str:
    half = value[:2]
    if half not in ({"AM", "PM"} if chunk == "PM" else {"am", "pm"}):
        raise _Bad
    found.half = half.upper()
    return value[2:]


def _number(value: str, *, fixed: bool) -> tuple[int, str]:
    """Read one or two digits; two where `fixed`."""
    if not value or value[0] not in _DIGITS:
        raise _Bad
    if len(value) < 2 or value[1] not in _DIGITS:
        if fixed:
            raise _Bad
        return int(value[0]), value[1:]
    return int(value[:2]), value[2:]


def _signed(value: str) -> int:
    digits = value[1:] if value[:1] in {"+", "-"} else value
    if not digits or set(digits) - set(_DIGITS):
        raise _Bad
    return int(value)


def _year(found: _Found, chunk: str, value: str) -> str:
    size = len(chunk)
    if len(value) < size or (size == 4 and value[0] not in _DIGITS):
        raise _Bad
    year = _signed(value[:size])
    found.year = year if size == 4 else year + (1900 if year >= 69 else 2000)
    return value[size:]


def _name(found: _Found, chunk: str, value: str) -> str:
    if chunk in {"1", "01"}:
        found.month, value = _number(value, fixed=chunk == "01")
        if not 1 <= found.month <= 12:
            raise _OutOfRange("month")
        return value
    names = time_civil.MONTHS if chunk[0] == "J" else time_civil.WEEKDAYS
    for number, name in enumerate(names):
        wanted = name[:3] if len(chunk) == 3 else name
        if value[: len(wanted)].isascii() and value[: len(wanted)].lower() == wanted.lower():
            if chunk[0] == "J":
                found.month = number + 1
            return value[len(wanted) :]
    raise _Bad


def _day(found: _Found, chunk: str, value: str) -> str:
    if chunk in {"2", "_2", "02"}:
        value = value.removeprefix(" ") if chunk == "_2" else value
        found.day, value = _number(value, fixed=chunk == "02")
        return value
    if chunk == "__2":
        value = value.removeprefix(" ").removeprefix(" ")
    size = 0
    while size < 3 and value[size : size + 1] and value[size] in _DIGITS:
        size += 1
    if size == 0 or (chunk == "002" and size != 3):
        raise _Bad
    found.day_of_year = int(value[:size])
    return value[size:]


def _clock(found: _Found, chunk: str, value: str, following: str) -> str:
    number, value = _number(value, fixed=chunk in {"03", "04", "05"})
    if chunk in {"15", "3", "03"}:
        if number > (23 if chunk == "15" else 12):
            raise _OutOfRange("hour")
        found.hour = number
    elif number > 59:
        raise _OutOfRange("minute" if chunk in {"4", "04"} else "second")
    elif chunk in {"4", "04"}:
        found.minute = number
    else:
        found.second = number
        if following[:1] not in {".", ","}:  # digits that the layout does not expect are taken
            value = _fraction(found, ".9", value)
    return value


def _fraction(found: _Found, chunk: str, value: str) -> str:
    if chunk[1] == "0":
        if len(value) < len(chunk):
            raise _Bad
        size = len(chunk)
    elif len(value) < 2 or value[0] not in ".," or value[1] not in _DIGITS:
        return value
    else:
        size = 1
        while size < len(value) and value[size] in _DIGITS:
            size += 1
    if value[0] not in ".,":
        raise _Bad
    digits = value[1:size][:9]
    number = _signed(digits)
    if number < 0:
        raise _OutOfRange("fractional second")
    found.nanoseconds = number * 10 ** (9 - len(digits))
    return value[size:]


def _offset(found: _Found, chunk: str, value: str) -> str:
    if chunk[0] == "Z" and value.startswith("Z"):
        found.utc = True
        return value[1:]
    size = len(chunk.replace(":", ""))
    match = (_COLONS if ":" in chunk else _WRITTEN_OFFSET)[size].match(value)
    if match is None:
        raise _Bad
    numbers = [_pair(part) for part in match.group(2, 3, 4)]
    for number, most, what in zip(numbers, (24, 60, 60), ("hour", "minute", "second"), strict=True):
        if number is not None and number > most:
            raise _OutOfRange(f"time zone offset {what}")
    if None in numbers or match[1] not in "+-":
        raise _Bad
    hours, minutes, seconds = (number or 0 for number in numbers)
    away = hours * 3600 + minutes * 60 + seconds
    found.offset = -away if match[1] == "-" else away
    return value[match.end() :]


def _pair(digits: str) -> int | None:
    if set(digits) - set(_DIGITS):
        return None
    return int(digits or "0")


def _zone(found: _Found, value: str) -> str:
    if value.startswith("UTC"):
        found.utc = True
        return value[3:]
    size = _zone_length(value)
    if not size:
        raise _Bad
    found.zone = value[:size]
    return value[size:]


def _zone_length(value: str) -> int:
    """Tell how much looks like an abbreviation: three capitals, or four or five with a T last."""
    if len(value) < 3:
        return 0
    if value[:4] in {"ChST", "MeST"}:
        return 4
    if value.startswith("GMT"):
        return 3 + _signed_length(value[3:])
    if value[0] in "+-":
        return _signed_length(value)
    match = _UPPER.match(value)
    capitals = match.end() if match else 0
    if capitals == 3 or (capitals == 5 and value[4] == "T"):
        return capitals
    return 4 if capitals == 4 and (value[3] == "T" or value[:4] == "WITA") else 0


def _signed_length(value: str) -> int:
    match = _SIGNED.match(value)
    return match.end() if match and int(match[0][1:20]) <= 23 else 0


def _moment(found: _Found, text: str, default: tzinfo, local: tzinfo) -> Moment:
    if found.half == "PM" and found.hour < 12:
        found.hour += 12
    elif found.half == "AM" and found.hour == 12:
        found.hour = 0
    month, day = _date(found, text)
    if not 1 <= day <= time_civil.days_in(found.year, month):
        raise FunctionError(f"parsing time {quoted(text)}: day out of range")
    days = time_civil.days_of(found.year, month, day)
    seconds = days * time_civil.DAY + found.hour * 3600 + found.minute * 60 + found.second
    if found.utc:
        return seconds, found.nanoseconds, UTC
    if found.offset != -1:
        name, offset = time_civil.offset_at(local, seconds - found.offset)
        same = offset == found.offset and found.zone in {"", name}
        zone = local if same else time_civil.FixedZone(found.zone, found.offset)
        return seconds - found.offset, found.nanoseconds, zone
    if found.zone:
        return _abbreviated(found, seconds, local)
    return time_civil.from_wall(default, seconds), found.nanoseconds, default


def _abbreviated(found: _Found, seconds: int, local: tzinfo) -> Moment:
    """Place a time whose zone is only an abbreviation: its offset is known in `local` at best."""
    offset = time_civil.offset_of(local, found.zone, seconds)
    if offset is not None:
        return seconds - offset, found.nanoseconds, local
    hours = int(found.zone[3:]) if found.zone[:3] == "GMT" and len(found.zone) > 3 else 0
    return seconds, found.nanoseconds, time_civil.FixedZone(found.zone, hours * 3600)


def _date(found: _Found, text: str) -> tuple[int, int]:
    if found.day_of_year < 0:
        return max(found.month, 1) if found.month >= 0 else 1, found.day if found.day >= 0 else 1
    first = time_civil.days_of(found.year, 1, 1)
    length = time_civil.days_of(found.year + 1, 1, 1) - first
    if not 1 <= found.day_of_year <= length:
        raise FunctionError(f"parsing time {quoted(text)}: day-of-year out of range")
    _, month, day = time_civil.date_of(first + found.day_of_year - 1)
    if found.month >= 0 and found.month != month:
        raise FunctionError(f"parsing time {quoted(text)}: day-of-year does not match month")
    if found.day >= 0 and found.day != day:
        raise FunctionError(f"parsing time {quoted(text)}: day-of-year does not match day")
    return month, day
