"""RFC 8555 7.5, 7.6, 8: authorizations, challenges and revocation."""

import base64
import re
from datetime import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.acme_by_hand import (
    AcmeWorld,
    Answer,
    Client,
    PrivateKey,
    csr,
    encode,
    new_key,
    thumbprint,
)
from tests.support.authority import START
from tests.web.acme.conformance.scenes import NAME, account, issued, pending, ready


async def opened(client: Client, kind: str = "http-01") -> tuple[str, str]:
    """An authorization's URL, and that of its challenge of a type."""
    _, order = await pending(client)
    (url,) = order["authorizations"]
    found = (await client.post(url)).json["challenges"]
    return url, next(each["url"] for each in found if each["type"] == kind)


# ---- 7.5, 7.5.1


async def test_an_authorization_has_what_it_must() -> None:
    """7.1.4, 7.5: pending and valid."""
    _, client = await account()
    url, challenge = await opened(client)
    found = (await client.post(url)).json
    assert (found["status"], found["identifier"]) == ("pending", {"type": "dns", "value": NAME})
    assert {each["type"] for each in found["challenges"]} >= {"http-01", "dns-01", "tls-alpn-01"}
    await client.post(challenge, {})
    proven = (await client.post(url)).json
    assert proven["status"] == "valid"
    assert datetime.fromisoformat(proven["expires"]) > START


async def test_a_response_is_answered_by_the_challenge() -> None:
    """7.5.1: 200, with a link up to its authorization; fields it does not know are ignored."""
    world, client = await account()
    world.validator.hanging.add(NAME)
    url, challenge = await opened(client)
    answer = await client.post(challenge, {"keyAuthorization": "x", "somethingNew": [1]})
    assert answer.status == 200
    assert answer.json["type"] == "http-01"
    assert answer.json["url"] == challenge
    assert answer.json["status"] == "processing"
    assert not {"keyAuthorization", "somethingNew"} & set(answer.json)
    assert f'<{url}>;rel="up"' in answer.all("link")


@pytest.mark.parametrize("payload", [b"[]", b"5", b'"x"', b"{", b"null", b"\xff"])
async def test_a_response_that_is_none_is_an_error(payload: bytes) -> None:
    """7.5.1: and nothing has begun."""
    world, client = await account()
    _, challenge = await opened(client)
    answer = await client.post(challenge, payload)
    assert (answer.status, answer.problem) == (400, "malformed")
    assert world.validator.begun == []


async def test_polls_are_answered_while_it_goes_on() -> None:
    """7.5.1, 8.2: 200 with Retry-After, of the authorization and the challenge."""
    world, client = await account()
    world.validator.hanging.add(NAME)
    url, challenge = await opened(client)
    await client.post(challenge, {})
    for each, status in ((url, "pending"), (challenge, "processing")):
        answer = await client.post(each)
        assert (answer.status, answer.json["status"]) == (200, status)
        assert int(answer.header("retry-after")) > 0


async def test_a_second_response_changes_nothing() -> None:
    """7.5.1: neither while it goes on nor when it is settled."""
    world, client = await account()
    _, challenge = await opened(client)
    first = (await client.post(challenge, {})).json
    assert (await client.post(challenge, {})).json == first
    assert world.validator.begun == [NAME]


async def test_one_challenge_settles_the_authorization_and_stays_in_it() -> None:
    """7.5.1: valid, or invalid with the challenge that is."""
    world, client = await account()
    world.validator.failing.add("bad.example")
    for name, status in ((NAME, "valid"), ("bad.example", "invalid")):
        _, order = await ready(client, name)
        found = (await client.post(order["authorizations"][0])).json
        assert found["status"] == status
        assert (status, "http-01") in {
            (each["status"], each["type"]) for each in found["challenges"]
        }


# ---- 7.5.2


async def test_an_authorization_is_given_up_by_its_account_alone() -> None:
    """7.5.2: 200 with the authorization; it issues nothing any more."""
    world, client = await account()
    url, order = await ready(client)
    (authorization,) = order["authorizations"]
    stranger = await world.client()
    refused = await stranger.post(authorization, {"status": "deactivated"})
    assert refused.problem == "unauthorized"
    given_up = await client.post(authorization, {"status": "deactivated"})
    assert (given_up.status, given_up.json["status"]) == (200, "deactivated")
    assert (await client.finalize(order, csr(NAME))).problem == "orderNotReady"
    assert (await client.post(url)).json["status"] == "invalid"


@pytest.mark.parametrize("status", ["valid", "pending", "revoked", "", None, 5])
async def test_no_client_sets_another_status(status: object) -> None:
    """7.5.2."""
    _, client = await account()
    url, _ = await opened(client)
    assert (await client.post(url, {"status": status})).problem == "malformed"
    assert (await client.post(url)).json["status"] == "pending"


