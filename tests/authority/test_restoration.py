"""A database from a backup is told what it missed before a CA goes on with it."""

import json
from datetime import timedelta

import pytest

from appliance.authority import crl as publishing
from appliance.authority import records, restoration
from appliance.authority.acme.nonces import Nonces
from appliance.authority.restoration import RESTORATIONS, Settled, read_list, settle
from appliance.formats import pem
from appliance.model.acme import AcmeError
from appliance.model.errors import BadRequest
from appliance.stores.memory import MemoryStore
from tests.support.authority import START, StandingClock, SystemChance, hierarchy, shared_hierarchy
from tests.support.lists import DAY, Lists, Recorded, read

LATER = START + timedelta(days=2)
ISSUER = shared_hierarchy().issuer


def revocation(serial: int, reason: int = 0) -> Recorded:
    return Recorded(serial=serial, at=START, reason_code=reason, not_after=START + 9 * DAY)


async def restored(lists: Lists, *published: bytes) -> Settled:
    before = [read_list(each, [ISSUER]) for each in published]
    return await settle(lists.store, [ISSUER], before, made_at=START, now=LATER)


async def test_what_a_list_names_is_revoked_again() -> None:
    """The list that the CA published after the backup knows what the backup does not."""
    living, backup = Lists(), Lists()
    await living.record([revocation(1), revocation(2, reason=4)])
    await backup.record([revocation(1)])
    published = await living.once()
    settled = await restored(backup, published.der)
    assert settled.revoked == 1
    assert await records.is_revoked(backup.store, 2)
    backup.clock.moment = LATER
    after = read(await backup.once())
    assert sorted(each.serial for each in after.entries()) == [1, 2]
    entry = {each.serial: each for each in after.entries()}[2]
    assert (entry.revoked_at, entry.reason_code) == (START.replace(microsecond=0), 4)
    assert (await restored(backup, published.der)).revoked == 0  # nothing twice


async def test_numbers_of_lists_go_on_above_all_that_were_given_out() -> None:
    """RFC 5280 5.2.3: a later list has a higher number, whatever the backup remembers."""
    lists = Lists()
    first = await lists.once()
    settled = await restored(lists)
    assert settled.list_number > int(LATER.timestamp())
    lists.clock.moment = LATER
    after = read(await lists.once())
    assert (read(first).number or 0) < settled.list_number == after.number
    again = await restored(lists)
    assert again.list_number > settled.list_number - 1


async def test_the_number_of_a_given_list_counts_though_the_clock_is_behind() -> None:
    lists = Lists()
    await restored(lists)
    lists.clock.moment = LATER
    published = await lists.once()
    early = START - timedelta(days=9000)
    before = [read_list(published.der, [ISSUER])]
    settled = await settle(MemoryStore(), [ISSUER], before, made_at=early, now=early)
    assert settled.list_number == (read(published).number or 0) + 1


async def test_the_list_of_the_backup_is_not_shown_again() -> None:
    lists = Lists()
    await lists.once()
    await restored(lists)
    assert await lists.store.get(publishing.LISTS, b"crl") is None


async def test_nonces_from_before_hold_no_more() -> None:
    store = MemoryStore()
    clock = StandingClock()
    nonce = await Nonces(store, clock, SystemChance()).give()
    await Nonces(store, clock, SystemChance()).check(nonce)
    await settle(store, [ISSUER], [], made_at=START, now=LATER)
    with pytest.raises(AcmeError, match="none of this server's"):
        await Nonces(store, clock, SystemChance()).check(nonce)


async def test_that_it_was_restored_is_written_down() -> None:
    store = MemoryStore()
    await settle(store, [ISSUER], [], made_at=START, now=LATER)
    ((_, value),) = await store.scan(RESTORATIONS)
    assert json.loads(value)["madeAt"].startswith("2026-03-01T12:00:00")


async def test_a_list_may_be_pem() -> None:
    published = await Lists().once()
    text = pem.encode("X509 CRL", published.der)
    assert restoration.read_list(text.encode(), [ISSUER]).issuer == ISSUER


async def test_a_list_of_another_ca_or_a_changed_one_is_refused() -> None:
    published = await Lists(pki=hierarchy()).once()
    with pytest.raises(BadRequest, match=r"another issuer signed it|cannot be used"):
        read_list(published.der, [ISSUER])
    good = bytearray((await Lists().once()).der)
    good[-1] ^= 1
    for octets in (bytes(good), b"no list", b""):
        with pytest.raises(BadRequest, match="cannot be used"):
            read_list(octets, [ISSUER])
