"""External account binding (RFC 8555 7.3.4): keys that the CA gave out, and what they do."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import trio

from appliance.authority.acme import records
from appliance.authority.acme.external_keys import ExternalKeyAdministration
from appliance.model.errors import BadRequest, NotFound
from appliance.model.external_keys import ExternalKeyOrder, ExternalKeyQuery, NewExternalKey
from appliance.ports.store import Put
from tests.support.acme_by_hand import (
    ACME_ENTRY,
    HOST,
    AcmeWorld,
    Answer,
    Client,
    PrivateKey,
    encode,
    jwk,
    new_key,
)
from tests.support.authority import SystemChance

ENTRY = {**ACME_ENTRY, "requireEAB": True}
OTHER = {**ENTRY, "name": "other"}
OPEN = {**ACME_ENTRY, "name": "open"}
URL = f"https://{HOST}/acme/acme/new-account"
HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def made_world() -> AcmeWorld:
    return AcmeWorld(entries=[ENTRY, OTHER, OPEN])


def administration(world: AcmeWorld) -> ExternalKeyAdministration:
    return ExternalKeyAdministration(
        store=world.store,
        clock=world.clock,
        chance=SystemChance(),
        named=world.appliance.x509.registry.by_name,
    )


async def given_out(world: AcmeWorld, *names: str, **members: Any) -> NewExternalKey:
    order = ExternalKeyOrder(**{"provisioner": "acme", "names": names, **members})
    return await administration(world).add_external_key(order)


def binding(
    made: NewExternalKey,
    account: PrivateKey,
    *,
    secret: bytes | None = None,
    payload: Mapping[str, Any] | None = None,
    without: Sequence[str] = (),
    **header: Any,
) -> dict[str, str]:
    """A binding by hand; `header` replaces what the protected header has."""
    whole = {"alg": "HS256", "kid": made.key.id, "url": URL, **header}
    for name in without:
        del whole[name]
    protected = encode(json.dumps(whole).encode())
    body = encode(json.dumps(payload or jwk(account)).encode())
    algorithm = HASHES.get(whole.get("alg", ""), hashlib.sha256)
    mac = hmac.digest(secret or made.secret, f"{protected}.{body}".encode(), algorithm)
    return {"protected": protected, "payload": body, "signature": encode(mac)}


async def registered(world: AcmeWorld, made: NewExternalKey, **members: Any) -> Client:
    client = await Client(world.send).begin()
    answer = await client.register(externalAccountBinding=binding(made, client.key, **members))
    assert answer.status == 201, answer
    return client


async def test_a_key_lets_one_account_in() -> None:
    world = made_world()
    made = await given_out(world)
    client = await Client(world.send).begin()
    assert client.directory["meta"] == {"externalAccountRequired": True}
    sent = binding(made, client.key)
    answer = await client.register(externalAccountBinding=sent)
    assert answer.status == 201
    assert answer.json == {
        "status": "valid",
        "orders": f"{client.kid}/orders",
        "externalAccountBinding": sent,
    }
    assert await client.issue("a.example")
    page = await administration(world).external_keys(ExternalKeyQuery(provisioner="acme"))
    (shown,) = page.keys
    assert client.kid.endswith(f"/{shown.account}")
    assert shown == replace(
        made.key, bound_at=world.clock.now().replace(microsecond=0), account=shown.account
    )


async def test_a_client_that_lost_the_answer_finds_its_account_with_the_same_request() -> None:
    world = made_world()
    made = await given_out(world)
    client = await registered(world, made)
    again = await client.register(externalAccountBinding=binding(made, client.key))
    assert (again.status, again.header("location")) == (200, client.kid)
    assert "externalAccountBinding" not in again.json


@pytest.mark.parametrize("algorithm", HASHES)
async def test_every_mac_of_the_reference_is_taken(algorithm: str) -> None:
    world = made_world()
    await registered(world, await given_out(world), alg=algorithm)


@pytest.mark.parametrize(
    ("wrong", "problem", "told"),
    [
        ({"alg": "none"}, "malformed", "alg must be one of HS256"),
        ({"alg": "ES256"}, "malformed", "alg must be one of HS256"),
        ({"without": ["alg"]}, "malformed", "alg must be one of HS256"),
        ({"nonce": "abc"}, "malformed", "there must be no nonce"),
        ({"url": URL + "/x"}, "malformed", "url must be that of the request"),
        ({"without": ["url"]}, "malformed", "url must be that of the request"),
        ({"without": ["kid"]}, "malformed", "kid is missing"),
        ({"kid": 5}, "malformed", "kid is missing"),
        ({"kid": "0" * 32}, "unauthorized", "there is no external account key"),
        ({"secret": b"another"}, "unauthorized", "not made with the external account key"),
        ({"payload": jwk(new_key())}, "unauthorized", "not the key of the account"),
        ({"payload": {"kty": "oct", "k": "AA"}}, "malformed", "no JWK"),
        ({"crit": ["b64"]}, "malformed", "critical"),
    ],
)
async def test_a_binding_must_be_as_it_must(wrong: dict[str, Any], problem: str, told: str) -> None:
    """RFC 8555 7.3.4: MAC-based, `kid` ours, `url` the outer one, no nonce, the account's key."""
    world = made_world()
    made = await given_out(world)
    client = await Client(world.send).begin()
    answer = await client.register(externalAccountBinding=binding(made, client.key, **wrong))
    assert (answer.problem, answer.status) == (problem, 401 if problem == "unauthorized" else 400)
    assert told in answer.json["detail"]
    await registered(world, made)  # the key is as good as before


