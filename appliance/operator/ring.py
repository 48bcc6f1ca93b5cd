"""The newest events in memory, for whoever watches; what is written down for good is the store's.

Writers never wait for readers: a reader that comes too late finds a gap in the numbers, and knows
by it how many it has missed.
"""

from collections import deque
from collections.abc import Mapping
from threading import Lock
from typing import Final

from appliance.model.events import Event, EventKind, NumberedEvent
from appliance.operator.tally import HourlyTally

CAPACITY: Final = 4096  # eight seconds at 500 events a second


class EventRing:
    """A bounded EventSink that can be asked; every method is callable from any thread."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._events: deque[NumberedEvent] = deque(maxlen=capacity)
        self._totals = dict.fromkeys(EventKind, 0)
        self._number = 0
        self.tally = HourlyTally()
        self._writing = Lock()  # the order of numbers must be the order in the ring

    def record(self, event: Event) -> None:
        """Remember the event, forgetting the oldest one when full."""
        with self._writing:
            self._number += 1
            self._totals[event.kind] += 1
            self.tally.note(event)
            self._events.append(NumberedEvent(number=self._number, event=event))

    def events(self, after: int = 0) -> list[NumberedEvent]:
        """Give the remembered events with a number above `after`, oldest first."""
        remembered = list(self._events)  # one step under the interpreter's lock: no torn view
        if not remembered:
            return remembered
        wanted = remembered[-1].number - after
        return remembered[-wanted:] if wanted > 0 else []

    @property
    def totals(self) -> Mapping[EventKind, int]:
        """How many there were of each kind since the start, forgotten ones too."""
        return dict(self._totals)
