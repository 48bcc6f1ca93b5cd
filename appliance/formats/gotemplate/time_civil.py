"""Days, clocks and zones as Go's time package counts them: years of any size, Gregorian throughout.

An instant is a number of seconds since 1970 in UTC. IANA zones come from Python's zoneinfo; the
zone `Local` is UTC, since a certificate must not depend on where its authority runs.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

DAY: Final = 86_400  # seconds
MONTHS: Final = [
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
]  # fmt: skip
WEEKDAYS: Final = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = -62_135_510_400  # a day inside what datetime can hold
_LAST: Final = 253_402_214_400
_CYCLE: Final = 146_097 * DAY
_QUARTER: Final = 91 * DAY
_YEAR: Final = 31_556_952


@dataclass(frozen=True, slots=True)
class FixedZone(tzinfo):
    """A zone with one offset east of UTC, in seconds; it may have no abbreviation."""

    label: str
    offset: int

    def utcoffset(self, _moment: datetime | None, /) -> timedelta:
        """Give the offset."""
        return timedelta(seconds=self.offset)

    def dst(self, _moment: datetime | None, /) -> None:
        """Say that summer time is not known."""

    def tzname(self, _moment: datetime | None, /) -> str:
        """Give the abbreviation."""
        return self.label


def zone_named(name: str) -> tzinfo | None:
    """Find a zone by its IANA name; None for one that there is not."""
    if name in {"", "UTC", "Local"}:
        return UTC
    if ".." in name or name[0] in "/\\" or "\x00" in name:
        return None
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # a folder's name is an OSError
        return None


def offset_at(zone: tzinfo, seconds: int) -> tuple[str, int]:
    """Give a zone's abbreviation and seconds east of UTC at an instant."""
    if zone is UTC:
        return "UTC", 0
    if isinstance(zone, FixedZone):
        return zone.label, zone.offset
    if seconds > _LAST:  # the calendar comes round every 400 years, weekdays too
        seconds = _LAST - (_LAST - seconds) % _CYCLE
    there = (_EPOCH + timedelta(seconds=max(seconds, _FIRST))).astimezone(zone)
    offset = there.utcoffset() or timedelta()
    return there.tzname() or "", offset // timedelta(seconds=1)


def from_wall(zone: tzinfo, seconds: int) -> int:
    """Turn what a zone's clocks show (counted as if in UTC) into an instant, as Go's Date does."""
    offset = offset_at(zone, seconds)[1]
    return seconds - offset_at(zone, seconds - offset)[1] if offset else seconds


def offset_of(zone: tzinfo, abbreviation: str, seconds: int) -> int | None:
    """Find the offset that an abbreviation has in a zone, best at that instant."""
    nearby = [seconds + quarter * _QUARTER for quarter in range(-4, 5)]
    years = [year * _YEAR + half for year in range(68) for half in (0, _YEAR // 2)]
    seen = [offset_at(zone, moment) for moment in nearby]
    seen += (
        [] if zone is UTC or isinstance(zone, FixedZone) else [offset_at(zone, y) for y in years]
    )
    offsets = [offset for name, offset in seen if name == abbreviation]
    for offset in offsets:
        if offset_at(zone, seconds - offset)[0] == abbreviation:
            return offset
    return offsets[0] if offsets else None


def days_of(year: int, month: int, day: int) -> int:
    """Count the days since 1970 of a date; months and days beyond their range carry over."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    year -= month <= 2  # years that begin in March have their leap day last
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def date_of(days: int) -> tuple[int, int, int]:
    """Give year, month and day of a count of days since 1970."""
    era, of_era = divmod(days + 719_468, 146_097)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + (3 if shifted < 10 else -9)
    return year + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


def days_in(year: int, month: int) -> int:
    """Give the length of a month."""
    return days_of(year, month + 1, 1) - days_of(year, month, 1)


def day_of_year(days: int) -> int:
    """Give the number of a day in its year, from 1."""
    return days - days_of(date_of(days)[0], 1, 1) + 1
