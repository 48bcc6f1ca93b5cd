"""RFC 8555 section 6: what every message must be, and what every answer has."""

import base64
import json
from typing import Any

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from appliance.model.acme import AcmeError, ProblemType
from tests.support.acme_by_hand import (
    ACME_ENTRY,
    DIRECTORY,
    HOST,
    JOSE,
    AcmeWorld,
    Answer,
    Client,
    PromptValidator,
    encode,
    jwk,
    new_key,
    signed,
)
from tests.web.acme.conformance.scenes import READ, account, by_jwk, pending, resources

REGISTERED = {
    "accountDoesNotExist", "alreadyReplaced", "alreadyRevoked", "badCSR", "badNonce",
    "badPublicKey", "badRevocationReason", "badSignatureAlgorithm", "caa", "compound",
    "connection", "dns", "externalAccountRequired", "incorrectResponse", "invalidContact",
    "invalidProfile", "malformed", "orderNotReady", "rateLimited", "rejectedIdentifier",
    "serverInternal", "tls", "unauthorized", "unsupportedContact", "unsupportedIdentifier",
    "userActionRequired",
}  # fmt: skip
OF_DRAFTS = {"badAttestationStatement"}  # draft-ietf-acme-device-attest, which step-ca has too


async def envelope(client: Client, url: str, payload: bytes = b"") -> dict[str, Any]:
    """A good message of an account, to be spoiled."""
    header = {"nonce": await client.fresh_nonce(), "url": url, "kid": client.kid}
    return dict(signed(client.key, header, payload))


async def sent(client: Client, url: str, message: object) -> Answer:
    return await client.raw(url, json.dumps(message).encode())


# ---- 6.1


@pytest.mark.parametrize("part", ["protected", "payload", "signature"])
async def test_base64url_with_padding_is_refused(part: str) -> None:
    """6.1: trailing `=` is improper."""
    _, client = await account()
    message = await envelope(client, client.kid, b"{}")
    message[part] += "=" * (-len(message[part]) % 4 or 4)
    assert (await sent(client, client.kid, message)).problem == "malformed"


# ---- 6.2


async def test_nothing_is_done_before_the_signature_was_verified() -> None:
    """6.2."""
    world, client = await account()
    answer = await client.post(
        client.directory["newOrder"],
        {"identifiers": [{"type": "dns", "value": "a.example"}]},
        key=new_key(),
    )
    assert answer.problem == "malformed"
    deactivating = await client.post(client.kid, {"status": "deactivated"}, key=new_key())
    assert deactivating.problem == "malformed"
    assert (await client.post(client.kid)).json["status"] == "valid"
    assert await world.store.scan("acme_orders") == []


async def test_a_payload_or_header_that_was_changed_is_refused() -> None:
    """6.2."""
    _, client = await account()
    first, second = [await envelope(client, client.kid) for _ in range(2)]
    first["payload"] = encode(b'{"contact":[]}')
    header = json.loads(base64.urlsafe_b64decode(second["protected"] + "=="))
    second["protected"] = encode(json.dumps(header | {"more": 1}).encode())
    for message in (first, second):
        assert (await sent(client, client.kid, message)).problem == "malformed"


async def test_only_the_flattened_serialization_is_taken() -> None:
    """6.2: neither the compact nor the general one."""
    _, client = await account()
    one = await envelope(client, client.kid)
    compact = f"{one['protected']}.{one['payload']}.{one['signature']}".encode()
    assert (await client.raw(client.kid, compact)).problem == "malformed"
    inner = {"protected": one["protected"], "signature": one["signature"]}
    general = {"payload": one["payload"], "signatures": [inner]}
    assert (await sent(client, client.kid, general)).problem == "malformed"


async def test_several_signatures_are_refused() -> None:
    """6.2."""
    _, client = await account()
    one = await envelope(client, client.kid)
    inner = {"protected": one["protected"], "signature": one["signature"]}
    both = {**one, "signatures": [inner, inner]}
    assert (await sent(client, client.kid, both)).problem == "malformed"


