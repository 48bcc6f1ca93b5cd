"""The rows behind the live view: order, bounds, filter, pause, no doubles."""

from appliance.model.events import Event, EventKind, NumberedEvent
from tests.support.sample_operator import LIVE, PAST, event, serial_of
from tui.history import events_of
from tui.journal import Journal


def numbered(*events: Event, start: int = 1) -> list[NumberedEvent]:
    return [NumberedEvent(number=at, event=each) for at, each in enumerate(events, start)]


def subjects(journal: Journal) -> list[str]:
    return [row.event.subject for row in journal.shown]


def many(count: int, start: int = 1) -> list[NumberedEvent]:
    return numbered(
        *(event(at, subject=f"host{at}") for at in range(start, start + count)), start=start
    )


def test_the_newest_is_first() -> None:
    journal = Journal()
    journal.add(many(3))
    assert subjects(journal) == ["host3", "host2", "host1"]


def test_the_past_comes_from_the_inventory_and_then_from_the_ring() -> None:
    journal = Journal()
    journal.fill([each for summary in PAST for each in events_of(summary)], numbered(*LIVE))
    times = [row.event.at for row in journal.shown]
    assert len(times) == len(PAST) + 1 + len(LIVE), "one of the past was revoked: two rows"
    assert times == sorted(times, reverse=True)


def test_what_inventory_and_ring_both_know_is_one_row_as_the_ring_tells_it() -> None:
    past = event(1, EventKind.ISSUED, "nas")
    live = event(1, EventKind.RENEWED, "nas")
    journal = Journal()
    journal.fill([past], numbered(live))
    assert [row.event.kind for row in journal.shown] == [EventKind.RENEWED]


def test_what_the_ring_tells_late_replaces_the_inventorys_row_too() -> None:
    journal = Journal()
    journal.fill([event(1), event(2)], [])
    journal.add(numbered(event(2, EventKind.RENEWED)))
    assert [row.event.kind for row in journal.shown] == [EventKind.RENEWED, EventKind.ISSUED]


def test_a_refused_renewal_leaves_the_certificates_own_row() -> None:
    journal = Journal()
    journal.fill([event(1)], [])
    refusal = event(1, EventKind.REFUSED, reason="it has been revoked")
    journal.add(numbered(refusal))
    assert journal.kept == 2


def test_rows_are_bounded_and_the_older_ones_are_counted() -> None:
    journal = Journal(capacity=100)
    for start in range(1, 1001, 50):
        journal.add(many(50, start))
    assert (journal.kept, len(journal.shown), journal.left_out) == (100, 100, 900)
    assert subjects(journal)[0] == "host1000"
    assert subjects(journal)[-1] == "host901"


def test_one_burst_above_the_bound_is_bounded_too() -> None:
    journal = Journal(capacity=100)
    assert journal.add(many(5000)) == 100
    assert (journal.kept, journal.left_out) == (100, 4900)


def test_events_that_the_ring_forgot_before_they_were_seen_are_counted_as_skipped() -> None:
    journal = Journal()
    journal.add(many(2))
    journal.add(many(2, start=8))
    assert journal.skipped == 5


def test_what_the_ring_forgot_before_the_console_began_is_not_missed() -> None:
    """The inventory has told it."""
    journal = Journal()
    journal.fill([], many(5, start=900))
    assert (journal.skipped, journal.last) == (0, 904)


def test_every_word_of_a_filter_must_occur_somewhere() -> None:
    journal = Journal()
    journal.add(
        numbered(
            event(1, EventKind.ISSUED, "nas.home.arpa", client="192.0.2.7"),
            event(2, EventKind.REFUSED, "evil.example", reason="Name Not Allowed"),
            event(3, EventKind.RENEWED, "nas.home.arpa", "nas.home.arpa", "files.home.arpa"),
        )
    )
    for text, expected in (
        ("", ["nas.home.arpa", "evil.example", "nas.home.arpa"]),
        ("NAS", ["nas.home.arpa", "nas.home.arpa"]),
        ("nas renewed", ["nas.home.arpa"]),
        ("files", ["nas.home.arpa"]),
        ("not allowed", ["evil.example"]),
        ("jwk/admin 192.0.2.7 issued", ["nas.home.arpa"]),
        (str(serial_of(3))[-8:], ["nas.home.arpa"]),
        (f"{serial_of(1):x}", ["nas.home.arpa"]),
        ("nothing like this", []),
    ):
        journal.filter(text)
        assert subjects(journal) == expected, text


def test_new_rows_pass_the_filter_first() -> None:
    journal = Journal()
    journal.filter("host2")
    assert journal.add(many(25)) == 7, "host2 and host20 to host25"
    assert (len(journal.shown), journal.kept) == (7, 25)


def test_while_paused_what_happens_waits() -> None:
    journal = Journal()
    journal.add(many(2))
    journal.pause()
    assert journal.add(many(3, start=3)) == 0
    assert (len(journal.shown), journal.waiting, journal.last) == (2, 3, 5)
    assert journal.resume() == 3
    assert (len(journal.shown), journal.waiting) == (5, 0)


def test_a_long_pause_is_bounded() -> None:
    journal = Journal(capacity=10)
    journal.pause()
    journal.add(many(25))
    assert (journal.waiting, journal.left_out) == (10, 15)
    journal.resume()
    assert subjects(journal)[0] == "host25"
