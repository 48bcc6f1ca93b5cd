"""Revocation lists: what is on them, their numbers, and that making them troubles nobody else."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import trio

from appliance.authority import crl as publishing
from appliance.authority import records, revoked_rows
from appliance.authority.crl import CrlPublisher
from appliance.authority.issuers import Issuers
from appliance.formats import crl, x509_fields
from appliance.issuance import parsed, revocation_checks, revocation_lists
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import Broken, NotFound, Unavailable
from appliance.ports.signer import IssuerKey
from appliance.ports.store import Operation, Put, Store
from appliance.stores.leveldb import open_store
from appliance.stores.memory import MemoryStore
from tests.support.authority import START, Hierarchy, hierarchy, shared_hierarchy
from tests.support.lists import DAY, URL, Lists, Recorded, read, serials

SECOND = timedelta(seconds=1)
NOW = START.replace(microsecond=0)


def revocation(serial: int, **changes: Any) -> Recorded:
    return replace(Recorded(serial=serial, at=START, not_after=START + DAY), **changes)


# ---- what a list says


async def test_a_list_says_what_step_cas_says() -> None:
    lists = Lists()
    await lists.record([revocation(20, reason_code=1), revocation(100, not_after=None)])
    fields = read(await lists.once())
    issuer = lists.pki.issuer
    assert fields.version == 2
    assert fields.issuer_raw == issuer.subject
    assert (fields.this_update, fields.next_update) == (NOW, NOW + DAY)
    assert fields.number == 0
    assert fields.authority_key_id == revoked_key_id(lists.pki)
    point = fields.extension(crl.DISTRIBUTION_POINT)
    assert point is not None
    assert point.critical
    assert point.value.endswith(b"\x86\x15" + URL.encode())
    revocation_checks.check_list_signature(fields, x509_fields.certificate(issuer.certificate))
    entries = {each.serial: each for each in fields.entries()}
    assert set(entries) == {20, 100}
    assert {each.revoked_at for each in entries.values()} == {NOW}
    assert entries[20].reason_code == 1
    assert entries[100].extensions == ()  # RFC 5280 5.3.1: unspecified is not said


def revoked_key_id(pki: Hierarchy) -> bytes:
    extension = parsed.parse(pki.issuer.certificate).extension("2.5.29.14")
    assert extension is not None
    return extension.value[2:]


async def test_an_empty_list_has_no_field_for_entries() -> None:
    """RFC 5280 5.1.2.6."""
    assert read(await Lists().once()).revoked is None


@pytest.mark.parametrize(
    ("ended", "listed"),
    [
        (-DAY, True),
        (timedelta(), True),
        (timedelta(hours=1), True),
        (timedelta(hours=1) + SECOND, False),
    ],
)
async def test_who_has_ended_leaves_the_list_an_hour_later(ended: timedelta, listed: bool) -> None:
    lists = Lists()
    await lists.record([revocation(5, not_after=NOW - ended)])
    assert (serials(await lists.once()) == [5]) is listed


async def test_an_unknown_certificate_stays_for_ever() -> None:
    lists = Lists()
    await lists.record([revocation(5, not_after=None)])
    lists.clock.advance(DAY.total_seconds() * 36500)
    assert serials(await lists.once()) == [5]


# ---- incremental


def many(count: int, issuer: bytes = revoked_rows.NOBODY) -> list[Recorded]:
    return [
        Recorded(
            serial=7**number,
            at=START - SECOND * number,
            reason_code=number % 11,
            not_after=None if number % 5 == 0 else START + DAY - timedelta(hours=number % 60),
            issuer=issuer,
        )
        for number in range(count)
    ]


async def rebuilt(store: Store) -> Sequence[tuple[bytes, bytes]]:
    """The rows that would come of all that is recorded."""
    fresh = MemoryStore()
    for bucket in (records.REVOCATIONS, records.CERTIFICATES):
        for key, value in await store.scan(bucket, limit=10**6):
            await fresh.commit([Put(bucket, key, value)])
    await revoked_rows.complete(fresh)
    return await fresh.scan(revoked_rows.ENTRIES, limit=10**6)


async def test_rows_written_at_each_revocation_are_those_of_a_full_rebuild() -> None:
    lists = Lists()
    await lists.record(many(300))
    kept = await lists.store.scan(revoked_rows.ENTRIES, limit=10**6)
    assert len(kept) == 300
    assert kept == await rebuilt(lists.store)


async def test_what_another_program_has_revoked_is_listed_after_a_start(tmp_path: Any) -> None:
    """In steps smaller than the whole, and as if we had recorded it."""
    store = await open_store(tmp_path / "db")
    lists, foreign = Lists(), Lists(store=store)
    half = many(revoked_rows._STEP // 4)
    await lists.record(half)
    await foreign.record(half[::2])
    await foreign.record(half[1::2], foreign=True)
    first, second = await lists.once(), await foreign.once()
    assert read(second).to_be_signed == read(first).to_be_signed
    await store.aclose()


async def test_a_damaged_row_is_listed_and_hides_no_other() -> None:
    lists = Lists()
    await lists.record([revocation(5)], foreign=True)
    for key in (b"6", b"not a number"):
        await lists.store.commit([Put(records.REVOCATIONS, key, b"{")])
    assert serials(await lists.once()) == [5, 6]


class Watched:
    """A store that remembers which buckets were scanned."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.scanned: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def scan(self, bucket: str, **limits: Any) -> list[tuple[bytes, bytes]]:
        self.scanned.append(bucket)
        return await self.store.scan(bucket, **limits)