async def test_an_unencoded_payload_is_refused() -> None:
    """6.2: not RFC 7797."""
    _, client = await account()
    for more in ({"b64": False, "crit": ["b64"]}, {"b64": True, "crit": ["b64"]}):
        assert (await client.post(client.kid, header=more)).problem == "malformed"


async def test_an_unprotected_header_is_refused() -> None:
    """6.2."""
    _, client = await account()
    one = await envelope(client, client.kid)
    for header in ({}, {"alg": "ES256"}, {"kid": client.kid}):
        assert (await sent(client, client.kid, {**one, "header": header})).problem == "malformed"


async def test_a_detached_payload_is_refused() -> None:
    """6.2: the member must be there, and text."""
    _, client = await account()
    for payload in ({}, {"payload": None}):
        one = await envelope(client, client.kid)
        del one["payload"]
        assert (await sent(client, client.kid, {**one, **payload})).problem == "malformed"


@pytest.mark.parametrize("name", ["none", "None", "HS256", "HS384", "HS512", "ES256K", "RS1", ""])
async def test_no_signature_and_macs_are_refused_with_the_list_of_algorithms(name: str) -> None:
    """6.2: 400 badSignatureAlgorithm, with `algorithms`."""
    _, client = await account()
    header = {"alg": name, "nonce": await client.fresh_nonce(), "url": client.kid}
    message = {
        "protected": encode(json.dumps(header | {"kid": client.kid}).encode()),
        "payload": "",
        "signature": "" if name.lower() == "none" else encode(b"x" * 32),
    }
    answer = await sent(client, client.kid, message)
    assert (answer.status, answer.problem) == (400, "badSignatureAlgorithm")
    assert {"ES256", "EdDSA"} <= set(answer.json["algorithms"])


@pytest.mark.parametrize(
    ("missing", "problem"),
    [
        ("alg", "badSignatureAlgorithm"),
        ("nonce", "badNonce"),
        ("url", "malformed"),
        ("kid", "malformed"),
    ],
)
async def test_each_header_parameter_must_be_there(missing: str, problem: str) -> None:
    """6.2, 6.4.1, 6.5.2."""
    _, client = await account()
    header = {"alg": "ES256", "nonce": await client.fresh_nonce(), "url": client.kid}
    header["kid"] = client.kid
    del header[missing]
    protected = encode(json.dumps(header).encode())
    good = signed(client.key, header, b"")
    message = good if missing != "alg" else {**good, "protected": protected}
    answer = await sent(client, client.kid, message)
    assert (answer.status, answer.problem) == (400, problem)


async def test_es256_and_ed25519_are_taken() -> None:
    """6.2: the first must be implemented, the second should."""
    world = AcmeWorld()
    for key in (ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()):
        assert (await Client(world.send, key=key).register()).status == 201


async def test_jwk_and_kid_together_are_refused() -> None:
    """6.2."""
    _, client = await account()
    both = {"jwk": jwk(client.key), "kid": client.kid}
    for url in (client.kid, client.directory["newAccount"], client.directory["revokeCert"]):
        assert (await client.post(url, {}, header=both)).problem == "malformed"


async def test_new_account_is_signed_with_the_key_itself() -> None:
    """6.2: `jwk`, not `kid`; and it is the key of the signature."""
    _, client = await account()
    url = client.directory["newAccount"]
    assert (await client.post(url, {})).problem == "malformed"
    other = await client.post(url, {}, header={"jwk": jwk(new_key())}, without=["kid"])
    assert other.problem == "malformed"


async def test_everything_else_is_signed_by_an_account() -> None:
    """6.2: a `jwk` is refused, but to revoke."""
    _, client = await account()
    for kind, (url, payload) in (await resources(client)).items():
        if kind != "revoke-cert":
            answer = await by_jwk(client, url, payload)
            assert (answer.status, answer.problem) == (400, "malformed"), kind


