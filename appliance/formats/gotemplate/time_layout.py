"""Times as text by Go's layouts: a layout is the reference time, Mon Jan 2 15:04:05 MST 2006."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Final

from appliance.formats.gotemplate import time_civil

RFC_3339: Final = "2006-01-02T15:04:05Z07:00"
RFC_3339_NANO: Final = "2006-01-02T15:04:05.999999999Z07:00"
PLAIN: Final = "2006-01-02 15:04:05.999999999 -0700 MST"  # what printing a time gives
_CHUNK: Final = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|0[1-6]|002|15|1|2006|2|_2(?!006)|__2|3|4|5|PM|pm"
    r"|-070000|-07:00:00|-0700|-07:00|-07|Z070000|Z07:00:00|Z0700|Z07:00|Z07"
    r"|[.,](?:0+|9+)(?![0-9])"
)


@lru_cache(maxsize=128)
def chunks(layout: str) -> tuple[tuple[str, str], ...]:
    """Cut a layout into pairs of literal text and the element behind it, the last one empty."""
    pairs: list[tuple[str, str]] = []
    at = 0
    for match in _CHUNK.finditer(layout):
        pairs.append((layout[at : match.start()], match[0]))
        at = match.end()
    return (*pairs, (layout[at:], ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """An instant as the clocks of its zone show it."""

    year: int
    month: int
    day: int
    weekday: int
    days: int
    second_of_day: int
    nanoseconds: int
    zone: str
    offset: int

    @property
    def hour(self) -> int:
        return self.second_of_day // 3600

    @property
    def hour_12(self) -> int:
        return self.hour % 12 or 12

    @property
    def minute(self) -> int:
        return self.second_of_day // 60 % 60

    @property
    def second(self) -> int:
        return self.second_of_day % 60


def format_time(seconds: int, nanoseconds: int, zone: tzinfo, layout: str) -> str:
    """Write an instant in its zone by a layout."""
    name, offset = time_civil.offset_at(zone, seconds)
    days, second_of_day = divmod(seconds + offset, time_civil.DAY)
    year, month, day = time_civil.date_of(days)
    shown = _Shown(
        year=year,
        month=month,
        day=day,
        weekday=(days + 4) % 7,  # 1970 began on a Thursday
        days=days,
        second_of_day=second_of_day,
        nanoseconds=nanoseconds,
        zone=name,
        offset=offset,
    )
    return "".join(literal + _element(shown, chunk) for literal, chunk in chunks(layout))


def plain(seconds: int, nanoseconds: int, zone: tzinfo = UTC) -> str:
    """Write an instant as Go prints it."""
    return format_time(seconds, nanoseconds, zone, PLAIN)


def _element(shown: _Shown, chunk: str) -> str:
    if not chunk:
        return ""
    writer = _WRITERS.get(chunk)
    if writer is not None:
        return writer(shown)
    return _fraction(shown, chunk) if chunk[0] in ".," else _offset(shown, chunk)


def _padded(number: int, width: int) -> str:
    return f"-{-number:0{width}}" if number < 0 else f"{number:0{width}}"


_WRITERS: Final[dict[str, Callable[[_Shown], str]]] = {
    "January": lambda shown: time_civil.MONTHS[shown.month - 1],
    "Jan": lambda shown: time_civil.MONTHS[shown.month - 1][:3],
    "1": lambda shown: str(shown.month),
    "01": lambda shown: f"{shown.month:02}",
    "Monday": lambda shown: time_civil.WEEKDAYS[shown.weekday],
    "Mon": lambda shown: time_civil.WEEKDAYS[shown.weekday][:3],
    "2": lambda shown: str(shown.day),
    "_2": lambda shown: f"{shown.day:2}",
    "02": lambda shown: f"{shown.day:02}",
    "__2": lambda shown: f"{time_civil.day_of_year(shown.days):3}",
    "002": lambda shown: f"{time_civil.day_of_year(shown.days):03}",
    "15": lambda shown: f"{shown.hour:02}",
    "3": lambda shown: str(shown.hour_12),
    "03": lambda shown: f"{shown.hour_12:02}",
    "4": lambda shown: str(shown.minute),
    "04": lambda shown: f"{shown.minute:02}",
    "5": lambda shown: str(shown.second),
    "05": lambda shown: f"{shown.second:02}",
    "2006": lambda shown: _padded(shown.year, 4),
    "06": lambda shown: f"{abs(shown.year) % 100:02}",
    "PM": lambda shown: "PM" if shown.hour >= 12 else "AM",
    "pm": lambda shown: "pm" if shown.hour >= 12 else "am",
    "MST": lambda shown: shown.zone or _offset(shown, "-0700"),
}


def _offset(shown: _Shown, chunk: str) -> str:
    """Write the offset from UTC; an element that begins with Z writes `Z` for none."""
    if chunk[0] == "Z" and shown.offset == 0:
        return "Z"
    away = abs(shown.offset)
    minutes = away // 60
    colon = ":" if ":" in chunk else ""
    text = ("-" if shown.offset <= -60 else "+") + f"{minutes // 60:02}"
    size = len(chunk.replace(":", ""))
    if size > 3:
        text += f"{colon}{minutes % 60:02}"
    return f"{text}{colon}{away % 60:02}" if size > 5 else text


def _fraction(shown: _Shown, chunk: str) -> str:
    digits = f"{shown.nanoseconds:09}"[: len(chunk) - 1]
    if chunk[1] == "0":
        return chunk[0] + digits
    digits = digits.rstrip("0")
    return chunk[0] + digits if digits else ""


def quoted(text: str) -> str:
    """Write a text as the messages about times do: ASCII, other octets as escapes."""
    shown = []
    for octet in text.encode("utf-8", "surrogateescape"):
        if 0x20 <= octet < 0x80:
            shown.append(f"\\{octet:c}" if octet in b'"\\' else chr(octet))
        else:
            shown.append(f"\\x{octet:02x}")
    return '"' + "".join(shown) + '"'


def duration_text(nanoseconds: int) -> str:
    """Write a duration as Go prints it: `1h15m30.918s`, `1.5µs`, `0s`."""
    if nanoseconds == 0:
        return "0s"
    sign, size = ("-" if nanoseconds < 0 else ""), abs(nanoseconds)
    if size < 1_000_000_000:
        unit, scale = next(
            pair for pair in (("ns", 1), ("µs", 1000), ("ms", 1_000_000)) if size < pair[1] * 1000
        )
        return f"{sign}{_decimal(size, scale)}{unit}"
    minutes, rest = divmod(size, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, 1_000_000_000)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else sign + text


def _decimal(number: int, scale: int) -> str:
    whole, rest = divmod(number, scale)
    digits = str(rest).rjust(len(str(scale)) - 1, "0").rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)