async def test_a_revocation_costs_no_look_at_what_was_recorded_before() -> None:
    """Only encoded rows are read, no JSON and no certificate."""
    watched = Watched(MemoryStore())
    lists = Lists(store=watched)
    async with lists.published() as publisher:
        await publisher.current()
        watched.scanned.clear()
        await lists.record([revocation(5)])
        await publisher.publish()
        assert serials(await publisher.current()) == [5]
    assert set(watched.scanned) == {revoked_rows.ENTRIES}


async def test_all_that_takes_long_happens_in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Joining, encoding, verifying, hashing for the tag, and the row: none is the event loop's."""
    seen: dict[str, int] = {}

    def watch(module: Any, name: str) -> None:
        function = getattr(module, name)

        def watched(*args: Any) -> Any:
            seen[name] = threading.get_ident()
            return function(*args)

        monkeypatch.setattr(module, name, watched)

    steps = [
        (revoked_rows, "_chosen"), (revoked_rows, "_missing"), (revoked_rows, "_made"),
        (revocation_lists, "prepare"), (revocation_lists, "assemble"), (publishing, "_finished"),
        (publishing, "read_row"),
    ]  # fmt: skip
    for module, name in steps:
        watch(module, name)
    lists = Lists()
    await lists.record([revocation(5)])
    await lists.record([revocation(6)], foreign=True)
    await lists.once()
    await lists.once()
    assert set(seen) == {name for _, name in steps}
    assert threading.get_ident() not in seen.values()


async def test_a_large_list_is_hashed_and_signed_in_a_thread() -> None:
    """keys.file signs messages of this size there, whatever kind of key it is."""
    threads = set()
    signer = hierarchy().signer
    inner = signer._signature

    def signature(message: bytes, algorithm: SignatureAlgorithm) -> bytes:
        threads.add(threading.get_ident())
        return inner(message, algorithm)

    signer._signature = signature  # type: ignore[method-assign]
    await signer.sign(bytes(1 << 20), SignatureAlgorithm.ECDSA_SHA256)
    assert threads
    assert threading.get_ident() not in threads


# ---- numbers


async def test_the_first_number_is_0_and_each_list_has_the_next() -> None:
    lists = Lists()
    async with lists.published() as publisher:
        assert (await publisher.current()).number == 0
        for number in (1, 2):
            await publisher.publish()
            assert (await publisher.current()).number == number
    assert (await lists.once()).number == 3  # a restart
    async with lists.published() as publisher:  # a reload
        await publisher.publish()
        assert (await publisher.current()).number == 4


async def test_numbers_go_on_from_step_cas_row() -> None:
    lists = Lists()
    row = b'{"Number":41,"ExpiresAt":"2026-03-01T00:00:00Z","Duration":86400000000000,"DER":"AAAA"}'
    await lists.store.commit([Put(publishing.LISTS, b"crl", row)])
    assert (await lists.once()).number == 42


