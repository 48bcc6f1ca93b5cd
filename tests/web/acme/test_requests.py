"""Signed requests: what is asked of every one of them (RFC 8555 6.2 to 6.7)."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from appliance.authority.acme import nonces
from tests.support.acme_by_hand import (
    DIRECTORY,
    HOST,
    JOSE,
    AcmeWorld,
    Answer,
    Client,
    PrivateKey,
    encode,
    jwk,
    new_key,
    signed,
)

RSA = rsa.generate_private_key(65537, 2048)
KEYS: list[tuple[PrivateKey, str]] = [
    (ec.generate_private_key(ec.SECP256R1()), "ES256"),
    (ec.generate_private_key(ec.SECP384R1()), "ES384"),
    (ec.generate_private_key(ec.SECP521R1()), "ES512"),
    (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
    *((RSA, name) for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
]


async def test_the_directory_names_every_resource_and_no_other() -> None:
    """RFC 8555 7.1.1; links are below the host that was asked."""
    world = AcmeWorld()
    answer = await world.send("GET", DIRECTORY, {}, b"")
    base = f"https://{HOST}/acme/acme"
    assert answer.json == {
        "newNonce": f"{base}/new-nonce",
        "newAccount": f"{base}/new-account",
        "newOrder": f"{base}/new-order",
        "newAuthz": f"{base}/new-authz",
        "revokeCert": f"{base}/revoke-cert",
        "keyChange": f"{base}/key-change",
        "renewalInfo": f"{base}/renewal-info",
    }
    other = await world.send("GET", "https://other.example/2.0/acme/acme/directory", {}, b"")
    assert other.json["newNonce"] == "https://other.example/acme/acme/new-nonce"


async def test_meta_is_there_when_there_is_something_to_say() -> None:
    entry = {
        "type": "ACME", "name": "my acme", "termsOfService": "https://tos", "website": "https://w",
        "caaIdentities": ["ca.example"], "requireEAB": True,
    }  # fmt: skip
    world = AcmeWorld(entries=[entry])
    answer = await world.send("GET", f"https://{HOST}/acme/my%20acme/directory", {}, b"")
    assert answer.json["meta"] == {
        "termsOfService": "https://tos",
        "website": "https://w",
        "caaIdentities": ["ca.example"],
        "externalAccountRequired": True,
    }
    assert answer.json["newOrder"] == f"https://{HOST}/acme/my%20acme/new-order"


async def test_new_nonce_answers_get_and_head() -> None:
    """RFC 8555 7.2."""
    world = AcmeWorld()
    url = f"https://{HOST}/acme/acme/new-nonce"
    for method, status in (("GET", 204), ("HEAD", 200)):
        answer = await world.send(method, url, {}, b"")
        assert answer.status == status
        assert answer.header("cache-control") == "no-store"
        assert answer.header("link") == f'<{DIRECTORY}>;rel="index"'
        assert answer.header("replay-nonce")


@pytest.mark.parametrize(("name", "status"), [("nobody", 404), ("jwk", 401)])
async def test_a_provisioner_must_be_there_and_be_of_type_acme(name: str, status: int) -> None:
    entries = [{"type": "ACME", "name": "acme"}, {"type": "SCEP", "name": "jwk"}]
    world = AcmeWorld(entries=entries)
    answer = await world.send("GET", f"https://{HOST}/acme/{name}/directory", {}, b"")
    assert answer.status == status


@pytest.mark.parametrize(("key", "algorithm"), KEYS, ids=[name for _, name in KEYS])
async def test_every_algorithm_of_the_reference_is_taken(key: PrivateKey, algorithm: str) -> None:
    world = AcmeWorld()
    client = await Client(world.send, key=key).begin()
    answer = await client.post(
        client.directory["newAccount"], {}, by_key=True, header={"alg": algorithm}
    )
    assert answer.status == 201


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256K", None, 5])
async def test_other_algorithms_are_refused_with_a_list_of_ours(algorithm: Any) -> None:
    """RFC 8555 6.2."""
    client = await Client(AcmeWorld().send).begin()
    url = client.directory["newAccount"]
    protected = {"alg": algorithm, "nonce": await client.fresh_nonce(), "url": url}
    body = {
        "protected": encode(json.dumps(protected | {"jwk": jwk(client.key)}).encode()),
        "payload": encode(b"{}"),
        "signature": encode(b"x" * 64),
    }
    answer = await client.raw(url, json.dumps(body).encode())
    assert answer.problem == "badSignatureAlgorithm"
    assert "ES256" in answer.json["algorithms"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"header": {"url": "https://ca.example/acme/acme/new-account"}}, "unauthorized"),
        ({"header": {"nonce": "AAAA"}}, "badNonce"),
        ({"header": {"nonce": "!"}}, "malformed"),
        ({"without": ["nonce"]}, "badNonce"),
        ({"without": ["url"]}, "malformed"),
        ({"without": ["jwk"]}, "malformed"),
        ({"header": {"kid": "https://ca.example:8443/acme/acme/account/x"}}, "malformed"),
        ({"header": {"jwk": 5}}, "malformed"),
        ({"header": {"jwk": {"kty": "EC"}}}, "badPublicKey"),
        ({"header": {"jwk": {"kty": "oct", "k": "AAAA"}}}, "badPublicKey"),
        ({"header": {"jwk": jwk(rsa.generate_private_key(65537, 1024))}}, "badPublicKey"),
        ({"header": {"jwk": jwk(new_key())}}, "malformed"),
        ({"header": {"crit": ["b64"], "b64": False}}, "malformed"),
        ({"content_type": "application/json"}, "malformed"),
    ],
)
async def test_a_request_that_breaks_a_rule_is_refused_with_its_type(
    change: dict[str, Any], problem: str
) -> None:
    client = await Client(AcmeWorld().send).begin()
    answer = await client.post(client.directory["newAccount"], {}, by_key=True, **change)
    assert answer.problem == problem
    assert answer.status in (400, 401, 415)
    assert answer.header("replay-nonce")
    assert f'<{DIRECTORY}>;rel="index"' in answer.all("link")


async def test_kid_and_jwk_are_where_they_belong() -> None:
    """RFC 8555 6.2: new-account by key, everything else by account."""
    client = await AcmeWorld().client()
    by_account = await client.post(client.directory["newAccount"], {})
    assert by_account.problem == "malformed"
    identifiers = {"identifiers": [{"type": "dns", "value": "a.example"}]}
    header = {"jwk": jwk(client.key)}
    by_key = await client.post(
        client.directory["newOrder"], identifiers, header=header, without=["kid"]
    )
    assert by_key.problem == "malformed"


@pytest.mark.parametrize("kid", ["https://ca.example:8443/acme/acme/account/nobody", "x", "/"])
async def test_an_unknown_account_does_not_exist(kid: str) -> None:
    client = await AcmeWorld().client()
    answer = await client.post(client.kid, header={"kid": kid})
    assert answer.problem == "accountDoesNotExist"


async def test_an_account_is_named_by_its_whole_url() -> None:
    client = await AcmeWorld().client()
    key = client.kid.rpartition("/")[2]
    answer = await client.post(client.kid, header={"kid": f"https://evil.example/{key}"})
    assert (answer.status, answer.problem) == (401, "unauthorized")


async def test_an_account_is_its_provisioner_s_alone() -> None:
    entries = [{"type": "ACME", "name": "acme"}, {"type": "ACME", "name": "other"}]
    world = AcmeWorld(entries=entries)
    client = await world.client()
    url = f"https://{HOST}/acme/other/new-order"
    answer = await client.post(url, {"identifiers": [{"type": "dns", "value": "a.example"}]})
    assert answer.problem == "unauthorized"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'"x"',
        b'{"protected":"e30","payload":"","signature":""}',
        b'{"protected":"!","payload":"","signature":""}',
        b'{"protected":"W10","payload":"","signature":""}',
        b'{"protected":"e30","payload":"","signature":"","header":{}}',
        b'{"signatures":[],"protected":"e30","payload":"","signature":""}',
        b'{"payload":"","signatures":[{"protected":"e30","signature":""}]}',
        b"e30.e30.AAAA",
        b"[" * 100_000,
    ],
)
async def test_a_body_that_is_no_flattened_jws_is_refused(body: bytes) -> None:
    client = await Client(AcmeWorld().send).begin()
    answer = await client.raw(client.directory["newAccount"], body)
    assert answer.status == 400
    assert answer.problem in ("malformed", "badSignatureAlgorithm")


async def test_a_short_signature_of_apple_s_clients_is_understood() -> None:
    """They leave out a leading zero of r or s."""
    client = await Client(AcmeWorld().send).begin()
    url = client.directory["newAccount"]
    body, octets = dict[str, str](), b""
    while not octets or (octets[0] and octets[32]):
        header = {"nonce": await client.fresh_nonce(), "url": url, "jwk": jwk(client.key)}
        body = signed(client.key, header, b"{}")
        octets = base64.urlsafe_b64decode(body["signature"] + "==")
    r, s = octets[:32], octets[32:]
    short = (r[1:] if r[0] == 0 else r) + (s[1:] if s[0] == 0 else s)
    body["signature"] = encode(short)
    answer = await client.raw(url, json.dumps(body).encode())
    assert answer.status == 201


async def test_a_nonce_is_used_once_also_by_many_at_a_time_and_in_two_processes() -> None:
    """RFC 8555 6.5."""
    world = AcmeWorld()
    other = AcmeWorld(store=world.store, clock=world.clock)
    client = await world.client()
    nonce = await client.fresh_nonce()
    answers: list[Answer] = []

    async def use(number: int) -> None:
        header = {"nonce": nonce, "url": client.kid, "kid": client.kid}
        body = json.dumps(signed(client.key, header, b"")).encode()
        send = (world, other)[number % 2].send
        answers.append(await send("POST", client.kid, {"content-type": JOSE}, body))

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(use, number)
    assert sorted(each.status for each in answers) == [200] + [400] * 19
    assert {each.problem for each in answers if each.status == 400} == {"badNonce"}


async def test_a_nonce_is_spent_also_by_a_request_that_is_refused() -> None:
    """RFC 8555 6.5: once it has appeared in a request, it is invalid."""
    client = await AcmeWorld().client()
    nonce = await client.fresh_nonce()
    client.nonce = nonce
    forged = await client.post(client.kid, key=new_key())
    assert forged.problem == "malformed"
    client.nonce = nonce
    assert (await client.post(client.kid)).problem == "badNonce"


async def test_nonces_cost_nothing_until_they_are_used_and_are_forgotten() -> None:
    world = AcmeWorld()
    client = await world.client()
    used = "hearth_acme_used_nonces"
    before = len(await world.store.scan(used))
    old, *_ = [await client.fresh_nonce() for _ in range(50)]
    assert len(await world.store.scan(used)) == before
    world.clock.advance(timedelta(hours=2).total_seconds())
    client.nonce = old
    assert (await client.post(client.kid)).problem == "badNonce"
    client.nonce = ""
    assert (await client.post(client.kid)).status == 200
    assert await nonces.forget(world.store, world.clock.now()) == before
    assert len(await world.store.scan(used)) == 1
