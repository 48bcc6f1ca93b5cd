"""Accounts and their keys (RFC 8555 7.3)."""

import json
from typing import Any

import pytest
import trio

from tests.support.acme_by_hand import (
    ACME_ENTRY,
    HOST,
    AcmeWorld,
    Answer,
    Client,
    csr,
    jwk,
    new_key,
    signed,
    thumbprint,
)


async def test_an_account_is_made_once_for_a_key() -> None:
    """RFC 8555 7.3, 7.3.1."""
    client = await Client(AcmeWorld().send).begin()
    made = await client.register(contact=["mailto:me@a.example"])
    assert made.status == 201
    assert made.json == {
        "contact": ["mailto:me@a.example"],
        "status": "valid",
        "orders": f"{client.kid}/orders",
    }
    again = await client.register()
    assert (again.status, again.header("location")) == (200, made.header("location"))
    assert again.json == made.json


async def test_only_existing_ones_are_returned_when_asked_so() -> None:
    client = await Client(AcmeWorld().send).begin()
    answer = await client.register(onlyReturnExisting=True)
    assert (answer.status, answer.problem) == (400, "accountDoesNotExist")
    made = await client.register()
    found = await client.register(onlyReturnExisting=True)
    assert (found.status, found.header("location")) == (200, made.header("location"))


async def test_many_requests_for_one_key_at_a_time_make_one_account() -> None:
    world = AcmeWorld()
    key, answers = new_key(), list[Answer]()

    async def register() -> None:
        answers.append(await (await Client(world.send, key=key).begin()).register())

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(register)
    assert len({each.header("location") for each in answers}) == 1
    assert sorted(each.status for each in answers) == [200] * 9 + [201]


async def test_a_key_can_have_an_account_with_each_provisioner() -> None:
    """Some clients have one key for all directories of a server."""
    world = AcmeWorld(entries=[ACME_ENTRY, {"type": "ACME", "name": "other"}])
    key = new_key()
    first, second = await world.client("acme", key), await world.client("other", key)
    assert first.kid != second.kid
    for client, name in ((first, "acme"), (second, "other")):
        assert f"/acme/{name}/account/" in client.kid
        assert (await client.order("a.example")).status == 201


@pytest.mark.parametrize(
    ("contact", "problem"),
    [
        (["mailto:a@example,b@example"], "invalidContact"),
        (["mailto:a@example?subject=x"], "invalidContact"),
        ([""], "invalidContact"),
        (["me@example"], "unsupportedContact"),
        (["mailto:a@example"] * 11, "invalidContact"),
        ("mailto:a@example", "malformed"),
        ([5], "malformed"),
    ],
)
async def test_contacts_are_urls(contact: Any, problem: str) -> None:
    client = await Client(AcmeWorld().send).begin()
    assert (await client.register(contact=contact)).problem == problem


async def test_contacts_are_changed_and_removed() -> None:
    """RFC 8555 7.3.2; what the server does not know is ignored."""
    client = await AcmeWorld().client()
    changed = await client.post(client.kid, {"contact": ["mailto:b@example"], "x": 1})
    assert changed.json["contact"] == ["mailto:b@example"]
    assert (await client.post(client.kid)).json["contact"] == ["mailto:b@example"]
    assert "contact" not in (await client.post(client.kid, {"contact": []})).json
    passed_over = await client.post(client.kid, {"status": "revoked"})
    assert (passed_over.status, passed_over.json["status"]) == (200, "valid")


async def test_a_deactivated_account_does_nothing_more() -> None:
    """RFC 8555 7.3.6."""
    client = await AcmeWorld().client()
    assert (await client.post(client.kid, {"status": "deactivated"})).json[
        "status"
    ] == "deactivated"
    for answer in (
        await client.post(client.kid),
        await client.order("a.example"),
        await client.register(),
    ):
        assert (answer.status, answer.problem) == (401, "unauthorized")


async def test_terms_of_service_must_be_agreed_to_where_there_are_any() -> None:
    world = AcmeWorld(entries=[{**ACME_ENTRY, "termsOfService": "https://tos.example"}])
    client = await Client(world.send).begin()
    refused = await client.register(termsOfServiceAgreed=False)
    assert (refused.status, refused.problem) == (403, "userActionRequired")
    assert refused.json["instance"] == "https://tos.example"
    assert '<https://tos.example>;rel="terms-of-service"' in refused.all("link")
    assert (await client.register()).status == 201


