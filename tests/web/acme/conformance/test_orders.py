"""RFC 8555 7.1.3, 7.1.4, 7.1.6, 7.4: orders, from what is asked to the download."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from tests.support.acme_by_hand import AcmeWorld, csr, new_key
from tests.support.authority import START
from tests.web.acme.conformance.scenes import NAME, account, issued, pending, ready

BLOCK = "-----BEGIN CERTIFICATE-----"


# ---- 7.1.3


async def test_an_order_has_what_it_must() -> None:
    """7.1.3."""
    _, client = await account()
    url, order = await ready(client, NAME, "10.0.0.1")
    for status in ("pending", "ready"):
        assert order["status"] == status
        assert datetime.fromisoformat(order["expires"]) > START
        assert order["identifiers"] == [
            {"type": "dns", "value": NAME}, {"type": "ip", "value": "10.0.0.1"},
        ]  # fmt: skip
        assert len(order["authorizations"]) == 2
        assert order["finalize"].startswith("https://")
        assert "certificate" not in order
        order = (await client.post(url)).json
    done = (await client.finalize(order, csr(NAME, "10.0.0.1"))).json
    assert done["status"] == "valid"
    assert done["certificate"].startswith("https://")
    assert datetime.fromisoformat(done["expires"]) > START


async def test_identifiers_and_authorizations_never_change() -> None:
    """7.1.3: from the first answer to the last, whatever becomes of them."""
    world, client = await account()
    url, order = await pending(client, NAME, "*.b.example")
    fixed = {name: order[name] for name in ("identifiers", "authorizations")}
    await client.authorize({"authorizations": order["authorizations"][:1]})
    await client.post(order["authorizations"][1], {"status": "deactivated"})
    world.clock.advance(timedelta(hours=30).total_seconds())
    client.nonce = ""
    later = (await client.post(url)).json
    assert later["status"] == "invalid"
    assert {name: later[name] for name in fixed} == fixed


async def test_a_wildcard_is_authorized_by_its_base_and_marked() -> None:
    """7.1.3, 7.1.4: without `*.`, with `wildcard`; of other names there is no `wildcard`."""
    _, client = await account()
    _, order = await pending(client, "*.b.example", NAME)
    found = [(await client.post(each)).json for each in order["authorizations"]]
    assert [each["identifier"]["value"] for each in found] == ["b.example", NAME]
    assert found[0]["wildcard"] is True
    assert "wildcard" not in found[1]


@pytest.mark.parametrize("name", ["xn--bcher-kva.example", "*.xn--bcher-kva.example"])
async def test_names_are_kept_as_certificates_have_them(name: str) -> None:
    """7.1.4: in A-labels."""
    _, client = await account()
    _, order = await pending(client, name)
    assert order["identifiers"] == [{"type": "dns", "value": name}]


@pytest.mark.parametrize(
    "name",
    ["xn--a", "xn--ab-\u00fc.example", "xn--.example", "xn--a-.example", "xn--BCHER-KVA-zzz.lan"],
)
async def test_labels_that_are_encoded_wrongly_are_refused(name: str) -> None:
    """7.1.4: what begins with xn-- is verified."""
    _, client = await account()
    assert (await client.order(name)).problem == "malformed"


# ---- 7.1.6


async def test_the_states_of_an_order_that_succeeds() -> None:
    """7.1.6: pending, ready, valid; of authorization and challenge: pending, valid."""
    _, client = await account()
    url, order = await pending(client)
    (authorization,) = order["authorizations"]
    first = (await client.post(authorization)).json
    assert (order["status"], first["status"]) == ("pending", "pending")
    assert {each["status"] for each in first["challenges"]} == {"pending"}
    await client.authorize(order)
    assert (await client.post(url)).json["status"] == "ready"
    assert (await client.post(authorization)).json["status"] == "valid"
    assert (await client.finalize(order, csr(NAME))).json["status"] == "valid"


async def test_the_states_of_an_order_that_fails() -> None:
    """7.1.6: a challenge that fails makes authorization and order invalid."""
    world, client = await account()
    world.validator.failing.add(NAME)
    url, order = await ready(client)
    found = (await client.post(order["authorizations"][0])).json
    assert (await client.post(url)).json["status"] == found["status"] == "invalid"
    assert "invalid" in {each["status"] for each in found["challenges"]}


async def test_a_valid_authorization_is_deactivated_or_expires_and_the_order_is_invalid() -> None:
    """7.1.6."""
    world, client = await account()
    for late in (False, True):
        url, order = await ready(client)
        (authorization,) = order["authorizations"]
        if late:
            world.clock.advance(timedelta(hours=30).total_seconds())
            client.nonce = ""
        else:
            await client.post(authorization, {"status": "deactivated"})
        status = (await client.post(authorization)).json["status"]
        assert status == ("expired" if late else "deactivated")
        assert (await client.post(url)).json["status"] == "invalid"


# ---- 7.4


async def test_a_new_order_is_201_with_its_url_and_its_authorizations_pending() -> None:
    """7.4."""
    _, client = await account()
    made = await client.order(NAME, "b.example")
    assert made.status == 201
    assert (await client.post(made.header("location"))).json == made.json
    states = [(await client.post(each)).json["status"] for each in made.json["authorizations"]]
    assert states == ["pending", "pending"]


@pytest.mark.parametrize(
    "asked",
    [
        {"notAfter": "2036-03-01T12:00:00Z"},
        {"notAfter": "2020-03-01T12:00:00Z"},
        {"notBefore": "2026-03-02T12:00:00Z", "notAfter": "2026-03-01T18:00:00Z"},
        {"notBefore": "tomorrow"},
        {"notAfter": 5},
    ],
)
async def test_what_cannot_be_fulfilled_is_an_error(asked: dict[str, object]) -> None:
    """7.4: and no order."""
    world, client = await account()
    answer = await client.order(NAME, **asked)
    assert answer.status == 400
    assert answer.problem
    assert await world.store.scan("acme_orders") == []


async def test_a_certificate_is_what_was_asked_and_no_more() -> None:
    """7.4: names and dates are those of the order."""
    _, client = await account()
    asked = {"notBefore": "2026-03-01T13:00:00Z", "notAfter": "2026-03-01T20:00:00Z"}
    order = (await client.order("B.example", "10.0.0.1", **asked)).json
    assert {name: order[name] for name in asked} == asked
    await client.authorize(order)
    done = (await client.finalize(order, csr("b.example", "10.0.0.1"))).json
    chain = (await client.post(done["certificate"])).body
    leaf = x509.load_pem_x509_certificate(chain)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(each.value) for each in names] == ["b.example", "10.0.0.1"]
    assert leaf.not_valid_before_utc == datetime(2026, 3, 1, 13, tzinfo=UTC)
    assert leaf.not_valid_after_utc == datetime(2026, 3, 1, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "request_",
    [csr("b.example"), csr(NAME), csr(NAME, "b.example", "c.example"), csr(common_name=NAME)],
    ids=["one missing", "another missing", "one more", "the subject alone"],
)
async def test_a_csr_is_for_exactly_the_identifiers(request_: bytes) -> None:
    """7.4: badCSR; the order stays as it is."""
    _, client = await account()
    url, order = await ready(client, NAME, "b.example")
    answer = await client.finalize(order, request_)
    assert (answer.status, answer.problem) == (400, "badCSR")
    assert (await client.post(url)).json["status"] == "ready"


@pytest.mark.parametrize(
    "request_",
    [csr(common_name=NAME), csr(NAME), csr(NAME, common_name=NAME), csr(NAME.upper())],
    ids=["subject", "extension", "both", "upper case"],
)
async def test_a_name_is_in_the_subject_or_the_extension_or_both(request_: bytes) -> None:
    """7.4."""
    _, client = await account()
    _, order = await ready(client)
    assert (await client.finalize(order, request_)).status == 200


async def test_an_order_that_is_not_ready_is_not_finalized() -> None:
    """7.4: 403 orderNotReady, whether it is pending, invalid or valid."""
    world, client = await account()
    world.validator.failing.add("bad.example")
    _, waiting = await pending(client)
    _, failed = await ready(client, "bad.example")
    _, done = await ready(client, "c.example")
    await client.finalize(done, csr("c.example"))
    for order, name in ((waiting, NAME), (failed, "bad.example"), (done, "c.example")):
        answer = await client.finalize(order, csr(name))
        assert (answer.status, answer.problem) == (403, "orderNotReady")


async def test_the_key_of_a_csr_is_no_account_s() -> None:
    """11.1: neither of the one that asks nor of any other."""
    world, client = await account()
    other = await world.client()
    url, order = await ready(client)
    for key in (client.key, other.key):
        answer = await client.finalize(order, csr(NAME, key=key))
        assert (answer.status, answer.problem) == (400, "badCSR")
    assert (await client.post(url)).json["status"] == "ready"


async def test_a_repeated_finalization_with_the_same_csr_gives_the_same_certificate() -> None:
    """7.4: no second one, for a client whose answer got lost."""
    world, client = await account()
    _, order = await ready(client)
    request = csr(NAME)
    first, again = [await client.finalize(order, request) for _ in range(2)]
    assert (again.status, again.json) == (200, first.json)
    assert len(await world.store.scan("acme_certs")) == 1


# ---- 7.4.1


async def test_pre_authorization_makes_a_pending_authorization() -> None:
    """7.4.1: 201, its URL; for the identifier that was sent."""
    _, client = await account()
    identifier = {"type": "dns", "value": NAME}
    made = await client.post(client.directory["newAuthz"], {"identifier": identifier})
    assert (made.status, made.json["status"]) == (201, "pending")
    assert made.json["identifier"] == identifier
    assert (await client.post(made.header("location"))).json == made.json


@pytest.mark.parametrize(
    "identifier",
    [None, {}, {"type": "dns", "value": "*.a.example"}, {"type": "x", "value": "y"}, NAME],
)
async def test_wildcards_and_what_is_no_identifier_are_not_authorized_before(
    identifier: object,
) -> None:
    """7.4.1."""
    _, client = await account()
    answer = await client.post(client.directory["newAuthz"], {"identifier": identifier})
    assert answer.status in (400, 403)
    assert answer.problem


# ---- 7.4.2


async def test_the_download_is_a_chain_in_pem_from_the_leaf_up() -> None:
    """7.4.2, 9.1: certificates alone, each issued by the next; the same at every download."""
    _, client = await account()
    _, order = await ready(client)
    key = new_key()
    done = (await client.finalize(order, csr(NAME, key=key))).json
    first = await client.post(done["certificate"])
    assert first.header("content-type") == "application/pem-certificate-chain"
    assert first.body.count(b"-----BEGIN") == first.body.count(BLOCK.encode()) >= 2
    chain = x509.load_pem_x509_certificates(first.body)
    assert chain[0].public_key() == key.public_key()
    for one, issuer in itertools.pairwise(chain):
        one.verify_directly_issued_by(issuer)
    assert (await client.post(done["certificate"])).body == first.body


async def test_a_certificate_is_for_the_account_that_ordered_it() -> None:
    """6.3, 7.4.2."""
    world, client = await account()
    await issued(client)
    ((key, _),) = await world.store.scan("acme_certs")
    url = client.directory["newOrder"].replace("new-order", f"certificate/{key.decode()}")
    assert (await client.post(url)).status == 200
    assert (await (await world.client()).post(url)).problem == "unauthorized"
    assert (await (await AcmeWorld().client()).post(url)).status == 404
