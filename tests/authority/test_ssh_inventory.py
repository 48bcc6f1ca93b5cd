"""SSH certificates in the inventory: beside those of X.509, and found as they are."""

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs

from appliance.authority import index, reindexing
from appliance.authority.inventory import Inventory
from appliance.authority.ssh import records as ssh_records
from appliance.formats.ssh import certificate
from appliance.model.errors import NotFound
from appliance.model.inventory import (
    CertificateKind,
    CertificateQuery,
    CertificateState,
    CertificateSummary,
)
from appliance.model.ssh import CertificateType
from appliance.ports.store import Delete, Store
from appliance.stores.memory import MemoryStore
from tests.support.inventory import START, Sample
from tests.support.ssh_certificates import HOUR, SshSample, revoke_ssh

ALICE = SshSample(serial=0xA1, principals=("alice", "Admin", "alice@example.com"))
BOB = SshSample(serial=0xB0B, key_id="bob", principals=("bob",), issued_at=START + HOUR)
WEB = SshSample(
    serial=2**64 - 5,
    type=CertificateType.HOST,
    key_id="web.example.com",
    principals=("web.example.com", "10.0.0.7"),
    issued_at=START + 2 * HOUR,
    lifetime=timedelta(days=30),
    provisioner=None,
)
TLS = Sample(serial=0xA1, subject="alice", sans=("alice.example.com",))
QUERY = CertificateQuery(kind=CertificateKind.SSH)
LATER = START + 20 * HOUR


async def filled() -> Store:
    store = MemoryStore()
    for each in (ALICE, BOB, WEB, TLS):
        await store.commit(each.operations())
    await revoke_ssh(store, BOB.serial, START + 3 * HOUR, "lost")
    return store


async def found(query: CertificateQuery, store: Store | None = None) -> list[CertificateSummary]:
    page = await Inventory(store or await filled()).page(query, LATER)
    return list(page.certificates)


async def test_a_line_has_key_id_principals_and_type() -> None:
    web, bob, alice = await found(QUERY)
    assert (alice.serial, alice.kind) == (0xA1, CertificateKind.SSH)
    assert (alice.subject, alice.sans) == ("alice", ("alice", "Admin", "alice@example.com"))
    assert (alice.certificate_type, web.certificate_type) == ("user", "host")
    assert (alice.provisioner, alice.provisioner_type, web.provisioner) == ("admin", "JWK", "")
    assert (alice.not_before, alice.not_after) == (START - HOUR / 60, START + 16 * HOUR)
    assert alice.issued_at == START
    assert alice.state is CertificateState.EXPIRED
    assert web.state is CertificateState.ACTIVE
    assert bob.state is CertificateState.REVOKED
    assert bob.revocation is not None
    assert bob.revocation.reason == "lost"


@pytest.mark.parametrize(
    ("query", "serials"),
    [
        (QUERY, [WEB.serial, BOB.serial, ALICE.serial]),
        (CertificateQuery(), [TLS.serial]),
        (replace(QUERY, name="alice"), [ALICE.serial]),
        (replace(QUERY, name="admin"), [ALICE.serial]),
        (replace(QUERY, name="alice@example.com"), [ALICE.serial]),
        (replace(QUERY, name="*.example.com"), [WEB.serial]),
        (replace(QUERY, name="10.0.0.7"), [WEB.serial]),
        (replace(QUERY, name="alice.example.com"), []),
        (replace(QUERY, serial="161"), [ALICE.serial]),
        (replace(QUERY, serial="0xb0"), [BOB.serial]),
        (replace(QUERY, serial="1844"), [WEB.serial]),
        (replace(QUERY, provisioner="admin"), [BOB.serial, ALICE.serial]),
        (replace(QUERY, state=CertificateState.REVOKED), [BOB.serial]),
        (replace(QUERY, state=CertificateState.EXPIRED), [ALICE.serial]),
        (replace(QUERY, state=CertificateState.ACTIVE), [WEB.serial]),
        (replace(QUERY, expires_before=START + 17.5 * HOUR), [ALICE.serial, BOB.serial]),
    ],
)
async def test_a_list_is_of_one_kind(query: CertificateQuery, serials: list[int]) -> None:
    assert [each.serial for each in await found(query)] == serials


async def test_pages_go_on_where_they_ended() -> None:
    inventory = Inventory(await filled())
    first = await inventory.page(replace(QUERY, limit=2), LATER)
    second = await inventory.page(replace(QUERY, limit=2, cursor=first.cursor), LATER)
    assert [each.serial for each in first.certificates] == [WEB.serial, BOB.serial]
    assert [each.serial for each in second.certificates] == [ALICE.serial]
    assert second.cursor == ""


async def test_one_serial_number_of_both_kinds() -> None:
    inventory = Inventory(await filled())
    ssh = await inventory.certificate(0xA1, LATER, CertificateKind.SSH)
    tls = await inventory.certificate(0xA1, LATER)
    assert certificate.parse(ssh.der) == ALICE.certificate
    assert tls.summary.sans == ("alice.example.com",)
    with pytest.raises(NotFound):
        await inventory.certificate(TLS.serial + 1, LATER, CertificateKind.SSH)


async def test_certificates_of_a_database_of_step_ca_are_indexed() -> None:
    """They are in step-ca's bucket, without a row of ours; one of them was revoked."""
    store = await filled()
    before = await found(QUERY, store)
    for bucket in (
        index.SSH.serials, index.SSH.issued, index.SSH.names, index.SSH.provisioners,
        index.SSH.expiry, index.SSH.revoked, ssh_records.CERTIFICATES_DATA,
    ):  # fmt: skip
        await store.commit([Delete(bucket, key) for key, _ in await store.scan(bucket)])
    assert await found(QUERY, store) == []
    assert await reindexing.complete(store) == 3
    assert await reindexing.is_current(store)
    again = await found(QUERY, store)
    assert {each.serial for each in again} == {each.serial for each in before}
    assert {each.serial: each.state for each in again} == {
        each.serial: each.state for each in before
    }
    for each in again:
        assert each.issued_at == each.not_before  # nobody knows better
    revoked = await found(replace(QUERY, state=CertificateState.REVOKED), store)
    assert [each.serial for each in revoked] == [BOB.serial]


async def test_a_certificate_for_ever_is_listed() -> None:
    store = MemoryStore()
    forever = SshSample(serial=7, lifetime=timedelta(days=365 * 3000))
    await store.commit(forever.operations())
    made = structs.replace(forever.certificate, serial=8, valid_before=certificate.FOREVER)
    await store.commit(ssh_records.issued(made, provisioner=None, issued_at=START, token=None))
    listed = await found(replace(QUERY, state=CertificateState.ACTIVE), store)
    assert {each.serial for each in listed} == {7, 8}
    assert max(each.not_after for each in listed).year == 9999
