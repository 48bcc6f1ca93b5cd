"""Revocation by ACME (RFC 8555 7.6), and what is forgotten when."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.authority.acme import housekeeping
from appliance.model.events import EventKind
from tests.support.acme_by_hand import AcmeWorld, Answer, Client, PrivateKey, csr, encode, new_key


async def revoke(client: Client, leaf: x509.Certificate, **members: object) -> Answer:
    asked = {"certificate": encode(leaf.public_bytes(Encoding.DER)), **members}
    return await client.post(client.directory["revokeCert"], asked)


async def revoke_by_key(client: Client, leaf: x509.Certificate, key: PrivateKey) -> Answer:
    asked = {"certificate": encode(leaf.public_bytes(Encoding.DER))}
    return await client.post(client.directory["revokeCert"], asked, key=key, by_key=True)


async def test_the_account_that_ordered_revokes_once() -> None:
    world = AcmeWorld()
    client = await world.client()
    leaf, _ = await client.issue("a.example")
    done = await revoke(client, leaf, reason=1)
    assert (done.status, done.body) == (200, b"")
    event = world.appliance.events[-1]
    assert (event.kind, event.reason) == (EventKind.REVOKED, "key compromised")
    again = await revoke(client, leaf)
    assert (again.status, again.problem) == (400, "alreadyRevoked")
    row = await world.store.get("revoked_x509_certs", str(leaf.serial_number).encode())
    assert row is not None
    assert row.endswith(b'"MTLS":false,"ACME":true}')


@pytest.mark.parametrize("reason", [7, 11, -1])
async def test_a_reason_that_is_none_is_refused(reason: int) -> None:
    client = await AcmeWorld().client()
    leaf, _ = await client.issue("a.example")
    assert (await revoke(client, leaf, reason=reason)).problem == "badRevocationReason"


async def test_who_has_proven_all_the_names_revokes_and_nobody_else() -> None:
    world = AcmeWorld()
    client, other = await world.client(), await world.client()
    leaf, _ = await client.issue("a.example", "b.example")
    await other.issue("a.example")
    refused = await revoke(other, leaf)
    assert (refused.status, refused.problem) == (403, "unauthorized")
    assert "b.example" in refused.json["detail"]
    await other.issue("b.example")
    assert (await revoke(other, leaf)).status == 200


async def test_the_certificate_s_key_revokes_without_an_account() -> None:
    world = AcmeWorld()
    client = await world.client()
    key = new_key()
    leaf, _ = await client.issue("a.example", request=csr("a.example", key=key))
    stranger = await Client(world.send).begin()
    assert (await revoke_by_key(stranger, leaf, new_key())).status == 403
    assert (await revoke_by_key(stranger, leaf, key)).status == 200


async def test_a_foreign_certificate_or_none_is_refused() -> None:
    client = await AcmeWorld().client()
    theirs = await AcmeWorld().client()
    leaf, _ = await theirs.issue("a.example")
    assert (await revoke(client, leaf)).status == 404
    for payload in ({"certificate": "AAAA"}, {"certificate": "!"}, {}, {"certificate": 5}):
        answer = await client.post(client.directory["revokeCert"], payload)
        assert (answer.status, answer.problem) == (400, "malformed")


async def test_a_year_of_daily_renewals_leaves_a_bounded_store() -> None:
    """What is over is forgotten a week later; accounts and the inventory stay."""
    world = AcmeWorld()
    client = await world.client()
    sizes = []
    buckets = (
        "acme_orders", "acme_authzs", "acme_challenges", "acme_certs", "acme_serial_certs_index",
        "hearth_acme_expiry", "hearth_acme_held", "hearth_acme_used_nonces",
    )  # fmt: skip
    for _ in range(30):
        await client.issue("a.example")
        world.clock.advance(timedelta(days=1).total_seconds())
        client.nonce = ""
        await housekeeping.forget(world.store, world.clock.now())
        sizes.append(sum([len(await world.store.scan(each)) for each in buckets]))
    assert sizes[-1] == sizes[14]
    assert len(await world.store.scan("x509_certs")) == 30
    world.clock.advance(timedelta(days=30).total_seconds())
    await housekeeping.forget(world.store, world.clock.now())
    assert [await world.store.scan(each) for each in buckets] == [[]] * len(buckets)
    assert (await client.post(client.kid)).status == 200