@pytest.mark.parametrize(
    "sent", ["text", 5, [], {}, {"protected": "e30", "payload": "", "signature": 5}]
)
async def test_what_is_no_binding_is_malformed(sent: object) -> None:
    client = await Client(made_world().send).begin()
    assert (await client.register(externalAccountBinding=sent)).problem == "malformed"


async def test_without_a_key_nobody_gets_in() -> None:
    client = await Client(made_world().send).begin()
    answer = await client.register()
    assert (answer.status, answer.problem) == (400, "externalAccountRequired")


async def test_a_key_is_used_once_also_by_many_at_a_time() -> None:
    world = made_world()
    made = await given_out(world)
    answers = list[Answer]()

    async def register() -> None:
        client = await Client(world.send).begin()
        sent = binding(made, client.key)
        answers.append(await client.register(externalAccountBinding=sent))

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(register)
    assert sorted(each.status for each in answers) == [201] + [401] * 7
    refused = next(each for each in answers if each.status == 401)
    assert "used before" in refused.json["detail"]


async def test_a_key_is_for_its_provisioner_alone() -> None:
    world = made_world()
    made = await given_out(world, provisioner="other")
    client = await Client(world.send).begin()
    answer = await client.register(externalAccountBinding=binding(made, client.key))
    assert answer.problem == "unauthorized"


async def test_a_key_that_was_written_for_step_ca_is_taken() -> None:
    """To it, provisioners in ca.json have no id."""
    world = made_world()
    made = await given_out(world)
    row = await world.store.get(records.EXTERNAL_KEYS, made.key.id.encode())
    assert row is not None
    foreign = row.replace(b'"provisionerID":"acme/acme"', b'"provisionerID":""')
    assert foreign != row
    await world.store.commit([Put(records.EXTERNAL_KEYS, made.key.id.encode(), foreign)])
    await registered(world, made)


async def test_where_none_is_asked_for_a_binding_is_passed_over_and_not_shown() -> None:
    """RFC 8555 7.3.4: a binding that was not verified must not be reflected."""
    world = made_world()
    made = await given_out(world)
    client = Client(world.send, f"https://{HOST}/acme/open/directory")
    await client.begin()
    answer = await client.register(externalAccountBinding=binding(made, client.key))
    assert answer.status == 201
    assert "externalAccountBinding" not in answer.json
    await registered(world, made)


