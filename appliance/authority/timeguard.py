"""Whether the time is to be trusted: a clock without a battery starts in the past.

The latest time ever seen is in the store. It is noted there once a minute, which costs no sync of
its own, and once in ten minutes it is written; what was acknowledged after that is in the journal
with its time. A clock that is behind it signs nothing until it is right again, or a person says
that it is.

    hearth_clock    highest    → the time, and what a confirmation went over, in JSON

A leap ahead is believed when the system says that its clock is synchronised, or after a day, or
when a person says so. Until then it is told as a condition, is not taken for the latest time seen,
and nothing that has an end is removed because of it.
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from appliance.authority import journal
from appliance.authority.gate import Bar, IssuanceGate
from appliance.formats import chain
from appliance.model.conditions import Severity
from appliance.model.errors import FormatError
from appliance.model.journal import JournalEntry
from appliance.model.upkeep import ClockSettings, ClockStatus
from appliance.ports.conditions import ConditionSink
from appliance.ports.store import Put, Store
from appliance.ports.timekeeping import Reading

log = logging.getLogger(__name__)

BUCKET: Final = "hearth_clock"
_KEY: Final = b"highest"
BEHIND: Final = timedelta(minutes=2)  # that a clock may be set back by
AHEAD: Final = timedelta(minutes=15)  # that it may be set forward by, without being asked
ASLEEP: Final = timedelta(days=30)  # that a box may have been off
BELIEVED: Final = 86400.0  # seconds after which a leap is
_NOTED: Final = timedelta(minutes=1)
_WRITTEN: Final = timedelta(minutes=10)
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIME: Final = "%F %H:%M:%S"


class _Row(msgspec.Struct):
    highest: datetime
    over: datetime = _EARLIEST  # times of the journal up to here do not count


class TimeGuard:
    """Looks at the clock every few seconds, and says whether there may be signatures."""

    def __init__(self, store: Store, gate: IssuanceGate, conditions: ConditionSink) -> None:
        self._store, self._gate, self._conditions = store, gate, conditions
        self._settings = ClockSettings()
        self._highest: datetime | None = None
        self._over = _EARLIEST
        self._first: Reading | None = None
        self._last: Reading | None = None
        self._before_leap: Reading | None = None
        self._leapt_at = 0.0
        self._vouched = False  # a person said that this time is right
        self._noted = self._written = _EARLIEST

    def configure(self, settings: ClockSettings) -> None:
        """Go by these settings from the next look on."""
        self._settings = settings

    @property
    def is_believed(self) -> bool:
        """Say whether something may be removed because its time is over."""
        return self._before_leap is None and Bar.CLOCK not in self._gate.bars

    async def load(self, reading: Reading) -> None:
        """Take up what was seen before, and look. Raises Broken."""
        row = _read(await self._store.get(BUCKET, _KEY))
        self._over = row.over if row else _EARLIEST
        seen = [row.highest] if row else []
        if (told := await _last_told(self._store)) and told > self._over:
            seen.append(told)
        self._highest = max(seen, default=None)
        if self._highest is not None and reading.wall - self._highest > ASLEEP:
            self._leap(Reading(wall=self._highest, elapsed=reading.elapsed, synchronized=None))
        self.look(reading)

    def look(self, reading: Reading) -> None:
        """Judge the clock, open or close the gate, and say how it is."""
        self._first = self._first or reading
        if self._last is not None and self._before_leap is None:
            if _ahead(self._last, reading) > AHEAD:
                self._leap(self._last)
        elif self._before_leap is not None and self._is_over(self._before_leap, reading):
            self._before_leap = None
        self._last = reading
        if self._before_leap is None:
            self._highest = max(self._highest or reading.wall, reading.wall)
        self._report(self.status(reading))

    async def keep(self, now: datetime) -> None:
        """Keep the latest time in the store. Raises Broken."""
        highest = self._highest
        if highest is None or highest - self._noted < _NOTED:
            return
        row = [Put(BUCKET, _KEY, msgspec.json.encode(_Row(highest=highest, over=self._over)))]
        if highest - self._written < _WRITTEN:
            await self._store.note(row)
        else:
            await self._store.commit(row)
            self._written = highest
        self._noted = highest

    async def confirm(self, reading: Reading) -> ClockStatus:
        """Take the time for right, whatever was seen before. Raises Broken."""
        told = await _last_told(self._store) or _EARLIEST
        over = max(told, self._highest or _EARLIEST)
        row = _Row(highest=reading.wall, over=over)
        await self._store.commit([Put(BUCKET, _KEY, msgspec.json.encode(row))])
        self._highest, self._over, self._before_leap = reading.wall, over, None
        self._noted = self._written = reading.wall
        self._vouched = True
        self.look(reading)
        return self.status(reading)

    def status(self, reading: Reading) -> ClockStatus:
        """Say how the clock is."""
        ahead = _ahead(self._before_leap, reading) if self._before_leap else timedelta()
        return ClockStatus(
            now=reading.wall,
            highest=self._highest,
            synchronized=reading.synchronized,
            ahead=max(ahead, timedelta()),
            problem=self._problem(reading),
        )

    # ---- judging

    def _leap(self, before: Reading) -> None:
        self._before_leap, self._leapt_at = before, before.elapsed

    def _is_over(self, before: Reading, reading: Reading) -> bool:
        """Say whether a leap was taken back, or is believed now."""
        return (
            _ahead(before, reading) <= AHEAD
            or reading.synchronized is True
            or reading.elapsed - self._leapt_at > BELIEVED
        )

    def _problem(self, reading: Reading) -> str:
        highest = self._highest
        if highest is not None and highest - reading.wall > BEHIND:
            return (
                f"the clock shows {reading.wall:{_TIME}} UTC, and this CA has seen "
                f"{highest:{_TIME}} UTC: it signs nothing until the time is right, or its operator "
                "says that it is (hearth clock confirm)"
            )
        needed = self._settings.require_synchronized and not self._vouched
        if needed and not reading.synchronized:
            running = reading.elapsed - (self._first or reading).elapsed
            if running >= self._settings.grace.total_seconds():
                return (
                    "the clock is not synchronised: this CA signs nothing until it is, or its "
                    "operator says that the time is right (hearth clock confirm)"
                )
        return ""

    def _report(self, status: ClockStatus) -> None:
        known = Bar.CLOCK in self._gate.bars
        if status.problem:
            self._gate.close(Bar.CLOCK, status.problem)
        else:
            self._gate.open(Bar.CLOCK)
        if known is not bool(status.problem):
            log.warning("%s", status.problem or "the time is right again: the CA signs")
        report = self._conditions.report
        report("clock", ok=not status.problem, text=status.problem, severity=Severity.CRITICAL)
        leapt = bool(status.ahead)
        text = f"the clock leapt ahead by {_rounded(status.ahead)}: nothing is removed by its time"
        report("clock-leap", ok=not leapt, text=text if leapt else "")
        first, last = self._first, self._last
        grace = self._settings.grace.total_seconds()
        if first and last and last.elapsed - first.elapsed >= grace:
            off = status.synchronized is False
            text = "the clock is not synchronised to any source of time" if off else ""
            report("clock-sync", ok=not off, text=text, severity=Severity.NOTICE)


def _ahead(before: Reading, reading: Reading) -> timedelta:
    """Give how far the clock is from where it should be since then."""
    return reading.wall - before.wall - timedelta(seconds=reading.elapsed - before.elapsed)


def _rounded(span: timedelta) -> str:
    if span.days:
        return f"{span.days} days"
    return f"{span // timedelta(minutes=1)} minutes"


def _read(value: bytes | None) -> _Row | None:
    try:
        return msgspec.json.decode(value, type=_Row) if value else None
    except msgspec.DecodeError:
        return None


async def _last_told(store: Store) -> datetime | None:
    """Give the time of the last entry of the journal."""
    for key, value in await store.scan(journal.EVENTS, reverse=True, limit=1):
        try:
            entry = chain.read(key, value)
            told = journal.read(
                JournalEntry(number=entry.number, previous=entry.previous, body=entry.body)
            )
        except FormatError:
            return None
        return told.event.at
    return None
