"""Lines of certificates are kept small, and come back as they were."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from appliance.authority.alerts.habits import Line
from appliance.authority.alerts.lines import Lines
from appliance.model.events import Event, EventKind
from appliance.ports.store import Delete, Put
from appliance.stores.memory import MemoryStore

START = datetime(2026, 3, 1, 12, 0, 0, 250_001, tzinfo=UTC)
DAY = timedelta(days=1)
FOREVER = datetime.max.replace(tzinfo=UTC)


def issued(
    serial: int, at: datetime = START, end: datetime | None = None, name: str = "nas.home.arpa"
) -> Event:
    return Event(
        at=at,
        kind=EventKind.ISSUED,
        operation="sign",
        sans=(name, "10.0.0.7"),
        serial=serial,
        not_after=(end or at + DAY).replace(microsecond=0),
    )


def rows(lines: Lines) -> list[Line]:
    changed = [each for each in lines.changes(100) if isinstance(each, Put)]
    return [msgspec.json.decode(each.value, type=Line) for each in changed]


async def test_a_row_tells_all_that_was_heard_of_a_line() -> None:
    lines, serial = Lines(MemoryStore()), (1 << 127) + 5
    lines.heard(issued(1))
    lines.heard(issued(serial, START + DAY / 2))
    (found,) = rows(lines)
    assert (found.names, found.serial) == (("10.0.0.7", "nas.home.arpa"), serial)
    assert (found.issued_at, found.not_after.microsecond) == (START + DAY / 2, 0)
    assert len(found.waits) == 1
    assert 0.49 < found.waits[0] < 0.51


async def test_a_line_that_is_read_back_goes_on_and_is_late_as_before() -> None:
    store = MemoryStore()
    before, after = Lines(store), Lines(store)
    before.heard(issued(1))
    before.heard(issued(2, START + DAY / 2))
    await store.commit(before.changes(100))
    await after.load()
    late = START + DAY * 1.45
    told = [each.text for each in before.findings(late, START)]
    assert [each.text for each in after.findings(late, START)] == told
    assert len(told) == 1
    assert not list(after.findings(START + DAY, START))


async def test_changes_come_some_at_a_time_and_none_that_was_not_written_is_lost() -> None:
    lines = Lines(MemoryStore())
    for number in range(5):
        lines.heard(issued(number + 1, name=f"pc{number}"))
    first = lines.changes(2)
    assert lines.changes(2) == first  # it could not be written
    lines.written()
    rest = lines.changes(100)
    assert (len(first), len(rest)) == (2, 3)
    assert not [each for each in rest if each in first]
    lines.written()
    assert not lines.changes(100)


async def test_the_end_of_its_certificate_ends_a_line() -> None:
    lines = Lines(MemoryStore())
    lines.heard(issued(7))
    for other in (8, 1 << 400):
        lines.heard(Event(at=START, kind=EventKind.REVOKED, operation="revoke", serial=other))
    assert len(lines) == 1
    lines.heard(Event(at=START, kind=EventKind.REVOKED, operation="revoke", serial=7))
    assert len(lines) == 0
    (removed,) = lines.changes(100)
    assert isinstance(removed, Delete)


async def test_after_the_end_of_its_certificate_a_line_begins_anew() -> None:
    lines = Lines(MemoryStore())
    lines.heard(issued(7))
    lines.heard(Event(at=START, kind=EventKind.REVOKED, operation="revoke", serial=7))
    lines.heard(issued(8, START + DAY / 2))
    (found,) = rows(lines)
    assert (found.serial, found.waits) == (8, ())


async def test_a_line_that_is_over_is_forgotten() -> None:
    lines = Lines(MemoryStore())
    lines.heard(issued(7))
    lines.tidy(START)
    assert len(lines) == 1
    lines.tidy(START + 3 * DAY)
    assert len(lines) == 0


async def test_a_certificate_that_never_ends_has_a_line_without_an_end() -> None:
    lines = Lines(MemoryStore())
    lines.heard(issued(1, end=FOREVER))
    lines.heard(issued(2, START + DAY, end=FOREVER))
    assert len(rows(lines)) == 1
    assert not list(lines.findings(START + 900 * DAY, START))


async def test_of_too_many_lines_those_go_that_never_renewed_and_were_not_seen_longest(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """At once: a busy hour would bring hundreds of thousands."""
    monkeypatch.setattr("appliance.authority.alerts.lines._MOST", 3)
    monkeypatch.setattr("appliance.authority.alerts.lines._OVER", 1)
    lines = Lines(MemoryStore())
    lines.heard(issued(1))
    lines.heard(issued(2, START + DAY / 2))
    for number in range(3):
        lines.heard(issued(10 + number, START + DAY / 2 * (5 - number) / 5, name=f"pc{number}"))
        lines.tidy(START + DAY / 2)
        lines.changes(100)
        lines.written()
    assert len(lines) == 4
    lines.heard(issued(20, START + DAY, name="new"))
    lines.tidy(START + DAY / 2)
    gone = [each for each in lines.changes(100) if isinstance(each, Delete)]
    assert (len(lines), len(gone)) == (3, 2)
    lines.heard(Event(at=START, kind=EventKind.REVOKED, operation="revoke", serial=10))
    assert len(lines) == 2  # the newest of those that never renewed was there
    assert "some are not followed" in caplog.text