async def test_a_key_ends_with_its_time() -> None:
    world = made_world()
    made = await given_out(world, not_after=world.clock.now() + timedelta(hours=1))
    world.clock.advance(3600)
    client = await Client(world.send).begin()
    answer = await client.register(externalAccountBinding=binding(made, client.key))
    assert (answer.problem, "has expired" in answer.json["detail"]) == ("unauthorized", True)


# ---- names


async def test_an_account_orders_the_names_of_its_key_and_no_others() -> None:
    world = made_world()
    made = await given_out(world, "nas.example", "*.lab.example", "192.0.2.7", "2001:db8::/32")
    client = await registered(world, made)
    for name in ("nas.example", "a.lab.example", "*.lab.example", "192.0.2.7", "2001:db8::5"):
        assert (await client.order(name)).status == 201, name
    for name in ("a.nas.example", "lab.example", "a.b.lab.example", "*.nas.example", "192.0.2.8"):
        answer = await client.order(name)
        assert (answer.status, answer.problem) == (400, "rejectedIdentifier"), name
    assert await client.issue("NAS.example")


async def test_each_name_that_is_not_allowed_is_told() -> None:
    """RFC 8555 6.7.1."""
    world = made_world()
    client = await registered(world, await given_out(world, "nas.example"))
    answer = await client.order("nas.example", "b.example", "192.0.2.1")
    assert answer.problem == "rejectedIdentifier"
    told = {each["identifier"]["value"]: each["detail"] for each in answer.json["subproblems"]}
    assert set(told) == {"b.example", "192.0.2.1"}
    assert "not allowed by the key of this account" in told["b.example"]


async def test_names_hold_for_authorizations_before_an_order_too() -> None:
    world = made_world()
    client = await registered(world, await given_out(world, "nas.example"))
    url = client.directory["newAuthz"]
    sent = {"identifier": {"type": "dns", "value": "b.example"}}
    assert (await client.post(url, sent)).problem == "rejectedIdentifier"


async def test_a_device_is_not_among_names() -> None:
    world = made_world()
    client = await registered(world, await given_out(world, "nas.example"))
    sent = {"identifiers": [{"type": "permanent-identifier", "value": "nas.example"}]}
    answer = await client.post(client.directory["newOrder"], sent)
    assert answer.problem == "rejectedIdentifier"


async def test_an_account_stays_bound_to_names_when_its_key_is_removed() -> None:
    world = made_world()
    made = await given_out(world, "nas.example")
    client = await registered(world, made)
    await administration(world).remove_external_key("acme", made.key.id)
    assert (await client.order("b.example")).problem == "rejectedIdentifier"
    assert (await client.order("nas.example")).status == 201


# ---- keys


async def test_keys_are_kept_as_step_ca_keeps_them() -> None:
    world = made_world()
    made = await given_out(world, reference="printer")
    raw = await world.store.get(records.EXTERNAL_KEYS, made.key.id.encode())
    at = world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    prov = world.appliance.x509.registry.by_name("acme")
    assert prov is not None
    whose = prov.ref.id
    assert (
        raw
        == (
            f'{{"id":"{made.key.id}","provisionerID":"{whose}","reference":"printer",'
            f'"key":"{base64.b64encode(made.secret).decode()}","createdAt":"{at}",'
            '"boundAt":"0001-01-01T00:00:00Z"}'
        ).encode()
    )
    assert await world.store.get(records.EXTERNAL_KEYS_BY_PROVISIONER, whose.encode()) == (
        f'["{made.key.id}"]'.encode()
    )
    assert await world.store.get(
        records.EXTERNAL_KEYS_BY_REFERENCE, f"{whose}.printer".encode()
    ) == (f'{{"reference":"printer","externalAccountKeyID":"{made.key.id}"}}'.encode())
    client = await registered(world, made)
    bound = await world.store.get(records.EXTERNAL_KEYS, made.key.id.encode())
    account = client.kid.rpartition("/")[2]
    assert (
        bound
        == (
            f'{{"id":"{made.key.id}","provisionerID":"{whose}","reference":"printer",'
            f'"accountID":"{account}","key":"","createdAt":"{at}","boundAt":"{at}"}}'
        ).encode()
    )


