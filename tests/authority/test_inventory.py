"""Lists of what was issued, against a plain reading of what the query says."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from appliance.authority import index, records, reindexing, sources
from appliance.authority.inventory import LARGEST_PAGE, Inventory
from appliance.model.errors import BadRequest, NotFound
from appliance.model.grants import ProvisionerRef
from appliance.model.inventory import CertificateQuery, CertificateState, CertificateSummary
from appliance.ports.store import Delete, Put, Store
from appliance.stores.memory import MemoryStore
from tests.support.inventory import ADMIN, START, Sample, revoke

ACME = ProvisionerRef(type="ACME", name="acme", id="acme/acme")
NAMES = [
    "a.example.com", "b.example.com", "www.b.example.com", "example.com", "*.example.com",
    "xexample.com", "a.example.org", "10.0.0.1", "::1", "me@example.com", "spiffe://example.com/x",
]  # fmt: skip
HOUR = timedelta(hours=1)


def samples(count: int, seed: int = 1) -> list[Sample]:
    """Certificates of several names, lifetimes and provisioners, some in the same moment."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        sans = tuple(chance.sample(NAMES, chance.randint(1, 3)))
        made.append(
            Sample(
                serial=chance.getrandbits(chance.choice((20, 120, 128))) + 1,
                subject=chance.choice((sans[0], "", "Service 1")),
                sans=sans,
                provisioner=chance.choice((ADMIN, ADMIN, ACME)),
                issued_at=START + timedelta(minutes=number // 3, microseconds=number % 2),
                lifetime=chance.choice((HOUR, 2 * HOUR, timedelta(days=30))),
            )
        )
    return made


async def fill(store: Store, made: list[Sample]) -> set[int]:
    """Record them all and revoke some, whose serials are given."""
    for sample in made:
        await store.commit(sample.operations())
    revoked = {sample.serial for sample in made[::7]}
    for serial in revoked:
        await revoke(store, serial, START + HOUR)
    return revoked


def expected(
    made: list[Sample], revoked: set[int], query: CertificateQuery, now: datetime
) -> list[int]:
    """Read the query plainly."""

    def state(sample: Sample) -> CertificateState:
        if sample.serial in revoked:
            return CertificateState.REVOKED
        return CertificateState.EXPIRED if sample.not_after < now else CertificateState.ACTIVE

    def named(sample: Sample) -> bool:
        if not query.name.startswith("*."):
            return query.name in ("", sample.subject, *sample.sans)
        names = [name for name in (sample.subject, *sample.sans) if "@" not in name]
        return any(name.endswith(query.name[1:]) and "/" not in name for name in names)

    found = [
        sample
        for sample in made
        if named(sample)
        and query.state in (None, state(sample))
        and query.provisioner in ("", sample.provisioner.name if sample.provisioner else "")
        and (query.expires_before is None or sample.not_after < query.expires_before)
        and (query.expires_after is None or sample.not_after >= query.expires_after)
        and str(sample.serial).startswith(query.serial)
    ]
    by_expiry = query.expires_before or query.expires_after
    found.sort(
        key=lambda each: (
            each.not_after if by_expiry else each.issued_at,
            each.issued_at,
            index.serial_octets(each.serial),
        ),
        reverse=not by_expiry,
    )
    return [sample.serial for sample in found]


async def listed(
    inventory: Inventory, query: CertificateQuery, now: datetime
) -> list[CertificateSummary]:
    """Turn all pages."""
    found: list[CertificateSummary] = []
    cursor = query.cursor
    while True:
        page = await inventory.page(replace(query, cursor=cursor), now)
        assert len(page.certificates) <= query.limit
        found += page.certificates
        cursor = page.cursor
        if not cursor:
            return found
        assert page.certificates  # a cursor says that there was something, and that there is more


QUERIES = [
    CertificateQuery(
        name=name,
        provisioner=provisioner,
        state=state,
        limit=limit,
        expires_after=expires_after,
        expires_before=expires_before,
    )
    for name in ("", "a.example.com", "*.example.com", "10.0.0.1", "me@example.com", "nobody")
    for provisioner in ("", "acme")
    for state in (None, *CertificateState)
    for limit in (7, 1000)
    for expires_after, expires_before in (
        (None, None), (None, START + 3 * HOUR), (START + 2 * HOUR, START + 4 * HOUR)
    )
]  # fmt: skip


@pytest.mark.parametrize("most", [5000, 10])
async def test_every_query_gives_what_it_says_in_its_order(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a selection is too large to be gathered and sorted, and page by page."""
    monkeypatch.setattr(sources, "MOST_GATHERED", most)
    store = MemoryStore()
    made = samples(150)
    revoked = await fill(store, made)
    inventory = Inventory(store)
    now = START + 2 * HOUR + timedelta(minutes=20)
    for query in QUERIES:
        found = await listed(inventory, query, now)
        assert [each.serial for each in found] == expected(made, revoked, query, now), query


async def test_a_line_says_what_the_certificate_says() -> None:
    store = MemoryStore()
    sample = Sample(
        serial=2**127, subject="host", sans=("host", "10.0.0.1", "me@x.org", "spiffe://x/y"),
        issued_at=START + timedelta(microseconds=123),
    )  # fmt: skip
    await store.commit(sample.operations())
    (line,) = await listed(Inventory(store), CertificateQuery(), START)
    assert line == CertificateSummary(
        serial=2**127, subject="host", sans=("host", "10.0.0.1", "me@x.org", "spiffe://x/y"),
        provisioner="admin", provisioner_type="JWK", not_before=sample.not_before,
        not_after=sample.not_after, issued_at=sample.issued_at, state=CertificateState.ACTIVE,
    )  # fmt: skip
    detail = await Inventory(store).certificate(2**127, START)
    assert detail.summary == line
    assert detail.der == sample.der()


async def test_a_certificate_is_active_through_its_last_second() -> None:
    """RFC 5280 4.1.2.5: the validity includes notAfter."""
    store = MemoryStore()
    sample = Sample(serial=9)
    await store.commit(sample.operations())
    inventory = Inventory(store)
    for late, state in (
        (timedelta(microseconds=999_999), CertificateState.ACTIVE),
        (timedelta(seconds=1), CertificateState.EXPIRED),
    ):
        now = sample.not_after + late
        assert (await inventory.certificate(9, now)).summary.state is state
        assert await listed(inventory, CertificateQuery(state=state), now)


async def test_a_revoked_certificate_is_revoked_also_when_it_has_expired() -> None:
    store = MemoryStore()
    await store.commit(Sample(serial=9).operations())
    await revoke(store, 9, START, "lost")
    later = START + timedelta(days=99)
    (line,) = await listed(Inventory(store), CertificateQuery(), later)
    assert line.state is CertificateState.REVOKED
    assert line.revocation is not None
    assert line.revocation.reason == "lost"
    assert (
        await listed(Inventory(store), CertificateQuery(state=CertificateState.EXPIRED), later)
        == []
    )


async def test_pages_stay_in_step_while_certificates_are_issued() -> None:
    store = MemoryStore()
    made = samples(60)
    await fill(store, made[:40])
    inventory = Inventory(store)
    first = await inventory.page(CertificateQuery(limit=15), START)
    for sample in made[40:]:
        await store.commit(sample.operations())
    rest = await listed(inventory, CertificateQuery(limit=15, cursor=first.cursor), START)
    seen = [each.serial for each in (*first.certificates, *rest)]
    assert seen == expected(made[:40], set(), CertificateQuery(), START)


async def test_a_page_is_never_larger_than_it_may_be() -> None:
    store = MemoryStore()
    der = Sample(serial=1).der()
    for number in range(1, LARGEST_PAGE + 3):
        await store.commit(
            records.issued(
                certificate=der, serial=number, provisioner=ADMIN, subject="x", sans=(),
                not_after=START, issued_at=START, token=None,
            )
        )  # fmt: skip
    page = await Inventory(store).page(CertificateQuery(limit=10**9), START)
    assert len(page.certificates) == LARGEST_PAGE
    assert page.cursor


@pytest.mark.parametrize("cursor", ["x", "!", "n", "bg", "ZQ", "é", "A" * 40, "eAAAA"])
async def test_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    with pytest.raises(BadRequest, match="cursor"):
        await Inventory(MemoryStore()).page(CertificateQuery(cursor=cursor), START)


async def test_a_cursor_of_the_other_order_is_refused() -> None:
    store = MemoryStore()
    await fill(store, samples(5))
    cursor = (await Inventory(store).page(CertificateQuery(limit=2), START)).cursor
    with pytest.raises(BadRequest, match="cursor"):
        await Inventory(store).page(
            CertificateQuery(limit=2, cursor=cursor, expires_after=START), START
        )


async def test_a_page_of_none_is_refused() -> None:
    with pytest.raises(BadRequest, match="ask for 1 or more"):
        await Inventory(MemoryStore()).page(CertificateQuery(limit=0), START)


@pytest.mark.parametrize("most", [5000, 10])
async def test_certificates_are_found_by_the_beginning_of_their_serial(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decimal, hexadecimal after 0x, with colons, or with a letter; also by half an octet."""
    monkeypatch.setattr(sources, "MOST_GATHERED", most)
    store = MemoryStore()
    serials = [0xABCDEF0123, 0xABC0000000, 0xABCDE, 0x12, 0x123456, 1234, 12]
    for number, serial in enumerate(serials):
        sample = Sample(serial=serial, issued_at=START + number * HOUR)
        await store.commit(sample.operations())

    async def found(beginning: str) -> set[int]:
        lines = await listed(Inventory(store), CertificateQuery(serial=beginning), START)
        assert all(a.issued_at >= b.issued_at for a, b in pairwise(lines))
        return {line.serial for line in lines}

    assert await found("12") == {12, 1234, 0x123456 if str(0x123456).startswith("12") else 12}
    assert await found("1234") == {1234}
    assert await found("0x12") == {0x12, 0x123456}
    assert await found("0xABCD") == {0xABCDEF0123, 0xABCDE}
    assert await found("0x0abc") == {0xABCDE}
    assert await found("abcd") == {0xABCDEF0123, 0xABCDE}
    assert await found("ab:cd:e") == {0xABCDEF0123, 0xABCDE}
    assert await found("AB:C0:") == {0xABC0000000}
    assert await found("a:bc") == {0xABCDE}
    assert await found("99") == set()


@pytest.mark.parametrize("beginning", ["xyz", "0x", "12 34", "-5", "::", "1" * 61, "ab:123"])
async def test_what_is_no_serial_number_is_refused(beginning: str) -> None:
    with pytest.raises(BadRequest, match="is not a serial number"):
        await Inventory(MemoryStore()).page(CertificateQuery(serial=beginning), START)


async def test_a_certificate_that_is_not_there_is_not_found() -> None:
    for serial in (5, -5):
        with pytest.raises(NotFound, match=f"no certificate with serial number {serial}"):
            await Inventory(MemoryStore()).certificate(serial, START)


# ---- databases that step-ca filled


async def foreign(made: list[Sample]) -> MemoryStore:
    """Make a database without any row of ours."""
    store = MemoryStore()
    await fill(store, made)
    for bucket in (
        index.X509.serials,
        index.ISSUED,
        index.NAMES,
        index.PROVISIONERS,
        index.EXPIRY,
        index.REVOKED,
    ):
        rows = await store.scan(bucket, limit=10**6)
        await store.commit([Delete(bucket, key) for key, _ in rows])
    return store


async def test_a_foreign_database_is_listed_after_indexing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reindexing, "_BATCH", 7)
    made = samples(50)
    store = await foreign(made)
    assert not await reindexing.is_current(store)
    assert await listed(Inventory(store), CertificateQuery(), START) == []
    assert await reindexing.complete(store) == 50
    assert await reindexing.is_current(store)
    lines = await listed(Inventory(store), CertificateQuery(), START)
    assert {line.serial for line in lines} == {sample.serial for sample in made}
    assert [line.issued_at for line in lines] == [line.not_before for line in lines]
    revoked = await listed(
        Inventory(store),
        CertificateQuery(state=CertificateState.REVOKED, provisioner="acme"),
        START,
    )
    assert {line.serial for line in revoked} == {
        sample.serial for sample in made[::7] if sample.provisioner == ACME
    }
    assert await reindexing.complete(store) == 0


async def test_indexing_goes_on_where_it_was_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reindexing, "_BATCH", 7)
    store = await foreign(samples(30))
    commit, left = store.commit, 4  # two say that there is nothing to count

    class CutOff(Exception):
        pass

    async def failing(operations: list[Put]) -> None:
        nonlocal left
        if not left:
            raise CutOff
        left -= 1
        await commit(operations)

    monkeypatch.setattr(store, "commit", failing)
    with pytest.raises(CutOff):
        await reindexing.complete(store)
    monkeypatch.setattr(store, "commit", commit)
    assert not await reindexing.is_current(store)
    assert await reindexing.complete(store) == 16
    assert len(await listed(Inventory(store), CertificateQuery(), START)) == 30


async def test_what_is_indexed_already_keeps_its_time_of_issue() -> None:
    store = MemoryStore()
    made = samples(10)
    await fill(store, made)
    assert await reindexing.complete(store) == 0
    lines = await listed(Inventory(store), CertificateQuery(), START)
    assert {line.issued_at for line in lines} == {sample.issued_at for sample in made}


async def test_rows_that_are_no_certificates_are_left_out() -> None:
    store = MemoryStore()
    extension = bytes.fromhex("3011020101040561646d696e04056b69643132")
    sample = Sample(serial=7, extension=extension)
    await store.commit([
        Put("x509_certs", b"7", sample.der()),  # without a row that says who granted it
        Put("x509_certs", b"8", b"junk"),
        Put("x509_certs", b"no number", sample.der()),
        Put("hearth_settings", b"x509_index", b"junk"),
    ])  # fmt: skip
    assert await reindexing.complete(store) == 1
    (line,) = await listed(Inventory(store), CertificateQuery(provisioner="admin"), START)
    assert (line.serial, line.provisioner, line.provisioner_type) == (7, "admin", "")
    with pytest.raises(NotFound, match="cannot be read"):
        await Inventory(store).certificate(8, START)
