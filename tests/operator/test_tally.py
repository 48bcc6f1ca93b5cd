"""Counts of the last 24 hours, as they happen and from before."""

from datetime import UTC, datetime, timedelta

from appliance.model.events import Event, EventKind
from appliance.operator.tally import HourlyTally, since

NOW = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def event(
    kind: EventKind = EventKind.ISSUED, ago: timedelta = timedelta(), name: str = ""
) -> Event:
    return Event(at=NOW - ago, kind=kind, operation="sign", subject=name)


def test_hours_are_whole_ones_without_a_gap_and_this_one_is_the_last() -> None:
    tally = HourlyTally()
    tally.note(event(ago=2 * HOUR))
    tally.note(event(EventKind.RENEWED))
    tally.note(event(EventKind.REFUSED))
    tally.note(event(EventKind.REVOKED))
    tally.note(event(EventKind.NOTED))
    hours = tally.activity(NOW, NOW).hours
    assert [each.start for each in hours] == [since(NOW) + number * HOUR for number in range(24)]
    assert hours[-1].start == datetime(2026, 11, 21, 14, tzinfo=UTC)
    last, before = hours[-1], hours[-3]
    assert (last.issued, last.revoked, last.refused, before.issued) == (1, 1, 1, 1)


def test_what_is_too_old_is_forgotten() -> None:
    tally = HourlyTally()
    tally.note(event(ago=30 * HOUR))
    tally.note(event())
    later = tally.activity(NOW + 23 * HOUR, NOW)
    assert [each.issued for each in later.hours] == [1] + [0] * 23
    assert sum(each.issued for each in tally.activity(NOW, NOW).hours) == 1


def test_an_hour_from_a_clock_that_was_ahead_takes_none_of_the_others_away() -> None:
    tally = HourlyTally()
    tally.note(event(ago=-1000 * HOUR))
    tally.note(event(ago=HOUR))
    tally.note(event())
    assert [each.issued for each in tally.activity(NOW, NOW).hours][-2:] == [1, 1]


def test_refusals_are_the_newest_first_whether_noted_or_remembered() -> None:
    tally = HourlyTally()
    for name in ("3", "4"):
        tally.note(event(EventKind.REFUSED, name=name))
    tally.remember(event(EventKind.REFUSED, HOUR, name) for name in ("2", "1"))
    assert [each.subject for each in tally.activity(NOW, NOW).refusals] == ["4", "3", "2", "1"]
