"""RFC 8555 7.1 to 7.3: the directory, nonces and accounts."""

import json
from typing import Any

import pytest

from tests.support.acme_by_hand import (
    ACME_ENTRY,
    DIRECTORY,
    AcmeWorld,
    Answer,
    Client,
    PrivateKey,
    csr,
    jwk,
    new_key,
    signed,
)
from tests.web.acme.conformance.scenes import NAME, account, pending, ready, resources

FIELDS = {"contact", "status", "termsOfServiceAgreed", "externalAccountBinding", "orders"}


# ---- 7.1


async def test_the_directory_names_what_is_there() -> None:
    """7.1, 7.1.1: an object with URLs; newAuthz, since pre-authorization works."""
    world, client = await account()
    answer = await world.send("GET", DIRECTORY, {}, b"")
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    assert {
        "newNonce", "newAccount", "newOrder", "newAuthz", "revokeCert", "keyChange",
    } <= set(answer.json)  # fmt: skip
    assert isinstance(answer.json.get("meta", {}), dict)
    identifier = {"type": "dns", "value": NAME}
    made = await client.post(answer.json["newAuthz"], {"identifier": identifier})
    assert made.status == 201


async def test_meta_says_what_provisioners_are_configured_with() -> None:
    """7.1.1."""
    entry = {**ACME_ENTRY, "termsOfService": "https://tos", "website": "https://www",
             "caaIdentities": ["ca.example"], "requireEAB": True}  # fmt: skip
    meta = (await Client(AcmeWorld(entries=[entry]).send).begin()).directory["meta"]
    expected = {
        "termsOfService": "https://tos", "website": "https://www",
        "caaIdentities": ["ca.example"], "externalAccountRequired": True,
    }  # fmt: skip
    assert {name: meta[name] for name in expected} == expected


async def test_answers_lead_to_the_directory() -> None:
    """7.1: Link with relation `index`."""
    _, client = await account()
    for url, payload in (await resources(client)).values():
        assert f'<{DIRECTORY}>;rel="index"' in (await client.post(url, payload)).all("link")


async def test_orders_are_listed_as_an_object_with_those_of_the_account() -> None:
    """7.1.2.1: pending ones, none that is invalid."""
    world, client = await account()
    world.validator.failing.add("bad.example")
    url, _ = await pending(client)
    await ready(client, "bad.example")
    await pending(await world.client(), "other.example")
    orders = (await client.post((await client.post(client.kid)).json["orders"])).json
    assert set(orders) == {"orders"}
    assert url in orders["orders"]
    states = [(await client.post(each)).json["status"] for each in orders["orders"]]
    assert "invalid" not in states


# ---- 7.2


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204)])
async def test_a_nonce_comes_without_a_body_and_is_not_to_be_cached(
    method: str, status: int
) -> None:
    """7.2."""
    world, client = await account()
    answer = await world.send(method, client.directory["newNonce"], {}, b"")
    assert (answer.status, answer.body) == (status, b"")
    assert "no-store" in answer.header("cache-control")
    client.nonce = answer.header("replay-nonce")
    assert (await client.post(client.kid)).status == 200


# ---- 7.3


async def test_a_new_account_is_201_with_its_url_and_object() -> None:
    """7.3: and it is read there."""
    client = await Client(AcmeWorld().send).begin()
    made = await client.register(contact=["mailto:me@a.example"])
    assert made.status == 201
    assert made.json["status"] == "valid"
    assert made.json["contact"] == ["mailto:me@a.example"]
    assert made.json["orders"]
    assert (await client.post(made.header("location"))).json == made.json


async def test_fields_that_are_not_the_client_s_or_not_known_are_ignored() -> None:
    """7.3: and not shown again."""
    client = await Client(AcmeWorld().send).begin()
    made = await client.register(
        orders="https://elsewhere.example/", status="revoked", onlyReturnExisting=False,
        somethingNew={"x": 1}, id="x",
    )  # fmt: skip
    assert (made.status, made.json["status"]) == (201, "valid")
    assert set(made.json) <= FIELDS
    assert made.json["orders"].startswith(made.header("location"))


@pytest.mark.parametrize(
    ("contact", "problem"),
    [
        ("mailto:me@a.example", ""),
        ("MAILTO:me@a.example", ""),
        ("mailto:me@a.example,you@a.example", "invalidContact"),
        ("mailto:me@a.example?subject=x", "invalidContact"),
        ("mailto:", "unsupportedContact"),
        ("me@a.example", "unsupportedContact"),
    ],
)
async def test_contacts_are_judged_and_mailto_is_supported(contact: str, problem: str) -> None:
    """7.3: unsupportedContact for the scheme, invalidContact for the value; nothing is made."""
    client = await Client(AcmeWorld().send).begin()
    answer = await client.register(contact=[contact])
    assert (answer.status, answer.status == 201 or answer.problem) == (
        (400, problem) if problem else (201, True)
    )
    found = await client.register(onlyReturnExisting=True)
    assert found.status == (400 if problem else 200)


@pytest.mark.parametrize("agreed", [False, None, "true", 1])
async def test_without_agreement_to_the_terms_there_is_no_account(agreed: Any) -> None:
    """7.3; 7.3.3: the answer leads to the terms, and has an `instance` for people."""
    world = AcmeWorld(entries=[{**ACME_ENTRY, "termsOfService": "https://tos.example/1"}])
    client = await Client(world.send).begin()
    assert client.directory["meta"]["termsOfService"] == "https://tos.example/1"
    answer = await client.register(termsOfServiceAgreed=agreed)
    if agreed in (False, None):
        assert (answer.status, answer.problem) == (403, "userActionRequired")
        assert '<https://tos.example/1>;rel="terms-of-service"' in answer.all("link")
        assert answer.json["instance"] == "https://tos.example/1"
    else:
        assert answer.problem == "malformed"
    assert await world.store.scan("acme_accounts") == []


