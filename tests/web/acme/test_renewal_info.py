"""Renewal information and orders that replace a certificate (RFC 9773)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.authority.acme import housekeeping, renewal_info, replacing
from appliance.authority.issuers import Issuers
from appliance.issuance.acme import certificate_ids
from appliance.issuance.parsed import parse
from tests.support.acme_by_hand import AcmeWorld, Answer, Client, csr, encode
from tests.support.authority import hierarchy

DAY = timedelta(days=1)
OTHER = hierarchy()


def name_of(leaf: x509.Certificate) -> str:
    return certificate_ids.write(parse(leaf.public_bytes(Encoding.DER)))


async def info(world: AcmeWorld, name: str, more: str = "") -> Answer:
    directory = (
        await world.send("GET", "https://ca.example:8443/acme/acme/directory", {}, b"")
    ).json
    return await world.send("GET", f"{directory['renewalInfo']}/{name}{more}", {}, b"")


async def window(world: AcmeWorld, leaf: x509.Certificate) -> tuple[datetime, datetime]:
    answer = await info(world, name_of(leaf))
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    assert 60 <= int(answer.header("retry-after")) <= 21600
    found = answer.json["suggestedWindow"]
    start, end = (datetime.fromisoformat(found[each]) for each in ("start", "end"))
    assert start < end
    return start, end


def roll_over(world: AcmeWorld) -> None:
    """Let another intermediate issue, and the first one renew only."""
    old = replace(world.appliance.x509.issuers.first, name="old", issues=False)
    issuers = Issuers(OTHER.issuing().first, [old])
    world.appliance.x509 = replace(world.appliance.x509, issuers=issuers)
    renewal = replace(world.endpoints.renewal, issuers=issuers)
    world.serve(replace(world.endpoints, renewal=renewal))


async def test_the_window_is_two_thirds_into_the_life_and_stays_there() -> None:
    world = AcmeWorld()
    leaf, _ = await (await world.client()).issue("a.example")
    start, end = await window(world, leaf)
    issued = leaf.not_valid_before_utc + timedelta(minutes=1)
    assert issued + DAY * 0.58 < start < end < issued + DAY * 0.75
    world.clock.advance(3600)
    assert await window(world, leaf) == (start, end)
    answer = await info(world, name_of(leaf))
    assert (answer.header("retry-after"), set(answer.json)) == ("3599", {"suggestedWindow"})


async def test_a_certificate_of_minutes_has_a_window_too() -> None:
    claims = {"defaultTLSCertDuration": "5m"}
    world = AcmeWorld(entries=[{"type": "ACME", "name": "acme", "claims": claims}])
    leaf, _ = await (await world.client()).issue("a.example")
    start, end = await window(world, leaf)
    assert world.clock.now() + timedelta(minutes=2) < start < end < leaf.not_valid_after_utc
    assert (await info(world, name_of(leaf))).header("retry-after") == "60"


async def test_a_revoked_certificate_should_have_been_renewed() -> None:
    """RFC 9773 4.2: a window in the past; and it is said why."""
    world = AcmeWorld()
    client = await world.client()
    leaf, _ = await client.issue("a.example")
    world.clock.advance(600)
    der = encode(leaf.public_bytes(Encoding.DER))
    assert (await client.post(client.directory["revokeCert"], {"certificate": der})).status == 200
    start, end = await window(world, leaf)
    assert leaf.not_valid_before_utc <= start < end <= world.clock.now()
    answer = await info(world, name_of(leaf))
    url = answer.json["explanationURL"]
    words = await world.send("GET", url, {}, b"")
    assert words.header("content-type").startswith("text/plain")
    assert "revoked" in words.body.decode()


async def test_an_issuer_that_goes_brings_its_certificates_forward() -> None:
    """Within a day, or before the usual window; and it stays where it is, whoever asks again."""
    world = AcmeWorld()
    client = await world.client()
    leaves = [(await client.issue(f"a{each}.example"))[0] for each in range(5)]
    usual = [await window(world, each) for each in leaves]
    world.clock.advance(3600)
    roll_over(world)
    now = world.clock.now().replace(microsecond=0)
    moved = [await window(world, each) for each in leaves]
    assert all(now <= start < end for start, end in moved)
    assert all(early[0] < late[0] for early, late in zip(moved, usual, strict=True))
    assert len({start for start, _ in moved}) == 5
    world.clock.advance(3600)
    assert [await window(world, each) for each in leaves] == moved
    assert "explanationURL" in (await info(world, name_of(leaves[0]))).json
    assert len(await world.store.scan(renewal_info.GOING)) == 1


async def test_an_issuer_that_comes_back_is_as_before() -> None:
    world = AcmeWorld()
    leaf, _ = await (await world.client()).issue("a.example")
    usual, first = await window(world, leaf), world.endpoints.renewal
    roll_over(world)
    assert await window(world, leaf) != usual
    world.serve(replace(world.endpoints, renewal=first))
    assert await window(world, leaf) == usual
    assert await world.store.scan(renewal_info.GOING) == []


@pytest.mark.parametrize(
    "name", ["x", "a.b.c", "AAAA.", ".AQ", "AAAA.AAE", "AAAA.AAAB", "%C3%A9.AQ", "A=.AQ"]
)
async def test_what_is_no_identifier_is_malformed(name: str) -> None:
    answer = await info(AcmeWorld(), name)
    assert (answer.status, answer.problem) == (400, "malformed")


async def test_a_certificate_of_another_ca_is_not_known() -> None:
    world, other = AcmeWorld(), AcmeWorld()
    leaf, _ = await (await other.client()).issue("a.example")
    for more in ("", "/explanation"):
        assert (await info(world, name_of(leaf), more)).status == 404
    mine, _ = await (await world.client()).issue("a.example")
    _, _, serial = name_of(mine).partition(".")
    assert (await info(world, f"AAAA.{serial}")).status == 404


async def replacement(client: Client, name: str, *names: str) -> Answer:
    return await client.order(*(names or ("a.example",)), replaces=name)


async def finished(client: Client, order: Any, *names: str) -> None:
    await client.authorize(order)
    done = await client.finalize(order, csr(*(names or ("a.example",))))
    assert done.json["status"] == "valid"


async def test_an_order_replaces_a_certificate_once() -> None:
    """RFC 9773 5: it is told in the order; what is replaced is not replaced again."""
    world = AcmeWorld()
    client = await world.client()
    leaf, _ = await client.issue("a.example")
    made = await replacement(client, name_of(leaf), "a.example", "b.example")
    assert (made.status, made.json["replaces"]) == (201, name_of(leaf))
    assert (await client.post(made.header("location"))).json["replaces"] == name_of(leaf)
    await finished(client, made.json, "a.example", "b.example")
    assert (await client.post(made.header("location"))).json["replaces"] == name_of(leaf)
    again = await replacement(client, name_of(leaf))
    assert (again.status, again.problem) == (409, "alreadyReplaced")
    assert "replaces" not in (await client.order("a.example")).json


async def test_an_order_that_came_to_nothing_has_replaced_nothing() -> None:
    world = AcmeWorld()
    world.validator.failing.add("b.example")
    client = await world.client()
    leaf, _ = await client.issue("a.example")
    order = (await replacement(client, name_of(leaf), "a.example", "b.example")).json
    await client.authorize(order)
    made = await replacement(client, name_of(leaf))
    assert made.status == 201
    await finished(client, made.json)


async def test_two_orders_under_way_for_one_certificate_both_end() -> None:
    client = await AcmeWorld().client()
    leaf, _ = await client.issue("a.example")
    orders = [(await replacement(client, name_of(leaf))).json for _ in range(2)]
    for order in orders:
        await finished(client, order)


async def test_who_may_replace_what() -> None:
    world = AcmeWorld()
    client, stranger = await world.client(), await world.client()
    leaf, _ = await client.issue("a.example")
    foreign, _ = await (await AcmeWorld().client()).issue("a.example")
    for who, name, names, status, problem in (
        (stranger, name_of(leaf), ("a.example",), 403, "unauthorized"),
        (client, name_of(foreign), ("a.example",), 404, "malformed"),
        (client, name_of(leaf), ("b.example",), 400, "malformed"),
        (client, "x", ("a.example",), 400, "malformed"),
    ):
        answer = await replacement(who, name, *names)
        assert (answer.status, answer.problem) == (status, problem), name
    answer = await client.post(
        client.directory["newOrder"],
        {"identifiers": [{"type": "dns", "value": "a.example"}], "replaces": 5},
    )
    assert answer.problem == "malformed"


async def test_what_was_replaced_is_forgotten() -> None:
    world = AcmeWorld()
    client = await world.client()
    leaf, _ = await client.issue("a.example")
    await finished(client, (await replacement(client, name_of(leaf))).json)
    buckets = (replacing.REPLACED, replacing.REPLACES)
    assert [len(await world.store.scan(each)) for each in buckets] == [1, 1]
    await housekeeping.forget(world.store, datetime(2027, 1, 1, tzinfo=UTC))
    assert [await world.store.scan(each) for each in buckets] == [[], []]
