"""Counts by provisioner and state are what counting one by one finds, at every time."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.authority import index, records, reindexing
from appliance.authority.counts import Counts
from appliance.authority.inventory import Inventory
from appliance.model.grants import ProvisionerRef
from appliance.model.inventory import (
    CertificateCounts,
    CertificateKind,
    CertificateQuery,
    CertificateState,
    ProvisionerCounts,
)
from appliance.ports.store import Put, Store
from appliance.stores.memory import MemoryStore
from tests.support.inventory import ADMIN, START, Sample, revoke

ACME = ProvisionerRef(type="ACME", name="acme", id="acme/acme")
HOUR = timedelta(hours=1)


async def counted(store: Store, now: datetime) -> CertificateCounts:
    return await Counts(store).of(CertificateKind.X509, now)


async def one_by_one(store: Store, now: datetime) -> dict[tuple[str, CertificateState], int]:
    page = await Inventory(store).page(CertificateQuery(limit=1000), now)
    found: dict[tuple[str, CertificateState], int] = {}
    for each in page.certificates:
        key = each.provisioner, each.state
        found[key] = found.get(key, 0) + 1
    return found


def as_dict(counts: CertificateCounts) -> dict[tuple[str, CertificateState], int]:
    return {
        (each.provisioner, state): number
        for each in counts.provisioners
        for state in CertificateState
        if (number := getattr(each, state.value))
    }


async def test_each_state_is_counted_by_provisioner() -> None:
    store = MemoryStore()
    for serial in range(1, 7):
        made = Sample(
            serial=serial, provisioner=ACME if serial > 4 else ADMIN, lifetime=serial * HOUR
        )
        await store.commit(made.operations())
    await revoke(store, 2, START)
    await revoke(store, 6, START)
    assert await counted(store, START + 3 * HOUR) == CertificateCounts(
        kind=CertificateKind.X509,
        counted_at=START + 3 * HOUR,
        provisioners=(
            ProvisionerCounts(provisioner="acme", active=1, revoked=1),
            ProvisionerCounts(provisioner="admin", active=2, expired=1, revoked=1),
        ),
    )
    ending = Counts(store).ending
    assert await ending(CertificateKind.X509, START, START + 4 * HOUR) == 2


STEP = st.tuples(
    st.sampled_from(["issue", "revoke", "settle", "look"]),
    st.integers(1, 30),  # serial number
    st.sampled_from([ADMIN, ACME, None]),
    st.integers(0, 5 * 24 * 3600),  # seconds: of the lifetime, or since the start
)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEP, max_size=40))
async def test_counts_agree_with_the_list_whatever_happened(
    steps: list[tuple[str, int, ProvisionerRef | None, int]],
) -> None:
    """Also when rows were put together, and a certificate is revoked that had expired by then."""
    store, latest = MemoryStore(), 0
    for what, serial, provisioner, seconds in steps:
        known = await records.certificate(store, serial) is not None
        latest = max(latest, seconds)
        now = START + timedelta(seconds=latest)
        if what == "issue" and not known:
            lifetime = timedelta(seconds=seconds)
            made = Sample(serial=serial, provisioner=provisioner, lifetime=lifetime)
            await store.commit(made.operations())
        elif what == "revoke" and known and not await records.is_revoked(store, serial):
            await revoke(store, serial, now)
        elif what == "settle":
            await Counts(store).settle(now)
        assert as_dict(await counted(store, now)) == await one_by_one(store, now)


async def test_rows_of_times_that_are_over_become_few() -> None:
    store = MemoryStore()
    for serial in range(1, 200):
        made = Sample(serial=serial, lifetime=timedelta(minutes=serial * 7))
        await store.commit(made.operations())
    now = START + timedelta(days=4)
    await Counts(store).settle(now)
    rows = await store.scan(index.X509.counts, start=b"e", stop=b"f")
    assert len(rows) == 2
    assert as_dict(await counted(store, now)) == {("admin", CertificateState.EXPIRED): 199}
    assert not as_dict(await counted(store, START - HOUR)).get(
        ("admin", CertificateState.EXPIRED)
    ), "a clock that goes back finds them active again"


@pytest.mark.parametrize("interrupted", [False, True])
async def test_an_index_without_counts_is_counted_once(
    interrupted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reindexing, "_BATCH", 4)
    store = MemoryStore()
    for serial in range(1, 12):
        made = Sample(serial=serial, provisioner=ACME if serial % 2 else None)
        await store.commit(made.operations())
    await revoke(store, 3, START)
    await forget_counts(store)
    if interrupted:
        await reindexing._count(store, CertificateKind.X509)
        await store.commit([Put(reindexing.SETTINGS, b"x509_counts", b"{}")])
    assert await reindexing.complete(store) == 0
    await revoke(store, 5, START)
    assert as_dict(await counted(store, START)) == await one_by_one(store, START)


async def forget_counts(store: MemoryStore) -> None:
    """Make the rows of the first databases of ours."""
    rows = store._buckets[index.X509.counts].rows
    rows.clear()
    for key, value in await store.scan(index.X509.serials):
        await store.commit([Put(index.X509.serials, key, value[:12])])