async def test_kid_is_the_url_that_the_account_was_given() -> None:
    """6.2: the whole of it, and of an account that is there."""
    _, client = await account()
    key = client.kid.rpartition("/")[2]
    for kind, (url, payload) in (await resources(client)).items():
        for kid, problem in (
            (f"{client.kid}x", "accountDoesNotExist"),
            (f"{client.kid}/", "accountDoesNotExist"),
            (f"https://elsewhere.example/acme/acme/account/{key}", "unauthorized"),
            (key, "unauthorized"),
            (f"https://{HOST}/acme/other/account/{key}", "unauthorized"),
        ):
            answer = await client.post(url, payload, header={"kid": kid})
            assert answer.problem == problem, (kind, kid)


@pytest.mark.parametrize(
    "key",
    [
        jwk(rsa.generate_private_key(65537, 1024)),
        {"kty": "EC", "crv": "P-256", "x": encode(b"\1" * 32), "y": encode(b"\1" * 32)},
        {"kty": "EC", "crv": "secp256k1", "x": encode(b"\1" * 32), "y": encode(b"\1" * 32)},
        {"kty": "OKP", "crv": "X25519", "x": encode(b"\1" * 32)},
        {"kty": "oct", "k": encode(b"\1" * 32)},
        {"kty": "RSA", "n": encode(b"\xff" * 256), "e": encode(b"\1")},
    ],
    ids=["small RSA", "off the curve", "another curve", "X25519", "secret", "exponent 1"],
)
async def test_a_key_that_is_not_taken_is_a_bad_public_key(key: dict[str, str]) -> None:
    """6.2: 400 badPublicKey, and why."""
    client = await Client(AcmeWorld().send).begin()
    answer = await client.post(client.directory["newAccount"], {}, header={"jwk": key})
    assert (answer.status, answer.problem) == (400, "badPublicKey")
    assert answer.json["detail"]


async def test_another_content_type_is_415() -> None:
    """6.2."""
    _, client = await account()
    for url, payload in (await resources(client)).values():
        for given in ("application/json", "text/plain", "", "application/jose"):
            assert (await client.post(url, payload, content_type=given)).status == 415


# ---- 6.3


async def test_get_is_for_directory_and_new_nonce_alone() -> None:
    """6.3: 405, of type malformed."""
    world, client = await account()
    found = {kind: url for kind, (url, _) in (await resources(client)).items()}
    found |= {name: client.directory[name] for name in ("newAccount", "keyChange")}
    for kind, url in found.items():
        answer = await world.send("GET", url, {}, b"")
        if kind in ("directory", "new-nonce"):
            assert answer.status in (200, 204)
        else:
            assert (answer.status, answer.problem) == (405, "malformed"), kind
            assert answer.all("allow") == ["POST"]


async def test_directory_and_new_nonce_are_read_by_post_as_get_too() -> None:
    """6.3."""
    _, client = await account()
    answer = await client.post(client.directory_url)
    assert (answer.status, answer.json) == (200, client.directory)
    nonce = await client.post(client.directory["newNonce"])
    assert (nonce.status, nonce.body) == (204, b"")
    assert nonce.header("replay-nonce")


async def test_post_as_get_is_an_empty_payload_of_the_owner() -> None:
    """6.3: the sender is authenticated and may see it."""
    world, client = await account()
    stranger = await world.client()
    found = await resources(client)
    for url in (found[kind][0] for kind in READ):
        assert (await client.post(url)).status == 200
        assert (await client.post(url, key=new_key())).problem == "malformed"
        answer = await stranger.post(url)
        assert (answer.status, answer.problem) == (401, "unauthorized")


async def test_an_empty_object_is_no_post_as_get() -> None:
    """6.3: the payload has no octets."""
    _, client = await account()
    found = await resources(client)
    for kind in ("orders", "order", "certificate", "directory", "new-nonce"):
        spoiled: list[object] = [{}, b" ", b"null", b'""']
        for payload in spoiled:
            assert (await client.post(found[kind][0], payload)).problem == "malformed"


