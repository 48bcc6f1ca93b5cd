"""What happened in each of the last hours, counted as it happens."""

from collections import Counter, deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from appliance.model.activity import Activity, Hour
from appliance.model.events import Event, EventKind

HOURS: Final = 24
_LENGTH: Final = 3600  # seconds
_REFUSALS: Final = 20
_ISSUED: Final = (EventKind.ISSUED, EventKind.RENEWED, EventKind.REKEYED)


class HourlyTally:
    """Counts of the last hours. It waits for nobody, and keeps no more than it shows."""

    def __init__(self) -> None:
        self._counts: dict[int, Counter[EventKind]] = {}
        self._refusals: deque[Event] = deque(maxlen=_REFUSALS)  # the newest first

    def note(self, event: Event) -> None:
        """Count an event that happened now."""
        self._count(event)
        if event.kind is EventKind.REFUSED:
            self._refusals.appendleft(event)

    def remember(self, events: Iterable[Event]) -> None:
        """Count events from before all that were noted, given newest first."""
        for event in events:
            self._count(event)
            if event.kind is EventKind.REFUSED and len(self._refusals) < _REFUSALS:
                self._refusals.append(event)

    def activity(self, now: datetime, known_since: datetime) -> Activity:
        """Give the last hours as of now."""
        last = _hour(now)
        return Activity(
            hours=tuple(self._hour(number) for number in range(last - HOURS + 1, last + 1)),
            known_since=known_since,
            refusals=tuple(self._refusals.copy()),
        )

    def _count(self, event: Event) -> None:
        number = _hour(event.at)
        if (counts := self._counts.get(number)) is None:
            counts = self._counts[number] = Counter()
            for old in [each for each in self._counts if each <= number - HOURS]:
                del self._counts[old]
        counts[event.kind] += 1

    def _hour(self, number: int) -> Hour:
        counts = self._counts.get(number) or Counter()
        return Hour(
            start=datetime.fromtimestamp(number * _LENGTH, UTC),
            issued=sum(counts[kind] for kind in _ISSUED),
            revoked=counts[EventKind.REVOKED],
            refused=counts[EventKind.REFUSED],
        )


def since(now: datetime) -> datetime:
    """Give when the first of the hours that are shown now began."""
    return datetime.fromtimestamp((_hour(now) - HOURS + 1) * _LENGTH, UTC)


def _hour(moment: datetime) -> int:
    return int(moment.timestamp()) // _LENGTH