async def test_numbers_grow_even_when_the_row_is_damaged(caplog: pytest.LogCaptureFixture) -> None:
    lists = Lists()
    await lists.store.commit([Put(publishing.LISTS, b"crl", b"{")])
    assert (await lists.once()).number > 1_000_000
    assert "cannot be read" in caplog.text


async def test_the_row_is_step_cas() -> None:
    lists = Lists()
    published = await lists.once()
    row = await lists.store.get("x509_crl", b"crl")
    assert row is not None
    assert row.startswith(
        b'{"Number":0,"ExpiresAt":"2026-03-02T12:00:00Z","Duration":86400000000000,"DER":"'
    )
    assert publishing.read_row(row)[1] == (
        revoked_rows.issuer_tag(lists.pki.issuer), published
    )  # fmt: skip


class Failing:
    """A store that does not commit lists while it is told not to."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.failing = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def commit(self, operations: Sequence[Operation]) -> None:
        if self.failing and any(each.bucket == publishing.NUMBERS for each in operations):
            raise Broken("the disk is full")
        await self.store.commit(operations)


async def test_a_list_that_is_not_recorded_is_not_served_and_its_number_not_used_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody knows whether it reached the disk."""
    store = Failing()
    lists = Lists(store=store)
    async with lists.published() as publisher:
        before = await publisher.current()
        store.failing = True
        await publisher.publish()
        assert await publisher.current() is before
        assert "the old one stays: the disk is full" in caplog.text
        store.failing = False
        await publisher.publish()
        assert (await publisher.current()).number == before.number + 2


# ---- when


class Unreliable:
    """A signer that is away, or signs something else."""

    def __init__(self, pki: Hierarchy) -> None:
        self.signer = pki.signer
        self.mood = ""

    @property
    def public_key(self) -> IssuerKey:
        return self.signer.public_key

    async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
        if self.mood == "away":
            raise Unavailable("the key is away")
        return await self.signer.sign(message + self.mood.encode(), algorithm)


@pytest.mark.parametrize("mood", ["away", "wrong"])
async def test_a_failure_keeps_the_old_list_and_is_tried_again(
    mood: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(publishing, "_LOOK", 0.01)
    pki = shared_hierarchy()
    signer = Unreliable(pki)
    lists = Lists(issuers=pki.issuing(signer))
    async with lists.published() as publisher:
        before = await publisher.current()
        signer.mood = mood
        await publisher.publish()
        assert await publisher.current() is before
        assert [each.levelno for each in caplog.records] == [logging.WARNING]
        signer.mood = ""
        lists.clock.advance(61)
        await until_other(publisher, before.number)


async def until_other(publisher: CrlPublisher, number: int) -> None:
    with trio.fail_after(60):
        while (await publisher.current()).number == number:
            await trio.sleep(0.005)


async def test_a_list_is_renewed_when_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "_LOOK", 0.01)
    lists = Lists()
    async with lists.published(renew_period=timedelta(hours=2)) as publisher:
        first = await publisher.current()
        lists.clock.advance(7199)
        await trio.sleep(0.05)
        assert await publisher.current() is first
        lists.clock.advance(1)
        await until_other(publisher, first.number)


async def test_a_clock_that_was_set_back_does_not_stop_renewal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publishing, "_LOOK", 0.01)
    lists = Lists()
    async with lists.published() as publisher:
        first = await publisher.current()
        lists.clock.advance(-86400 * 365)
        await until_other(publisher, first.number)


async def test_wishes_at_once_share_a_list_that_has_them_all() -> None:
    lists = Lists()
    async with lists.published() as publisher:
        await publisher.current()

        async def revoke(serial: int) -> None:
            await lists.record([revocation(serial)])
            await publisher.publish()
            assert serial in serials(await publisher.current())

        async with trio.open_nursery() as nursery:
            for serial in range(1, 41):
                nursery.start_soon(revoke, serial)
        assert (await publisher.current()).number < 10