async def test_post_as_get_changes_nothing() -> None:
    """6.3: it means what GET means."""
    world, client = await account()
    found = await resources(client)
    buckets = ("acme_orders", "acme_authzs", "acme_challenges", "acme_certs", "acme_accounts")
    before = [await world.store.scan(each) for each in buckets]
    begun = list(world.validator.begun)
    for kind in READ:
        await client.post(found[kind][0])
    assert [await world.store.scan(each) for each in buckets] == before
    assert world.validator.begun == begun


# ---- 6.4


@pytest.mark.parametrize(
    "spoiled",
    [
        f"https://{HOST}/acme/acme/new-authz",
        f"https://{HOST}/acme/acme/new-order/",
        f"https://{HOST}/acme/acme/new-order?x",
        f"https://{HOST}/acme/acme/New-Order",
        f"https://{HOST}/acme/acme/new%2Dorder",
        f"http://{HOST}/acme/acme/new-order",
        "https://ca.example/acme/acme/new-order",
        "https://elsewhere.example/acme/acme/new-order",
        "/acme/acme/new-order",
    ],
)
async def test_a_message_for_another_url_is_unauthorized(spoiled: str) -> None:
    """6.4: the strings are the same, or it is refused."""
    world, client = await account()
    names = {"identifiers": [{"type": "dns", "value": "a.example"}]}
    answer = await client.post(client.directory["newOrder"], names, header={"url": spoiled})
    assert (answer.status, answer.problem) == (401, "unauthorized")
    assert await world.store.scan("acme_orders") == []


@pytest.mark.parametrize("url", [5, None, [], {}, ""])
async def test_url_is_text(url: Any) -> None:
    """6.4.1."""
    _, client = await account()
    assert (await client.post(client.kid, header={"url": url})).problem == "malformed"


# ---- 6.5


async def test_every_answer_to_a_post_has_a_nonce() -> None:
    """6.5: those that succeed must, problems should; and it is good."""
    _, client = await account()
    for kind, (url, payload) in (await resources(client)).items():
        done = await client.post(url, payload)
        assert done.status < 300, kind
        assert client.nonce == done.header("replay-nonce") != ""
        refused = await client.post(url, payload, key=new_key())
        assert refused.problem == "malformed"
        assert client.nonce == refused.header("replay-nonce") != ""
        assert (await client.post(client.kid)).status == 200


async def test_a_nonce_that_was_not_given_is_a_bad_one() -> None:
    """6.5: 400 badNonce, with a fresh nonce for another try."""
    _, client = await account()
    foreign = await (await AcmeWorld().client()).fresh_nonce()
    for nonce in (encode(b"x" * 32), encode(b"x"), "A" * 64, foreign):
        answer = await client.post(client.kid, header={"nonce": nonce})
        assert (answer.status, answer.problem) == (400, "badNonce")
        assert client.nonce == answer.header("replay-nonce") != nonce
        assert (await client.post(client.kid)).status == 200


async def test_a_nonce_is_good_once() -> None:
    """6.5: whatever became of the request that had it."""
    _, client = await account()
    spoiled: list[dict[str, Any]] = [
        {},
        {"key": new_key()},
        {"header": {"url": "https://elsewhere.example/"}},
        {"header": {"kid": f"{client.kid}x"}},
        {"header": {"jwk": jwk(client.key)}},
        {"header": {"alg": "RS256"}},
    ]
    for change in spoiled:
        client.nonce = nonce = await client.fresh_nonce()
        first = await client.post(client.kid, **change)
        assert change == {} or first.status >= 400
        client.nonce = nonce
        again = await client.post(client.kid)
        assert (again.status, again.problem) == (400, "badNonce"), change


