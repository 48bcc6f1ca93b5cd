"""The list of revoked SSH certificates: what is on it, and that it is never behind."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.authority.ssh import records
from appliance.authority.ssh.krl import KrlPublisher
from appliance.formats.ssh import keys, krl
from appliance.formats.ssh.certificate import SshCertificate
from appliance.formats.ssh.signatures import SshSignature
from appliance.model.errors import Broken, NotFound
from appliance.model.ssh import CertificateType
from appliance.ports.store import Put, Store
from appliance.stores.memory import MemoryStore
from tests.support.authority import START, StandingClock

USER_CA = Ed25519PrivateKey.from_private_bytes(b"u" * 32)
HOST_CA = Ed25519PrivateKey.from_private_bytes(b"h" * 32)
OLD_CA = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
HOLDER = keys.of_key(Ed25519PrivateKey.from_private_bytes(b"k" * 32).public_key())


def blob(ca: Ed25519PrivateKey) -> bytes:
    return keys.of_key(ca.public_key()).blob


OURS = (blob(USER_CA), blob(HOST_CA))


def certified(serial: int, ca: Ed25519PrivateKey = USER_CA, **changes: Any) -> SshCertificate:
    fields: dict[str, Any] = {
        "nonce": b"n",
        "key": HOLDER,
        "serial": serial,
        "type": CertificateType.USER,
        "key_id": "alice",
        "principals": ("alice",),
        "valid_after": int(START.timestamp()),
        "valid_before": int((START + timedelta(hours=16)).timestamp()),
        "signature_key": keys.of_key(ca.public_key()),
    }
    unsigned = SshCertificate(**(fields | changes))
    signature = SshSignature(format=keys.ED25519, blob=ca.sign(unsigned.to_be_signed))
    return unsigned.signed(signature)


async def issue(store: Store, made: SshCertificate) -> None:
    await store.commit(records.issued(made, provisioner=None, issued_at=START, token=None))


async def revoke(store: Store, serial: int) -> None:
    operations = records.revoked(
        serial=serial,
        provisioner_id="",
        reason_code=0,
        reason="",
        revoked_at=START,
        token_id="",
        listed=None,
    )
    await store.commit(operations)


def publisher_of(store: Store, clock: StandingClock | None = None) -> KrlPublisher:
    publisher = KrlPublisher(store, clock or StandingClock())
    publisher.configure(OURS)
    return publisher


async def test_without_keys_there_is_no_list() -> None:
    with pytest.raises(NotFound, match="no SSH keys"):
        await KrlPublisher(MemoryStore(), StandingClock()).current()


async def test_what_is_revoked_is_listed_for_the_key_that_signed_it() -> None:
    store, foreign = MemoryStore(), certified(8, OLD_CA)
    for made in (certified(5), certified(6, HOST_CA), certified(7), foreign):
        await issue(store, made)
    for serial in (5, 6, 8):
        await revoke(store, serial)
    listed = krl.parse((await publisher_of(store).current()).octets)
    assert listed.revokes(certified(5))
    assert listed.revokes(certified(6, HOST_CA))
    assert listed.revokes(foreign)  # of a CA key that is no longer ours
    assert not listed.revokes(certified(7))
    assert not listed.revokes(certified(5, HOST_CA))


async def test_a_certificate_that_nobody_knows_is_listed_for_each_of_our_keys() -> None:
    store = MemoryStore()
    await revoke(store, 99)
    listed = krl.parse((await publisher_of(store).current()).octets)
    assert listed.revokes(certified(99))
    assert listed.revokes(certified(99, HOST_CA))
    assert not listed.revokes(certified(99, OLD_CA))


@pytest.mark.parametrize(("hours", "listed"), [(0, True), (16, True), (17.01, False)])
async def test_who_has_ended_leaves_the_list_an_hour_later(hours: float, listed: bool) -> None:
    store, clock = MemoryStore(), StandingClock()
    await issue(store, certified(5))
    await revoke(store, 5)
    publisher = publisher_of(store, clock)
    await publisher.current()
    clock.advance(hours * 3600)
    read = krl.parse((await publisher.current()).octets)
    assert read.revokes(certified(5)) is listed


async def test_odd_rows_do_not_spoil_the_list() -> None:
    """Serial numbers that OpenSSH refuses lists for, keys that are none, damaged certificates."""
    store = MemoryStore()
    for serial in (0, 2**64, 5):
        await revoke(store, serial)
    await store.commit(
        [Put(records.REVOCATIONS, b"odd", b"{"), Put(records.CERTIFICATES, b"5", b"damaged")]
    )
    listed = krl.parse((await publisher_of(store).current()).octets)
    assert [each.serials for each in listed.certificates] == [((5, 5),), ((5, 5),)]


class Counted:
    """A store that counts what is asked of it, and fails when told to."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.scans = self.gets = 0
        self.broken = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def get(self, bucket: str, key: bytes) -> bytes | None:
        self.gets += 1
        return await self.store.get(bucket, key)

    async def scan(self, bucket: str, **limits: Any) -> list[tuple[bytes, bytes]]:
        self.scans += 1
        if self.broken:
            raise Broken("it is broken")
        return await self.store.scan(bucket, **limits)


async def test_who_asks_often_costs_nothing_and_each_row_is_read_once() -> None:
    store, clock = Counted(), StandingClock()
    publisher = publisher_of(store, clock)
    await revoke(store, 5)
    first = await publisher.current()
    scans, gets = store.scans, store.gets
    assert await publisher.current() is first
    assert (store.scans, store.gets) == (scans, gets)
    clock.advance(61)
    assert await publisher.current() is first  # the same octets, so hosts need not fetch them
    assert store.scans > scans
    assert store.gets == gets


async def test_a_revocation_is_on_the_next_list() -> None:
    store = MemoryStore()
    publisher = publisher_of(store)
    first = await publisher.current()
    await revoke(store, 5)
    await publisher.changed()
    second = await publisher.current()
    assert krl.parse(second.octets).revokes(certified(5))
    assert second.version > first.version
    assert second.tag != first.tag


async def test_what_another_program_revokes_is_on_it_within_a_minute() -> None:
    store, clock = MemoryStore(), StandingClock()
    publisher = publisher_of(store, clock)
    await publisher.current()
    await revoke(store, 5)
    clock.advance(61)
    assert krl.parse((await publisher.current()).octets).revokes(certified(5))


async def test_a_failure_is_told_and_not_remembered() -> None:
    store = Counted()
    publisher = publisher_of(store)
    store.broken = True
    with pytest.raises(Broken):
        await publisher.current()
    store.broken = False
    assert krl.parse((await publisher.current()).octets).certificates == ()


async def test_thousands_of_revocations_are_all_listed() -> None:
    store = MemoryStore()
    serials = range(10, 10 + 3 * 5000, 3)
    for serial in serials:
        await revoke(store, serial)
    listed = krl.parse((await publisher_of(store).current()).octets)
    assert all(listed.revokes(certified(serial)) for serial in (10, 13, serials[-1]))
    assert not listed.revokes(certified(11))
    assert sum(last - first + 1 for first, last in listed.certificates[0].serials) == 5000
