"""The journal: what stands in it, what verifying finds, and how its front is removed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import trio
from msgspec import structs

from appliance.authority import journal
from appliance.authority.journal import EVENTS, Journal
from appliance.authority.journal_reading import JournalReader
from appliance.authority.journal_verification import Verification
from appliance.formats import chain
from appliance.model.errors import BadRequest, Broken
from appliance.model.events import Event, EventKind
from appliance.model.journal import JournalEntry, JournalQuery
from appliance.ports.store import Delete, Operation, Put
from appliance.stores.memory import MemoryStore
from tests.support.authority import START, RecordedEvents, StandingClock

DAY = timedelta(days=1)


def event(number: int, kind: EventKind = EventKind.ISSUED) -> Event:
    return Event(
        at=START + number * DAY, kind=kind, operation="sign", subject=f"host-{number}.example.com",
        sans=(f"host-{number}.example.com", "10.0.0.1"), provisioner="admin",
        provisioner_type="JWK", serial=2**150 + number, client="192.0.2.7", reason="why",
        request_id="r", asked_by="token x", replaces=2**150, fingerprint="ab" * 32,
    )  # fmt: skip


async def filled(count: int) -> MemoryStore:
    store = MemoryStore()
    for number in range(count):
        await store.commit([journal.row(event(number))])
    return store


async def read(store: MemoryStore, query: JournalQuery | None = None) -> list[Event]:
    """Give what is written, as it was before it was."""
    page = await JournalReader(store).page(query or JournalQuery(limit=1000))
    return [structs.replace(journal.read(each).event, journaled=False) for each in page.entries]


async def verified(store: MemoryStore, noted: Sequence[chain.Link] = ()) -> Verification:
    verification = Verification(noted)
    for each in (await JournalReader(store).page(JournalQuery(limit=2000))).entries:
        verification.take(each)
    verification.finish()
    return verification


# ---- what stands in it


async def test_an_event_is_read_as_it_was_written() -> None:
    store = MemoryStore()
    await store.commit([journal.row(event(3))])
    assert await read(store) == [event(3)]


async def test_what_strangers_chose_is_cut() -> None:
    store = MemoryStore()
    sans = tuple(f"{number}" + "x" * 600 for number in range(300))
    await store.commit([journal.row(structs.replace(event(1), sans=sans, reason="y" * 9000))])
    (found,) = await read(store)
    assert (len(found.sans), len(found.sans[0]), len(found.reason)) == (100, 500, 500)


@pytest.mark.parametrize(("query", "numbers"), [
    (JournalQuery(), list(range(10))),
    (JournalQuery(limit=3), [0, 1, 2]),
    (JournalQuery(newest_first=True, limit=3), [9, 8, 7]),
    (JournalQuery(newest_first=True, before=4), [2, 1, 0]),
    (JournalQuery(after=8), [8, 9]),
    (JournalQuery(name="HOST-4.example.com"), [4]),
    (JournalQuery(name="*.example.com", limit=2), [0, 1]),
    (JournalQuery(serial=str(2**150 + 5)), [5]),
    (JournalQuery(since=START + 8 * DAY), [8, 9]),
    (JournalQuery(until=START + 2 * DAY), [0, 1]),
    (JournalQuery(kinds=(EventKind.REFUSED,)), []),
    (JournalQuery(provisioner="admin", operation="sign", client="192.0.2.7", after=9), [9]),
    (JournalQuery(provisioner="acme"), []),
])  # fmt: skip
async def test_a_query_selects(query: JournalQuery, numbers: list[int]) -> None:
    store = await filled(10)
    assert await read(store, query) == [event(number) for number in numbers]


async def test_pages_follow_each_other() -> None:
    store = await filled(10)
    query, found = JournalQuery(limit=3, name="10.0.0.1"), list[int]()
    while True:
        page = await JournalReader(store).page(query)
        found += [each.number for each in page.entries]
        if page.complete:
            break
        query = replace(query, after=page.reached)
    assert found == list(range(1, 11))


@pytest.mark.parametrize("query", [JournalQuery(limit=0), JournalQuery(after=-1)])
async def test_a_page_that_cannot_be_is_refused(query: JournalQuery) -> None:
    with pytest.raises(BadRequest):
        await JournalReader(MemoryStore()).page(query)


# ---- what comes without rows of its own


async def test_what_was_not_written_yet_is_and_nothing_twice() -> None:
    store, told = MemoryStore(), RecordedEvents()
    kept = Journal(store, StandingClock(), told)
    kept.record(event(1, EventKind.REFUSED))
    kept.record(structs.replace(event(2), journaled=True))
    await kept.flush()
    assert await read(store) == [event(1, EventKind.REFUSED)]
    written = structs.replace(event(2), journaled=True)
    assert told.events == [event(1, EventKind.REFUSED), written]


async def test_many_refusals_are_counted_and_not_written_one_by_one() -> None:
    """A stranger who knocks all day does not fill the disk."""
    store, clock = MemoryStore(), StandingClock()
    kept = Journal(store, clock, RecordedEvents())
    for _ in range(1000):
        kept.record(structs.replace(event(0, EventKind.REFUSED), at=clock.now()))
    await kept.flush()
    assert len(await read(store)) == journal.MOST_REFUSALS
    clock.advance(61)
    kept.record(structs.replace(event(0, EventKind.REFUSED), at=clock.now()))
    await kept.flush()
    *_, summary, last = await read(store)
    assert (summary.kind, summary.reason) == (EventKind.WARNED, "880 more refusals in a minute")
    assert last.kind is EventKind.REFUSED


async def test_the_last_events_are_written_at_the_end_and_who_waits_is_told() -> None:
    store = MemoryStore()
    kept = Journal(store, StandingClock(), RecordedEvents())
    reader, pages = JournalReader(store, kept.wait_changed), list[int]()

    async def wait() -> None:
        page = await reader.page(JournalQuery(wait=5))
        pages.extend(each.number for each in page.entries)
        kept.record(event(2, EventKind.REFUSED))
        nursery.cancel_scope.cancel()

    with trio.fail_after(3):
        async with trio.open_nursery() as nursery:
            await nursery.start(kept.run)
            nursery.start_soon(wait)
            await trio.sleep(0.02)
            kept.record(event(1, EventKind.REFUSED))
    assert pages == [1]
    assert len(await read(store)) == 2


async def test_a_journal_without_a_database_only_hands_on() -> None:
    store, told = MemoryStore(), RecordedEvents()
    kept = Journal(store, StandingClock(), told, persistent=False)
    kept.record(event(1, EventKind.REFUSED))
    await kept.flush()
    assert (await read(store), len(told.events)) == ([], 1)


# ---- verifying


async def test_a_whole_journal_has_no_problems() -> None:
    store = await filled(20)
    result = await verified(store)
    assert (result.problems, result.first, result.head) == ([], 1, await journal.last(store))


async def change(store: MemoryStore, number: int) -> list[Operation]:
    value = await store.get(EVENTS, chain.key(number))
    assert value is not None
    return [Put(EVENTS, chain.key(number), value.replace(b"host-", b"evil-"))]


@pytest.mark.parametrize("number", range(1, 20))
async def test_a_changed_entry_is_found(number: int) -> None:
    """Each but the last, which only a head that was kept elsewhere shows."""
    store = await filled(20)
    await store.commit(await change(store, number))
    (problem,) = (await verified(store)).problems
    assert problem.startswith(f"entry {number + 1} does not follow entry {number}")


@pytest.mark.parametrize("number", range(2, 20))
async def test_a_removed_entry_is_found(number: int) -> None:
    store = await filled(20)
    await store.commit([Delete(EVENTS, chain.key(number))])
    assert (await verified(store)).problems == [f"entries {number} to {number} are missing"]


async def test_a_removed_beginning_is_found() -> None:
    store = await filled(20)
    await store.commit([Delete(EVENTS, chain.key(number)) for number in (1, 2, 3)])
    (problem,) = (await verified(store)).problems
    assert problem.startswith("entries 1 to 3 are missing, and no entry says")


async def test_a_cut_end_a_changed_end_and_another_journal_are_found_by_a_noted_head() -> None:
    store = await filled(20)
    head = await journal.last(store)
    assert (await verified(store, [head])).problems == []
    await store.commit(await change(store, 20))
    assert (await verified(store)).problems == []
    (problem,) = (await verified(store, [head])).problems
    assert problem.startswith("entry 20 is not the one that was noted")
    await store.commit([Delete(EVENTS, chain.key(20))])
    assert (await verified(store)).problems == []
    (problem,) = (await verified(store, [head])).problems
    assert problem.startswith("entry 20 was noted, and the journal ends with 19")


async def test_an_entry_that_cannot_be_read_is_named() -> None:
    store = MemoryStore()
    entry = chain.after(chain.START, b"junk")
    await store.commit([Put(EVENTS, *entry.row)])
    assert (await verified(store)).problems == ["entry 1 cannot be read"]
    await store.commit([Put(EVENTS, chain.key(2), b"short")])
    with pytest.raises(Broken):
        await verified(store)


# ---- removing the front


async def test_a_journal_whose_front_was_removed_verifies_and_says_so() -> None:
    store = await filled(200)
    heads = [chain.read(*row).link for row in await store.scan(EVENTS)]
    now = START + 200 * DAY
    assert await journal.forget(store, before=START + 120 * DAY, now=now) == 120
    result = await verified(store, [heads[10], heads[119], heads[150]])
    assert result.problems == []
    assert result.remarks == [
        "entries 1 to 120 were removed by retention",
        "entry 11 was noted, and has been removed since",
    ]
    assert await journal.forget(store, before=START + 190 * DAY, now=now) == 70
    assert (await verified(store)).problems == []
    assert await journal.forget(store, before=now + DAY, now=now) == 0, "not worth it"
    await store.commit([Delete(EVENTS, chain.key(191))])
    (problem,) = (await verified(store)).problems
    assert problem.startswith("entries 1 to 191 are missing")


async def test_the_last_entry_stays_and_the_chain_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_AT_ONCE", 60)
    store = await filled(150)
    later = START + 999 * DAY
    await journal.forget(store, before=later + DAY, now=later)
    await store.commit([journal.row(event(1000))])
    assert (await verified(store)).problems == []
    assert (await read(store))[-1] == event(1000)


def test_heads_are_written_and_read() -> None:
    link = chain.after(chain.START, b"x").link
    assert chain.read_link(f" {link}\n") == link
    for wrong in ("", "1", "x:ab", "0:" + "00" * 32, "1:" + "00" * 31):
        with pytest.raises(Exception, match="not a number and a hash"):
            chain.read_link(wrong)


def test_entries_keep_octets_that_are_no_text() -> None:
    from appliance.cli import log_output  # noqa: PLC0415

    entry = JournalEntry(number=7, previous=bytes(32), body=b'{"a":"\xff"}')
    assert log_output.read_chained(log_output.chained_line(entry), "here") == entry