async def test_a_cancelled_wish_is_granted_to_others() -> None:
    lists = Lists()
    async with lists.published() as publisher:
        await publisher.current()
        with trio.CancelScope() as scope:
            scope.cancel()
            await publisher.publish()
        await publisher.publish()


async def test_without_a_list_yet_the_answer_is_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publishing, "_PATIENCE", 0.05)
    lists = Lists()
    lists.publisher.configure(lists.plan())
    with pytest.raises(Unavailable):
        await lists.publisher.current()


async def test_without_a_plan_there_is_none() -> None:
    lists = Lists()
    async with lists.published() as publisher:
        await publisher.current()
        publisher.configure(None)
        with pytest.raises(NotFound, match="not enabled"):
            await publisher.current()
        await publisher.publish()


async def test_the_list_of_the_last_process_is_served_until_there_is_a_new_one() -> None:
    pki = shared_hierarchy()
    signer = Unreliable(pki)
    lists = Lists(issuers=pki.issuing(signer))
    before = await lists.once()
    signer.mood = "away"
    assert await lists.once() == before


# ---- several issuers


def two() -> tuple[Hierarchy, Hierarchy]:
    return shared_hierarchy(), hierarchy(START - timedelta(days=2))


def joined(first: Hierarchy, second: Hierarchy, name: str = "next") -> Issuers:
    other = replace(second.issuing().first, name=name)
    return Issuers(first.issuing().first, [other])


async def test_each_issuer_lists_its_own_and_the_first_what_nobody_knows() -> None:
    first, second = two()
    lists = Lists(issuers=joined(first, second))
    mine, theirs = (revoked_rows.issuer_tag(each.issuer) for each in (first, second))
    await lists.record([
        revocation(1, issuer=mine), revocation(2, issuer=theirs), revocation(3),
        revocation(4, issuer=b"some one"),
    ])  # fmt: skip
    async with lists.published() as publisher:
        assert serials(await publisher.current()) == [1, 3, 4]
        other = await publisher.current("next")
        assert serials(other) == [2]
        assert read(other).issuer_raw == second.issuer.subject
        revocation_checks.check_list_signature(
            read(other), x509_fields.certificate(second.issuer.certificate)
        )
        assert await publisher.current(revocation_lists.key_name(second.issuer)) is other
        with pytest.raises(NotFound, match="no issuer 'other'"):
            await publisher.current("other")
    assert await lists.store.scan(publishing.LISTS) == [
        (b"crl", (await lists.store.get(publishing.LISTS, b"crl")))
    ]


async def test_numbers_of_an_issuer_go_on_when_another_becomes_the_first() -> None:
    old, new = two()
    lists = Lists(issuers=old.issuing())
    for _ in range(3):
        await lists.once()
    lists.issuers = joined(new, old, "old")
    async with lists.published() as publisher:
        await publisher.publish()
        assert (await publisher.current("old")).number == 3
        assert (await publisher.current()).number == 3


async def test_one_issuer_without_its_key_keeps_no_other_from_its_list() -> None:
    first, second = two()
    away = Unreliable(first)
    away.mood = "away"
    lists = Lists(issuers=joined(first, second))
    lists.issuers = Issuers(
        first.issuing(away).first, [replace(second.issuing().first, name="next")]
    )
    async with lists.published() as publisher:
        await publisher.publish()
        assert (await publisher.current("next")).number == 0


# ---- revoking


async def test_a_time_of_revocation_has_no_fractions() -> None:
    lists = Lists()
    await lists.record(
        [revocation(5, at=datetime.fromisoformat("2026-02-01T10:00:00.999999+00:00"))]
    )
    (entry,) = read(await lists.once()).entries()
    assert entry.revoked_at == datetime.fromisoformat("2026-02-01T10:00:00+00:00")


# ---- after others


async def test_a_first_list_is_numbered_above_those_of_a_database_that_is_left_alone() -> None:
    """Whoever has a list of step-ca's takes ours for newer (RFC 5280 5.2.3)."""
    lists = Lists()
    async with lists.published():
        lists.publisher.configure(replace(lists.plan(), follows_unknown=True))
        await lists.publisher.publish()
        first = (await lists.publisher.current()).number
    assert first > int(NOW.timestamp()) - 1
    assert (await lists.once()).number == first + 1
