"""The two forms in which a request may ask for an end of validity: RFC 3339, or a Go duration."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from appliance.formats import goduration
from appliance.model.errors import FormatError
from appliance.model.validity import TimeOrDuration

_RFC_3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)


def parse(text: str) -> TimeOrDuration:
    """Read what a request asks for; `""` and a duration of nothing both ask for nothing.

    Times come out in UTC. Raises FormatError.
    """
    if not text:
        return None
    if _RFC_3339.fullmatch(text):
        return parse_time(text)
    try:
        return goduration.parse(text) or None
    except FormatError:
        raise FormatError(
            f"failed to parse {text[:80]}: neither an RFC 3339 time nor a duration"
        ) from None


def moment(text: str, *, now: datetime) -> datetime | None:
    """Read the same for use here and now: a duration counts from `now`. Raises FormatError."""
    value = parse(text)
    if value is None:
        return now if text else None
    try:
        return now + value if isinstance(value, timedelta) else value
    except OverflowError:
        raise FormatError(f"{text} from now is out of range") from None


def format_time(moment: datetime) -> str:
    """Write a time in UTC with as many decimals as there are (Go's RFC3339Nano)."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


@lru_cache(maxsize=1000)  # rows are read again and again
def parse_time(text: str) -> datetime:
    """Read an RFC 3339 time as strictly as Go does, into UTC. Raises FormatError."""
    match = _RFC_3339.fullmatch(text)
    if match is None:
        raise FormatError(f"{text[:80]!r} is not an RFC 3339 time such as 2030-01-31T12:00:00Z")
    year, month, day, hour, minute, second = (int(match[group]) for group in range(1, 7))
    microsecond = int((match[7] or "0")[:6].ljust(6, "0"))
    try:
        local = datetime(year, month, day, hour, minute, second, microsecond, tzinfo=UTC)
        if match[8] is None:
            return local
        hours, minutes = int(match[9]), int(match[10])
        if hours > 24 or minutes > 59:
            raise FormatError(f"{text!r} has an impossible offset from UTC")
        offset = timedelta(hours=hours, minutes=minutes)
        return local - offset if match[8] == "+" else local + offset
    except (ValueError, OverflowError):
        raise FormatError(f"{text!r} is no time of the calendar") from None