@pytest.mark.parametrize("count", [2, 8, 64])
async def test_of_many_requests_with_one_nonce_one_succeeds(count: int) -> None:
    """6.5: also at once, and at two servers on one store."""
    world = AcmeWorld()
    servers = (world, AcmeWorld(store=world.store, clock=world.clock))
    client = await world.client()
    message = json.dumps(await envelope(client, client.kid)).encode()
    answers: list[Answer] = []

    async def use(number: int) -> None:
        send = servers[number % 2].send
        answers.append(await send("POST", client.kid, {"content-type": JOSE}, message))

    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(use, number)
    assert sorted(each.status for each in answers) == [200, *[400] * (count - 1)]
    assert {each.problem for each in answers if each.status == 400} == {"badNonce"}


async def test_nonces_are_unique_random_and_base64url() -> None:
    """6.5.1: they differ in more than can be guessed."""
    _, client = await account()
    found = [await client.fresh_nonce() for _ in range(500)]
    assert len(set(found)) == len(found)
    octets = [base64.urlsafe_b64decode(each + "=" * (-len(each) % 4)) for each in found]
    assert {encode(each) for each in octets} == set(found)
    unlike = [sum(a != b for a, b in zip(octets[0], each, strict=True)) for each in octets[1:]]
    assert min(unlike) >= 16  # octets; the clock stands still


@pytest.mark.parametrize("nonce", ["!", "AA==", "A+B/", "AB CD", "\u00e9"])
async def test_a_nonce_that_is_no_base64url_is_malformed(nonce: str) -> None:
    """6.5.2."""
    _, client = await account()
    answer = await client.post(client.kid, header={"nonce": nonce})
    assert (answer.status, answer.problem) == (400, "malformed")


# ---- 6.6, 6.7


class Busy(PromptValidator):
    """Has too much to do."""

    async def begin(self, *_: Any, **__: Any) -> None:
        raise AcmeError(ProblemType.RATE_LIMITED, "too many")


async def test_a_limit_is_told_with_its_type_and_when_to_come_back() -> None:
    """6.6."""
    world = AcmeWorld(validator=Busy())
    client = await world.client()
    _, order = await pending(client)
    url = (await client.post(order["authorizations"][0])).json["challenges"][0]["url"]
    answer = await client.post(url, {})
    assert (answer.status, answer.problem) == (429, "rateLimited")
    assert int(answer.header("retry-after")) > 0


def test_no_type_of_error_is_made_up() -> None:
    """6.7: those of the registry, below its prefix."""
    ours = {each.label for each in ProblemType}
    assert ours <= REGISTERED | OF_DRAFTS
    assert all(each.urn == f"urn:ietf:params:acme:error:{each.label}" for each in ProblemType)


async def test_several_problems_are_subproblems_and_each_names_its_identifier() -> None:
    """6.7.1: an identifier is in subproblems alone."""
    entry = {**ACME_ENTRY, "challenges": ["http-01"]}
    client = await AcmeWorld(entries=[entry]).client()
    wrong = [{"type": "dns", "value": each} for each in ("a..b", "*.*.c")]
    answer = await client.post(
        client.directory["newOrder"], {"identifiers": [*wrong, {"type": "x", "value": "y"}]}
    )
    assert answer.status == 400
    assert "identifier" not in answer.json
    assert len(answer.json["subproblems"]) == 3
    for each in answer.json["subproblems"]:
        assert each["type"].startswith("urn:ietf:params:acme:error:")
        assert set(each.get("identifier", {"type": "", "value": ""})) == {"type", "value"}


async def test_problems_are_problem_documents() -> None:
    """6.7: of application/problem+json, with type and detail."""
    _, client = await account()
    answer = await client.post(client.directory["newOrder"], {})
    assert answer.header("content-type") == "application/problem+json"
    assert answer.json["type"].startswith("urn:ietf:params:acme:error:")
    assert answer.json["detail"]
    assert f'<{DIRECTORY}>;rel="index"' in answer.all("link")
