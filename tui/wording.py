"""How the console says things: state as a shape and a word, spans, times, serials.

Names in certificates come from strangers, so whatever goes to the terminal goes through
`printable` first.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from appliance.model.events import Event, EventKind

SHAPES: Final = {
    EventKind.ISSUED: "●",
    EventKind.RENEWED: "○",
    EventKind.REKEYED: "◇",
    EventKind.REVOKED: "▲",
    EventKind.REFUSED: "■",
    EventKind.WARNED: "△",
    EventKind.NOTED: "□",
}
GOOD: Final = "●"
LOOK: Final = "▲"
ACT: Final = "■"

_UNITS: Final = (
    (timedelta(days=730), timedelta(days=365), "y"),
    (timedelta(hours=48), timedelta(days=1), "d"),
    (timedelta(hours=2), timedelta(hours=1), "h"),
    (timedelta(minutes=2), timedelta(minutes=1), "min"),
    (timedelta(seconds=1), timedelta(seconds=1), "s"),
)
_LONG_UNITS: Final = (
    (timedelta(days=365), "y"),
    (timedelta(days=1), "d"),
    (timedelta(hours=1), "h"),
    (timedelta(minutes=1), "min"),
    (timedelta(seconds=1), "s"),
)


def printable(text: str) -> str:
    """Replace what would steer the terminal or the direction of writing."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def plain(text: str) -> Text:
    """Give a text that is shown as it is, where Textual would read brackets as markup."""
    return Text(printable(text))


def fit(text: str, width: int) -> str:
    """Cut or fill to exactly so many cells; what is cut off shows as an ellipsis."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


def fit_right(text: str, width: int) -> str:
    """Cut or fill as `fit` does, aligned right."""
    return " " * (width - cell_len(text)) + text if cell_len(text) <= width else fit(text, width)


def span(length: timedelta) -> str:
    """Say a length of time in its largest fitting unit, rounded: `24 h`, `90 d`, `10 y`."""
    for least, unit, name in _UNITS:
        if length >= least:
            return f"{round(length / unit)} {name}"
    return f"{round(length / timedelta(milliseconds=1))} ms" if length > timedelta() else "0 s"


def long_span(length: timedelta) -> str:
    """Say a length of time in its two largest units, cut: `3 h 12 min`, `9 y 364 d`."""
    parts: list[str] = []
    rest = max(length, timedelta())
    for unit, name in _LONG_UNITS:
        count, rest = divmod(rest, unit)
        if count or parts:
            parts.append(f"{count} {name}")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if not part.startswith("0 ")) or "0 s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """How times are said: `zone` None is that of the machine, `now` is the appliance's time."""

    zone: tzinfo | None
    now: datetime

    def clock(self, at: datetime) -> str:
        """Say the time of day."""
        return f"{at.astimezone(self.zone):%H:%M:%S}"

    def full(self, at: datetime) -> str:
        """Say date, time and zone."""
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M:%S %Z}"

    def brief(self, at: datetime) -> str:
        """Say the time if it is today's, else the day, in at most eight cells."""
        there, here = at.astimezone(self.zone), self.now.astimezone(self.zone)
        if there.date() == here.date():
            return f"{there:%H:%M:%S}"
        return f"{there:%d %b}" if there.year == here.year else f"{there:%b %Y}"

    def relative(self, at: datetime) -> str:
        """Say how far away: `in 23 h`, `5 min ago`."""
        if at > self.now:
            return f"in {span(at - self.now)}"
        past = self.now - at
        return f"{span(past)} ago" if past >= timedelta(seconds=1) else "just now"


def serial_end(serial: int | None) -> str:
    """Give the end of the decimal serial, as far as a person compares it."""
    return "" if serial is None else f"…{serial % 10**8:08d}"


def provisioner(event: Event) -> str:
    """Name a provisioner with its type: `jwk/admin`."""
    return "/".join(filter(None, (event.provisioner_type.lower(), printable(event.provisioner))))


def validity(event: Event) -> str:
    """Say how long the certificate of an event is valid for."""
    if event.not_before is None or event.not_after is None:
        return ""
    return span(event.not_after - event.not_before)


def subject(event: Event, width: int) -> str:
    """Name whom it is about: the subject, as many more SANs as there is room for, then how many.

    `nas.home.arpa, 192.0.2.7 +2`, of an SSH certificate `ssh anna, admin`
    """
    return subject_of("ssh " if event.is_ssh else "", (event.subject, *event.sans), width)


def subject_of(lead: str, given: Iterable[str], width: int) -> str:
    """Name as many as there is room for after `lead`, then how many more there are."""
    names = [printable(name) for name in dict.fromkeys(given) if name]
    if not names:
        return f"{lead}no name"
    shown = lead + names[0]
    for count, name in enumerate(names[1:], 1):
        left = len(names) - 1 - count
        tail = f" +{left}" if left else ""
        if cell_len(f"{shown}, {name}{tail}") > width:
            more = f" +{left + 1}"
            return fit(shown, width - len(more)).rstrip() + more
        shown = f"{shown}, {name}"
    return shown


def count(number: int) -> str:
    """Write a number with its thousands apart."""
    return f"{number:,}"


def size(octets: int) -> str:
    """Say how large something is, in its largest fitting unit."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if octets >= unit:
            return f"{octets / unit:.1f} {name}"
    return f"{octets} B"