# ---- 7.6


async def revoke(client: Client, leaf: x509.Certificate, **members: object) -> Answer:
    asked = {"certificate": encode(leaf.public_bytes(Encoding.DER)), **members}
    return await client.post(client.directory["revokeCert"], asked)


async def revoke_by(client: Client, leaf: x509.Certificate, key: PrivateKey) -> Answer:
    asked = {"certificate": encode(leaf.public_bytes(Encoding.DER))}
    return await client.post(client.directory["revokeCert"], asked, key=key, by_key=True)


async def test_the_account_that_ordered_revokes() -> None:
    """7.6: 200; a second time is 400 alreadyRevoked."""
    _, client = await account()
    leaf = await issued(client)
    assert (await revoke(client, leaf)).status == 200
    again = await revoke(client, leaf)
    assert (again.status, again.problem) == (400, "alreadyRevoked")


async def test_an_account_that_has_proven_all_the_names_revokes() -> None:
    """7.6: all of them, and while its authorizations are valid."""
    world, client = await account()
    leaf = await issued(client, NAME, "b.example")
    other = await world.client()
    assert (await revoke(other, leaf)).problem == "unauthorized"
    await ready(other, NAME)
    assert (await revoke(other, leaf)).problem == "unauthorized"
    _, order = await ready(other, "b.example")
    await other.post(order["authorizations"][0], {"status": "deactivated"})
    assert (await revoke(other, leaf)).problem == "unauthorized"
    await ready(other, "b.example")
    assert (await revoke(other, leaf)).status == 200


async def test_the_certificate_s_key_revokes_and_no_other_does() -> None:
    """7.6: without any account; another key is 403 unauthorized."""
    world, client = await account()
    key = new_key()
    leaf = await issued(client, key=key)
    nobody = await Client(world.send).begin()
    for wrong in (new_key(), client.key):
        answer = await revoke_by(nobody, leaf, wrong)
        assert (answer.status, answer.problem) == (403, "unauthorized")
    assert (await revoke_by(nobody, leaf, key)).status == 200
    assert (await revoke_by(nobody, leaf, key)).problem == "alreadyRevoked"


@pytest.mark.parametrize("reason", [7, 11, -1, 4711])
async def test_a_reason_that_is_not_allowed_is_told(reason: int) -> None:
    """7.6: badRevocationReason with those that are; the certificate stays good."""
    _, client = await account()
    leaf = await issued(client)
    answer = await revoke(client, leaf, reason=reason)
    assert (answer.status, answer.problem) == (400, "badRevocationReason")
    assert "0, 1" in answer.json["detail"]
    assert (await revoke(client, leaf, reason=4)).status == 200


# ---- 8


async def test_a_challenge_has_what_it_must() -> None:
    """8: type, url, status, token; `validated` when valid, `error` when invalid."""
    world, client = await account()
    world.validator.failing.add("bad.example")
    for name, status, member in ((NAME, "valid", "validated"), ("bad.example", "invalid", "error")):
        _, order = await ready(client, name)
        found = (await client.post(order["authorizations"][0])).json["challenges"]
        (challenge,) = (each for each in found if each["status"] == status)
        assert {"type", "url", "status", "token", member} <= set(challenge)
        assert not {"validated", "error"} - {member} & set(challenge)
        problem = challenge.get("error", {"type": "urn:ietf:params:acme:error:"})
        assert problem["type"].startswith("urn:ietf:params:acme:error:")


async def test_tokens_have_128_bits_and_the_alphabet_of_base64url() -> None:
    """8.3, 8.4."""
    _, client = await account()
    tokens = set()
    for number in range(50):
        _, order = await pending(client, f"n{number}.example")
        found = (await client.post(order["authorizations"][0])).json["challenges"]
        tokens |= {each["token"] for each in found}
    assert len(tokens) >= 50
    assert all(re.fullmatch("[A-Za-z0-9_-]{22,}", each) for each in tokens)


async def test_the_key_authorization_is_of_the_key_of_now() -> None:
    """8.1: RFC 7638's thumbprint; numbers with leading zeros are written as the RFC has them."""
    seen: list[str] = []

    class Noting(type(AcmeWorld().validator)):  # type: ignore[misc]
        async def begin(self, *arguments: object, thumbprint: str, **more: object) -> None:
            seen.append(thumbprint)
            await super().begin(*arguments, thumbprint=thumbprint, **more)

    world = AcmeWorld(validator=Noting())
    key = new_key()
    while key.public_key().public_numbers().x >> 248:  # until a zero leads
        key = new_key()
    client = await world.client(key=key)
    await ready(client)
    assert seen == [thumbprint(key)]
    assert len(base64.urlsafe_b64decode(seen[0] + "=")) == 32