async def test_a_key_that_is_removed_lets_nobody_in_and_leaves_nothing() -> None:
    world = made_world()
    keys = administration(world)
    made = await given_out(world, "nas.example", reference="nas")
    await keys.remove_external_key("acme", made.key.id)
    client = await Client(world.send).begin()
    answer = await client.register(externalAccountBinding=binding(made, client.key))
    assert answer.problem == "unauthorized"
    for bucket in (
        records.EXTERNAL_KEYS,
        records.EXTERNAL_KEYS_BY_REFERENCE,
        records.EXTERNAL_KEYS_BY_PROVISIONER,
        "hearth_acme_external_bounds",
    ):
        assert await world.store.scan(bucket) == []
    with pytest.raises(NotFound):
        await keys.remove_external_key("acme", made.key.id)


async def test_with_its_key_an_account_can_be_revoked() -> None:
    world = made_world()
    made = await given_out(world)
    client = await registered(world, made)
    await administration(world).remove_external_key("acme", made.key.id, revoke_account=True)
    answer = await client.order("a.example")
    assert (answer.problem, answer.json["detail"]) == ("unauthorized", "the account is revoked")


async def test_keys_are_listed_page_by_page_and_by_reference() -> None:
    world = made_world()
    keys = administration(world)
    made = [(await given_out(world, reference=f"r{number}")).key for number in range(5)]
    query = ExternalKeyQuery(provisioner="acme", limit=2)
    first = await keys.external_keys(query)
    second = await keys.external_keys(replace(query, cursor=first.cursor))
    third = await keys.external_keys(replace(query, cursor=second.cursor))
    assert (*first.keys, *second.keys, *third.keys) == tuple(made)
    assert third.cursor == ""
    found = await keys.external_keys(ExternalKeyQuery(provisioner="acme", reference="r3"))
    assert found.keys == (made[3],)
    nothing = await keys.external_keys(ExternalKeyQuery(provisioner="other"))
    assert nothing.keys == ()


async def test_many_keys_made_at_a_time_are_all_listed() -> None:
    world = made_world()

    async def make() -> None:
        await given_out(world)

    async with trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(make)
    page = await administration(world).external_keys(ExternalKeyQuery(provisioner="acme"))
    assert len(page.keys) == 6


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"provisioner": "nobody"}, "there is no provisioner 'nobody'"),
        ({"provisioner": "open"}, "lets accounts in without a key"),
        ({"reference": "x" * 257}, "256 characters"),
        ({"reference": "taken"}, "reference 'taken' already"),
        ({"names": ("a_b.*",)}, "allow names such as"),
        ({"names": ("10.0.0.0/40",)}, "neither an IP address nor a range"),
        ({"names": ("a.example",) * 101}, "100 names"),
    ],
)
async def test_keys_that_cannot_be_are_refused_by_name(members: dict[str, Any], told: str) -> None:
    world = made_world()
    await given_out(world, reference="taken")
    with pytest.raises((BadRequest, NotFound), match=told):
        await given_out(world, **members)


async def test_a_key_cannot_end_in_the_past() -> None:
    world = made_world()
    with pytest.raises(BadRequest, match="ended before it begins"):
        await given_out(world, not_after=world.clock.now())


async def test_the_secret_is_in_nothing_that_is_shown_or_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    made = await given_out(made_world(), "nas.example")
    assert repr(made.secret) not in repr(made)
    assert made.key.id in caplog.text
    assert encode(made.secret) not in caplog.text
