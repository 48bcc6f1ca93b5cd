"""The newest events in memory, for whoever watches; what is written down for good is the store's.

Writers never wait for readers: a reader that comes too late finds a gap in the numbers, and knows
by it how many it has missed.

Of the newest few there are objects; those before them are kept as pages of JSON, which take half
the room and leave no holes among what requests use and give back.
"""

from collections import deque
from collections.abc import Mapping
from threading import Lock
from typing import Final, TypeAlias

import msgspec

from appliance.model.events import Event, EventKind, NumberedEvent
from appliance.operator.tally import HourlyTally

CAPACITY: Final = 4096  # eight seconds at 500 events a second
_PAGE: Final = 256  # events: half a millisecond to write, and large enough to be given back alone

_Page: TypeAlias = bytes | list[NumberedEvent]

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(list[NumberedEvent])


class EventRing:
    """A bounded EventSink that can be asked; every method is callable from any thread."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._newest: list[NumberedEvent] = []
        self._pages: deque[_Page] = deque(maxlen=-(-capacity // _PAGE))  # those before
        self._totals = dict.fromkeys(EventKind, 0)
        self._number = 0
        self.tally = HourlyTally()
        self._turn = Lock()  # the order of numbers must be the order in the ring

    def record(self, event: Event) -> None:
        """Remember the event, forgetting the oldest one when full."""
        with self._turn:
            self._number += 1
            self._totals[event.kind] += 1
            self.tally.note(event)
            self._newest.append(NumberedEvent(number=self._number, event=event))
            if len(self._newest) == _PAGE:
                self._pages.append(_page(self._newest))
                self._newest = []

    def events(self, after: int = 0) -> list[NumberedEvent]:
        """Give the remembered events with a number above `after`, oldest first."""
        with self._turn:
            found, pages = self._newest.copy(), list(self._pages)
            wanted = min(self._number - after, self._capacity)
        if wanted <= 0:
            return []
        while len(found) < wanted and pages:
            found = _events(pages.pop()) + found
        return found[-wanted:]

    @property
    def totals(self) -> Mapping[EventKind, int]:
        """How many there were of each kind since the start, forgotten ones too."""
        return dict(self._totals)


def _page(events: list[NumberedEvent]) -> _Page:
    """Write events; those with text that is no Unicode stay as they are: a sink never raises."""
    try:
        return _encoder.encode(events)
    except UnicodeEncodeError:
        return events


def _events(page: _Page) -> list[NumberedEvent]:
    return _decoder.decode(page) if isinstance(page, bytes) else page
