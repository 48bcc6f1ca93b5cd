"""The newest events in memory, for whoever watches; what is written down for good is the store's.

Writers never wait for readers: a reader that comes too late finds a gap in the numbers, and knows
by it how many it has missed.
"""

from collections.abc import Mapping
from threading import Lock
from typing import Final

from appliance.model.events import Event, EventKind, NumberedEvent
from appliance.operator.pages import Pages
from appliance.operator.tally import HourlyTally

CAPACITY: Final = 4096  # eight seconds at 500 events a second
_AT_ONCE: Final = 512  # events that a reader is given: they take a few milliseconds to read


class EventRing:
    """A bounded EventSink that can be asked; every method is callable from any thread."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._events = Pages(NumberedEvent, capacity)
        self._totals = dict.fromkeys(EventKind, 0)
        self.tally = HourlyTally()
        self._turn = Lock()  # the order of numbers must be the order in the ring

    def record(self, event: Event) -> None:
        """Remember the event, forgetting the oldest one when full."""
        with self._turn:
            self._totals[event.kind] += 1
            self.tally.note(event)
            self._events.add(NumberedEvent(number=self._events.last + 1, event=event))

    def events(self, after: int = 0) -> list[NumberedEvent]:
        """Give the next remembered events with a number above `after`, oldest first.

        Those are some hundreds at most, and none only where there are no more.
        """
        with self._turn:
            found = self._events.after(after, _AT_ONCE)
        return list(found)

    @property
    def totals(self) -> Mapping[EventKind, int]:
        """How many there were of each kind since the start, forgotten ones too."""
        return dict(self._totals)
