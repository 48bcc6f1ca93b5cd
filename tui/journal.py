"""What the live view shows: a bounded record of events, newest first, filtered, paused.

It knows no widget and no clock. Rows have identities, so a cursor can stay on its row while
others arrive above it.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from appliance.model.events import Event, EventKind, NumberedEvent

CAPACITY: Final = 5000  # rows

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event. Identities rise with time; those of the inventory's rows are below zero."""

    identity: int
    kept: bytes | Event  # as JSON, which takes a third of the room
    words: str  # what a filter looks at, in lower case

    @property
    def event(self) -> Event:
        """What happened."""
        return _decoder.decode(self.kept) if isinstance(self.kept, bytes) else self.kept


class Journal:
    """The rows of the live view."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._rows: deque[Row] = deque()  # newest first
        self._shown: list[Row] = []  # those that pass the filter
        self._waiting: deque[NumberedEvent] = deque(maxlen=capacity)
        self._from_inventory: dict[tuple[int | None, bool, bool], int] = {}
        self._filter: tuple[str, ...] = ()
        self._last = 0
        self.paused = False
        self.skipped = 0  # events that were never seen: the ring forgot them first
        self.left_out = 0  # older ones that were, and are not kept

    @property
    def shown(self) -> Sequence[Row]:
        """The rows that pass the filter, newest first."""
        return self._shown

    @property
    def kept(self) -> int:
        """How many rows there are behind the filter."""
        return len(self._rows)

    @property
    def waiting(self) -> int:
        """How many events have come since the pause."""
        return len(self._waiting)

    @property
    def last(self) -> int:
        """The highest number of an event that was added, shown or waiting."""
        return self._last

    def fill(self, history: Iterable[Event], live: Sequence[NumberedEvent]) -> None:
        """Begin: the past from the inventory, then what the ring still has of it."""
        past = sorted(history, key=lambda event: event.at)
        placed = list(enumerate(past, -len(past)))
        self._from_inventory = {_thing(event): place for place, event in placed}
        self._prepend([_row(place, event) for place, event in placed])
        self._last = live[0].number - 1 if live else 0
        self.add(live)

    def add(self, events: Sequence[NumberedEvent]) -> int:
        """Take new events, oldest first; give how many rows this puts on top of what is shown."""
        if not events:
            return 0
        self.skipped += events[0].number - self._last - 1
        self._last = events[-1].number
        if self.paused:
            self.left_out += max(0, len(self._waiting) + len(events) - self._capacity)
            self._waiting.extend(events)
            return 0
        return self._take(events)

    def pause(self) -> None:
        """Hold still; what happens meanwhile waits."""
        self.paused = True

    def resume(self) -> int:
        """Go on; give how many rows this puts on top of what is shown."""
        self.paused = False
        events = list(self._waiting)
        self._waiting.clear()
        return self._take(events)

    def filter(self, text: str) -> None:
        """Show only rows in which every word of the text occurs; an empty text shows all."""
        self._filter = tuple(text.lower().split())
        self._show_again()

    def _take(self, events: Sequence[NumberedEvent]) -> int:
        self._forget_doubles(events)
        return self._prepend([_row(numbered.number, numbered.event) for numbered in events])

    def _prepend(self, rows: Sequence[Row]) -> int:
        """Put rows (oldest first) on top, dropping at the bottom what is too many."""
        new = list(reversed(rows[-self._capacity :]))
        self.left_out += len(rows) - len(new)
        self._rows.extendleft(reversed(new))
        passing = [row for row in new if self._passes(row)]
        self._shown[:0] = passing
        while len(self._rows) > self._capacity:
            oldest = self._rows.pop()
            self.left_out += 1
            if self._shown and self._shown[-1] is oldest:
                self._shown.pop()
        return len(passing)

    def _forget_doubles(self, events: Iterable[NumberedEvent]) -> None:
        """Drop rows of the inventory that the ring tells, too, and knows better."""
        doubles = {
            identity
            for numbered in events
            if numbered.event.kind is not EventKind.REFUSED
            and (identity := self._from_inventory.pop(_thing(numbered.event), None)) is not None
        }
        if doubles:
            self._rows = deque(row for row in self._rows if row.identity not in doubles)
            self._show_again()

    def _show_again(self) -> None:
        self._shown = [row for row in self._rows if self._passes(row)]

    def _passes(self, row: Row) -> bool:
        return all(word in row.words for word in self._filter)


def _thing(event: Event) -> tuple[int | None, bool, bool]:
    """Say what an event made or ended: a certificate of this serial, or its revocation."""
    return event.serial, event.kind is EventKind.REVOKED, event.is_ssh


def _row(identity: int, event: Event) -> Row:
    serial = () if event.serial is None else (str(event.serial), f"{event.serial:x}")
    words = (
        event.kind,
        event.subject,
        *event.sans,
        f"{event.provisioner_type}/{event.provisioner}",
        *serial,
        event.client,
        *(("ssh", event.certificate_type) if event.is_ssh else ()),
        event.reason,
        event.request_id,
    )
    return Row(identity=identity, kept=_kept(event), words="\n".join(words).lower())


def _kept(event: Event) -> bytes | Event:
    """Write an event; one with text that is no Unicode stays as it is."""
    try:
        return _encoder.encode(event)
    except UnicodeEncodeError:
        return event