async def test_without_a_binding_there_is_no_account_where_one_is_required() -> None:
    client = await Client(AcmeWorld(entries=[{**ACME_ENTRY, "requireEAB": True}]).send).begin()
    assert (await client.register()).problem == "externalAccountRequired"


# ---- the account's key


async def change(client: Client, new: Any, **changes: Any) -> Answer:
    """Change the key (RFC 8555 7.3.5), with something wrong if asked for."""
    url = client.directory["keyChange"]
    payload = {"account": client.kid, "oldKey": jwk(client.key), **changes.get("payload", {})}
    header = {"jwk": jwk(new), "url": url, **changes.get("header", {})}
    inner = signed(changes.get("signer", new), header, json.dumps(payload).encode())
    return await client.post(url, inner)


async def test_an_account_gets_another_key_and_the_old_one_is_worth_nothing() -> None:
    world = AcmeWorld()
    client = await world.client()
    old, new = client.key, new_key()
    answer = await change(client, new)
    assert (answer.status, answer.json["status"]) == (200, "valid")
    assert (await client.post(client.kid)).problem == "malformed"
    client.key = new
    assert (await client.post(client.kid)).status == 200
    assert len(await client.issue("a.example")) == 2
    assert (await client.register()).status == 200
    assert (await Client(world.send, key=old).register()).status == 201


async def test_a_key_that_is_some_account_s_is_not_taken() -> None:
    world = AcmeWorld()
    client, other = await world.client(), await world.client()
    answer = await change(client, other.key)
    assert (answer.status, answer.header("location")) == (409, other.kid)
    assert (await client.post(client.kid)).status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"header": {"url": "https://ca.example/"}, "problem": "unauthorized"},
        {"payload": {"account": "https://ca.example/acme/acme/account/x"}},
        {"payload": {"oldKey": jwk(new_key())}},
        {"payload": {"oldKey": None}},
        {"signer": new_key()},
        {"header": {"nonce": "x"}},
        {"header": {"kid": "x"}},
    ],
)
async def test_a_key_change_that_breaks_a_rule_changes_nothing(changes: dict[str, Any]) -> None:
    client = await AcmeWorld().client()
    problem = changes.get("problem", "malformed")
    assert (await change(client, new_key(), **changes)).problem == problem
    assert (await client.post(client.kid)).status == 200


async def test_an_account_s_orders_are_listed_while_they_are_open() -> None:
    """RFC 8555 7.1.2.1: an object, and pending ones."""
    client = await AcmeWorld().client()
    open_one = await client.order("a.example")
    await client.issue("b.example")
    orders = (await client.post(f"{client.kid}/orders")).json
    assert orders == {"orders": [open_one.header("location")]}


async def test_rows_are_as_step_ca_has_them() -> None:
    """Member by member in its order, since it compares whole rows."""
    world = AcmeWorld()
    client = await world.client()
    order = (await client.order("a.example")).json
    account = client.kid.rpartition("/")[2]

    async def only(bucket: str) -> dict[str, Any]:
        ((_, value),) = (await world.store.scan(bucket))[:1]
        found: dict[str, Any] = json.loads(value)
        return found

    row = await only("acme_accounts")
    assert list(row) == [
        "id", "key", "status", "locationPrefix", "provisionerID", "provisionerName", "createdAt",
        "deactivatedAt",
    ]  # fmt: skip
    assert row["locationPrefix"] == f"https://{HOST}/acme/acme/account/"
    assert row["provisionerID"] == "acme/acme"
    assert row["deactivatedAt"] == "0001-01-01T00:00:00Z"
    index = await world.store.get("acme_keyID_accountID_index", thumbprint(client.key).encode())
    assert index == account.encode()
    assert list(await only("acme_orders")) == [
        "id", "accountID", "provisionerID", "identifiers", "authorizationIDs", "status",
        "notBefore", "notAfter", "createdAt", "expiresAt",
    ]  # fmt: skip
    assert list(await only("acme_authzs")) == [
        "id", "accountID", "identifier", "status", "token", "challengeIDs", "wildcard",
        "createdAt", "expiresAt", "error",
    ]  # fmt: skip
    assert list(await only("acme_challenges")) == [
        "id", "accountID", "type", "status", "token", "value", "validatedAt", "createdAt", "error",
    ]  # fmt: skip
    await client.authorize(order)
    await client.finalize(order, csr("a.example"))
    assert list(await only("acme_certs")) == [
        "id", "createdAt", "accountID", "orderID", "leaf", "intermediates",
    ]  # fmt: skip
    assert list(await only("acme_serial_certs_index")) == ["serial", "certificateID"]
    assert list(await only("acme_orders"))[-1] == "certificate"