# ---- 7.3.1


async def test_a_key_that_has_an_account_finds_it_as_it_was() -> None:
    """7.3.1: 200, its URL; what else was asked is ignored."""
    client = await Client(AcmeWorld().send).begin()
    made = await client.register(contact=["mailto:me@a.example"])
    for members in ({"contact": ["mailto:other@a.example"]}, {"onlyReturnExisting": True}, {}):
        found = await client.register(**members)
        assert (found.status, found.header("location")) == (200, made.header("location"))
        assert found.json == made.json


async def test_who_only_looks_for_an_account_makes_none() -> None:
    """7.3.1: 400 accountDoesNotExist."""
    world = AcmeWorld()
    answer = await Client(world.send).register(onlyReturnExisting=True)
    assert (answer.status, answer.problem) == (400, "accountDoesNotExist")
    assert await world.store.scan("acme_accounts") == []


# ---- 7.3.2


async def test_an_update_changes_contacts_and_nothing_else() -> None:
    """7.3.2: 200 with the account; orders, terms, status and unknown fields are ignored."""
    _, client = await account()
    before = (await client.post(client.kid)).json
    for ignored in (
        {"orders": "https://elsewhere.example/"}, {"termsOfServiceAgreed": False},
        {"status": "valid"}, {"status": "revoked"}, {"status": "x"}, {"somethingNew": 1},
    ):  # fmt: skip
        answer = await client.post(client.kid, ignored)
        assert (answer.status, answer.json) == (200, before), ignored
    changed = await client.post(client.kid, {"contact": ["mailto:me@a.example"]})
    assert changed.status == 200
    assert changed.json == {**before, "contact": ["mailto:me@a.example"]}
    assert (await client.post(client.kid)).json == changed.json


# ---- 7.3.5


async def rolled(client: Client, new: PrivateKey, **changes: Any) -> Answer:
    """Ask for another key, with something wrong if told so."""
    url = client.directory["keyChange"]
    said = {"account": client.kid, "oldKey": jwk(client.key), **changes.get("said", {})}
    header = {"jwk": jwk(new), "url": url, **changes.get("header", {})}
    inner = signed(changes.get("signer", new), header, json.dumps(said).encode())
    return await client.post(url, {**inner, **changes.get("inner", {})})


async def test_a_key_is_changed_and_orders_go_on() -> None:
    """7.3.5: 200; the old key is worth nothing; nothing that was begun is lost."""
    world, client = await account()
    url, _ = await pending(client)
    ready_url, proven = await ready(client, "b.example")
    old, new = client.key, new_key()
    assert (await rolled(client, new)).status == 200
    assert (await client.post(client.kid)).problem == "malformed"
    client.key = new
    assert (await client.post(url)).json["status"] == "pending"
    assert (await client.post(ready_url)).json["status"] == "ready"
    assert (await client.finalize(proven, csr("b.example"))).status == 200
    found = await Client(world.send, key=old).register(onlyReturnExisting=True)
    assert found.problem == "accountDoesNotExist"


@pytest.mark.parametrize(
    "changes",
    [
        {"inner": {"protected": "x"}},  # step 2
        {"inner": {"payload": ""}},
        {"inner": {"header": {}}},
        {"header": {"jwk": None}},  # step 3
        {"header": {"kid": "x"}},
        {"signer": new_key()},  # step 4
        {"said": {"account": None}},  # step 5
        {"said": {"oldKey": None}},
        {"header": {"url": f"{DIRECTORY}x"}},  # step 6
        {"said": {"account": "https://elsewhere.example/"}},  # step 7
        {"said": {"oldKey": jwk(new_key())}},  # step 8
        {"header": {"nonce": "AAAA"}},
        {"header": {"alg": "HS256"}},
    ],
)
async def test_a_key_change_is_held_to_every_step(changes: dict[str, Any]) -> None:
    """7.3.5: 4xx, and the key stays."""
    _, client = await account()
    new = new_key()
    answer = await rolled(client, new, **changes)
    assert 400 <= answer.status < 500
    assert answer.problem
    assert (await client.post(client.kid)).status == 200


async def test_the_key_of_an_account_is_not_taken_by_another() -> None:
    """7.3.5 step 9: 409, and whose it is; 11.1: no two accounts have one key."""
    world, client = await account()
    other = await world.client()
    answer = await rolled(client, other.key)
    assert (answer.status, answer.header("location")) == (409, other.kid)
    assert (await client.post(client.kid)).status == 200


async def test_a_key_change_is_of_an_active_account() -> None:
    """7.3.5 step 1."""
    _, client = await account()
    await client.post(client.kid, {"status": "deactivated"})
    assert (await rolled(client, new_key())).problem == "unauthorized"


# ---- 7.3.6


async def test_a_deactivated_account_may_nothing() -> None:
    """7.3.6: 200 with the account; then 401 unauthorized to everything, by kid and by key."""
    world, client = await account()
    found = await resources(client)
    stranger = await world.client()
    assert (await stranger.post(client.kid, {"status": "deactivated"})).problem == "unauthorized"
    gone = await client.post(client.kid, {"status": "deactivated"})
    assert (gone.status, gone.json["status"]) == (200, "deactivated")
    for kind, (url, payload) in found.items():
        answer = await client.post(url, payload)
        assert (answer.status, answer.problem) == (401, "unauthorized"), kind
    answer = await client.register()
    assert (answer.status, answer.problem) == (401, "unauthorized")
    for status in ("valid", "deactivated"):
        assert (await client.post(client.kid, {"status": status})).problem == "unauthorized"
