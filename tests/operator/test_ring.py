"""The ring of events: bounded, numbered without a hole, callable from any thread."""

from datetime import UTC, datetime
from threading import Thread

import msgspec
import pytest

from appliance.model.events import Event, EventKind, NumberedEvent
from appliance.operator.ring import EventRing


def event(kind: EventKind = EventKind.ISSUED, subject: str = "") -> Event:
    return Event(at=datetime(2026, 1, 1, tzinfo=UTC), kind=kind, operation="sign", subject=subject)


def all_events(ring: EventRing, after: int = 0) -> list[NumberedEvent]:
    found: list[NumberedEvent] = []
    while more := ring.events(found[-1].number if found else after):
        found += more
    return found


def test_numbers_rise_by_one_from_one() -> None:
    ring = EventRing()
    for _ in range(3):
        ring.record(event())
    assert [numbered.number for numbered in ring.events()] == [1, 2, 3]


@pytest.mark.parametrize(("after", "numbers"), [(0, [3, 4, 5]), (3, [4, 5]), (5, []), (9, [])])
def test_a_reader_gets_what_it_has_not_seen_and_sees_the_gap(
    after: int, numbers: list[int]
) -> None:
    ring = EventRing(capacity=3)
    for _ in range(5):
        ring.record(event())
    assert [numbered.number for numbered in ring.events(after)] == numbers


@pytest.mark.parametrize("subject", ["host.test", "\ud800"])
def test_of_more_than_a_few_pages_it_gives_the_newest_as_they_were(subject: str) -> None:
    """They are kept as JSON, which has no room for text that is no Unicode."""
    ring = EventRing(capacity=600)
    told = [msgspec.structs.replace(event(subject=subject), serial=2**150 + n) for n in range(1100)]
    for each in told:
        ring.record(each)
    assert [numbered.event for numbered in all_events(ring)] == told[-600:]
    assert [numbered.number for numbered in all_events(ring, 700)] == list(range(701, 1101))


def test_an_empty_ring_gives_nothing() -> None:
    assert EventRing().events() == []


def test_totals_count_forgotten_events_too() -> None:
    ring = EventRing(capacity=2)
    for kind in (EventKind.ISSUED, EventKind.ISSUED, EventKind.ISSUED, EventKind.REFUSED):
        ring.record(event(kind))
    none = dict.fromkeys(EventKind, 0)
    assert ring.totals == none | {EventKind.ISSUED: 3, EventKind.REFUSED: 1}


def test_many_threads_write_while_one_reads_and_nothing_is_missed_or_doubled() -> None:
    ring = EventRing(capacity=10_000)

    def write() -> None:
        for _ in range(500):
            ring.record(event())

    writers = [Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    seen: list[int] = []
    while any(writer.is_alive() for writer in writers):
        seen += [numbered.number for numbered in ring.events(seen[-1] if seen else 0)]
    seen += [numbered.number for numbered in all_events(ring, seen[-1] if seen else 0)]
    assert seen == list(range(1, 2_001))
