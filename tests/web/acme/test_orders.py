"""A certificate by ACME, from the account to the download, and what does not get one."""

from datetime import timedelta

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.issuance.policy import NamePolicy
from appliance.model.events import EventKind
from tests.support.acme_by_hand import ACME_ENTRY, AcmeWorld, csr, encode, new_key


def names_of(leaf: x509.Certificate) -> list[str]:
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(each.value) for each in found]


async def test_a_whole_order_ends_with_a_certificate_for_its_names() -> None:
    world = AcmeWorld()
    client = await world.client()
    leaf, issuer = await client.issue("nas.example", "10.0.0.9")
    assert names_of(leaf) == ["nas.example", "10.0.0.9"]
    leaf.verify_directly_issued_by(issuer)
    event = world.appliance.events[-1]
    assert (event.kind, event.provisioner) == (EventKind.ISSUED, "acme")


async def test_an_order_goes_from_pending_to_ready_to_valid() -> None:
    """RFC 8555 7.1.6; a finalized order is given again to who asks twice, with the same CSR."""
    client = await AcmeWorld().client()
    made = await client.order("a.example")
    assert made.status == 201
    order, url = made.json, made.header("location")
    assert order["status"] == "pending"
    assert order["identifiers"] == [{"type": "dns", "value": "a.example"}]
    early = await client.finalize(order, csr("a.example"))
    assert (early.status, early.problem) == (403, "orderNotReady")
    await client.authorize(order)
    assert (await client.post(url)).json["status"] == "ready"
    request = csr("a.example")
    done = await client.finalize(order, request)
    assert done.json["status"] == "valid"
    again = await client.finalize(order, request)
    assert again.json == done.json == (await client.post(url)).json


async def test_a_failed_challenge_makes_authorization_and_order_invalid_and_says_why() -> None:
    world = AcmeWorld()
    world.validator.failing.add("bad.example")
    client = await world.client()
    made = await client.order("good.example", "bad.example")
    await client.authorize(made.json)
    order = (await client.post(made.header("location"))).json
    assert order["status"] == "invalid"
    assert order["error"]["type"] == "urn:ietf:params:acme:error:incorrectResponse"
    authorization = (await client.post(made.json["authorizations"][1])).json
    assert authorization["status"] == "invalid"
    assert [each["status"] for each in authorization["challenges"]] == ["invalid"]
    answer = await client.finalize(made.json, csr("good.example", "bad.example"))
    assert answer.problem == "orderNotReady"


@pytest.mark.parametrize(
    ("ordered", "request_"),
    [
        ("a.example", csr("b.example")),
        ("a.example", csr("a.example", "b.example")),
        ("a.example", csr("a.example", common_name="b.example")),
        ("a.example", csr("a.example", more=[x509.RFC822Name("me@a.example")])),
        ("a.example", csr("a.example", more=[x509.UniformResourceIdentifier("https://a")])),
        ("a.example", csr("a.example", more=[x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))])),
        ("a.example", csr("10.0.0.1", "a.example")),
        ("a.example", csr()),
        ("a.example", csr("a.example", key=rsa.generate_private_key(65537, 1024))),
    ],
)
async def test_a_csr_with_other_names_or_a_weak_key_is_a_bad_one(
    ordered: str, request_: bytes
) -> None:
    """RFC 8555 7.4: exactly the identifiers of the order; and the order stays ready."""
    client = await AcmeWorld().client()
    made = await client.order(ordered)
    await client.authorize(made.json)
    answer = await client.finalize(made.json, request_)
    assert answer.problem == "badCSR"
    assert (await client.post(made.header("location"))).json["status"] == "ready"


@pytest.mark.parametrize(
    "request_", [csr(common_name="A.example"), csr("a.EXAMPLE"), csr("a.example", "a.example")]
)
async def test_names_count_in_any_case_wherever_they_are(request_: bytes) -> None:
    client = await AcmeWorld().client()
    leaf, _ = await client.issue("A.example", request=request_)
    assert names_of(leaf) == ["a.example"]


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ([], "malformed"),
        ("a.example", "malformed"),
        ([{"type": "dns"}], "malformed"),
        ([{"type": "dns", "value": "a..example"}], "malformed"),
        ([{"type": "dns", "value": "a.*.example"}], "malformed"),
        ([{"type": "dns", "value": "10.0.0.1"}], "malformed"),
        ([{"type": "dns", "value": "x" * 64 + ".example"}], "malformed"),
        ([{"type": "ip", "value": "10.0.0.256"}], "malformed"),
        ([{"type": "ip", "value": "fe80::1%eth0"}], "malformed"),
        ([{"type": "email", "value": "a@b"}], "unsupportedIdentifier"),
        ([{"type": "permanent-identifier", "value": "x"}], "rejectedIdentifier"),
    ],
)
async def test_identifiers_that_are_none_are_refused(written: object, problem: str) -> None:
    client = await AcmeWorld().client()
    answer = await client.post(client.directory["newOrder"], {"identifiers": written})
    assert (answer.status, answer.problem) == (400, problem)


async def test_several_refused_identifiers_are_told_each_as_a_subproblem() -> None:
    """RFC 8555 6.7.1; policies are held at new-order already."""
    policy = NamePolicy.compile({"dns": ["*.lan"]}, {})
    client = await AcmeWorld(policy=policy).client()
    answer = await client.order("a.example", "nas.lan", "b.example")
    assert answer.problem == "rejectedIdentifier"
    told = [each["identifier"]["value"] for each in answer.json["subproblems"]]
    assert told == ["a.example", "b.example"]
    assert (await client.order("nas.lan")).status == 201


async def test_a_wildcard_is_for_dns_alone_and_shown_without_its_star() -> None:
    client = await AcmeWorld().client()
    order = (await client.order("*.a.example")).json
    (url,) = order["authorizations"]
    authorization = (await client.post(url)).json
    assert authorization["identifier"] == {"type": "dns", "value": "a.example"}
    assert authorization["wildcard"] is True
    assert [each["type"] for each in authorization["challenges"]] == ["dns-01"]
    await client.authorize(order, "dns-01")
    done = await client.finalize(order, csr("*.a.example"))
    assert done.json["status"] == "valid"


async def test_challenges_are_offered_as_the_provisioner_says() -> None:
    world = AcmeWorld(entries=[{**ACME_ENTRY, "challenges": ["http-01"]}])
    client = await world.client()
    order = (await client.order("a.example")).json
    authorization = (await client.post(order["authorizations"][0])).json
    assert [each["type"] for each in authorization["challenges"]] == ["http-01"]
    assert (await client.order("*.a.example")).problem == "rejectedIdentifier"


async def test_an_order_expires_with_its_authorizations() -> None:
    world = AcmeWorld()
    client = await world.client()
    made = await client.order("a.example")
    world.clock.advance(timedelta(hours=25).total_seconds())
    client.nonce = ""
    order = (await client.post(made.header("location"))).json
    assert order["status"] == "invalid"
    assert "expired" in order["error"]["detail"]
    authorization = (await client.post(order["authorizations"][0])).json
    assert authorization["status"] == "expired"


async def test_dates_of_the_year_one_are_none() -> None:
    """step's client sends Go's zero time for nothing asked."""
    zero = "0001-01-01T00:00:00Z"
    client = await AcmeWorld().client()
    order = (await client.order("a.example", notBefore=zero, notAfter=zero)).json
    assert (order["notBefore"], order["notAfter"]) == (
        "2026-03-01T11:59:00Z",
        "2026-03-02T12:00:00Z",
    )


async def test_dates_that_are_asked_are_the_certificates() -> None:
    client = await AcmeWorld().client()
    until = "2026-03-01T18:00:00Z"
    order = (await client.order("a.example", notAfter=until)).json
    await client.authorize(order)
    done = await client.finalize(order, csr("a.example"))
    chain = await client.post(done.json["certificate"])
    leaf = x509.load_pem_x509_certificate(chain.body)
    assert f"{leaf.not_valid_after_utc:%FT%TZ}" == until
    too_long = await client.order("a.example", notAfter="2027-03-01T18:00:00Z")
    assert (too_long.status, too_long.problem) == (400, "malformed")


async def test_a_common_name_is_forced_where_the_provisioner_says_so() -> None:
    client = await AcmeWorld(entries=[{**ACME_ENTRY, "forceCN": True}]).client()
    leaf, _ = await client.issue("b.example", "a.example")
    assert leaf.subject.rfc4514_string() == "CN=a.example"


async def test_parallel_finalizations_issue_one_certificate() -> None:
    """Whoever comes second, here or in another process on the store, gets that of the first."""
    world = AcmeWorld()
    client = await world.client()
    other = AcmeWorld(store=world.store, clock=world.clock)  # another process
    order = (await client.order("a.example")).json
    await client.authorize(order)
    answers, request = [], csr("a.example")

    async def finalize(send: object) -> None:
        mine = await type(client)(send, key=client.key, kid=client.kid).begin()  # type: ignore[arg-type]
        answers.append(await mine.finalize(order, request))

    async with trio.open_nursery() as nursery:
        for number in range(8):
            nursery.start_soon(finalize, (world, other)[number % 2].send)
    assert {each.status for each in answers} == {200}
    assert len({each.json["certificate"] for each in answers}) == 1
    assert len(await world.store.scan("x509_certs")) == 1


async def test_parallel_orders_of_one_account_are_all_made() -> None:
    world = AcmeWorld()
    client = await world.client()
    made = []

    async def order(number: int) -> None:
        mine = await type(client)(world.send, key=client.key, kid=client.kid).begin()
        answer = await mine.order(f"n{number}.example")
        assert answer.status == 201
        made.append(answer.header("location"))

    async with trio.open_nursery() as nursery:
        for number in range(30):
            nursery.start_soon(order, number)
    account = (await client.post(client.kid)).json
    listed = (await client.post(account["orders"])).json["orders"]
    assert sorted(listed) == sorted(made)


async def test_an_authorization_before_any_order_is_used_by_it() -> None:
    """RFC 8555 7.4.1."""
    client = await AcmeWorld().client()
    identifier = {"type": "dns", "value": "a.example"}
    made = await client.post(client.directory["newAuthz"], {"identifier": identifier})
    assert made.status == 201
    again = await client.post(client.directory["newAuthz"], {"identifier": identifier})
    assert (again.status, again.header("location")) == (200, made.header("location"))
    await client.authorize({"authorizations": [made.header("location")]})
    order = (await client.order("a.example")).json
    assert (order["status"], order["authorizations"]) == ("ready", [made.header("location")])
    wildcard = {"identifier": {"type": "dns", "value": "*.a.example"}}
    assert (await client.post(client.directory["newAuthz"], wildcard)).problem == "malformed"


async def test_a_deactivated_authorization_takes_its_order_with_it() -> None:
    """RFC 8555 7.5.2."""
    client = await AcmeWorld().client()
    made = await client.order("a.example")
    (url,) = made.json["authorizations"]
    await client.authorize(made.json)
    given_up = await client.post(url, {"status": "deactivated"})
    assert given_up.json["status"] == "deactivated"
    assert (await client.post(made.header("location"))).json["status"] == "invalid"
    assert (await client.post(url, {"status": "valid"})).problem == "malformed"


async def test_nothing_of_one_account_is_another_s_to_see_or_use() -> None:
    world = AcmeWorld()
    client, stranger = await world.client(), await world.client()
    made = await client.order("a.example")
    order = made.json
    authorization = (await client.post(order["authorizations"][0])).json
    await client.authorize(order)
    done = (await client.finalize(order, csr("a.example"))).json
    for url in (
        made.header("location"),
        order["authorizations"][0],
        authorization["challenges"][0]["url"],
        done["certificate"],
        client.kid,
        f"{client.kid}/orders",
    ):
        answer = await stranger.post(url)
        assert (answer.status, answer.problem) == (401, "unauthorized"), url
    answer = await stranger.finalize(order, csr("a.example"))
    assert answer.problem == "unauthorized"


async def test_looking_at_a_challenge_does_not_begin_it() -> None:
    """RFC 8555 6.3: a POST-as-GET changes nothing."""
    world = AcmeWorld()
    client = await world.client()
    order = (await client.order("a.example")).json
    authorization = (await client.post(order["authorizations"][0])).json
    answer = await client.post(authorization["challenges"][0]["url"])
    assert answer.json["status"] == "pending"
    assert world.validator.begun == []
    assert f'<{order["authorizations"][0]}>;rel="up"' in answer.all("link")


async def test_a_challenge_under_way_is_not_begun_twice() -> None:
    world = AcmeWorld()
    world.validator.hanging.add("a.example")
    client = await world.client()
    order = (await client.order("a.example")).json
    authorization = (await client.post(order["authorizations"][0])).json
    url = authorization["challenges"][0]["url"]
    for _ in range(3):
        answer = await client.post(url, {})
        assert (answer.json["status"], answer.header("retry-after")) == ("processing", "1")
    assert world.validator.begun == ["a.example"]


async def test_what_is_not_there_is_said_to_be_missing() -> None:
    client = await AcmeWorld().client()
    base = client.directory["newOrder"].removesuffix("/new-order")
    for path in ("order/x", "authz/x", "challenge/x/y", "certificate/x"):
        answer = await client.post(f"{base}/{path}")
        assert (answer.status, answer.problem) == (404, "malformed")
    answer = await client.post(f"{base}/order/x/finalize", {"csr": encode(csr("a.example"))})
    assert answer.status == 404


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"{", b'{"csr": 5}', b'{"csr": "!"}', b'{"csr": "AAAA"}', b"\xff"]
)
async def test_a_csr_that_cannot_be_read_is_malformed(payload: bytes) -> None:
    client = await AcmeWorld().client()
    order = (await client.order("a.example")).json
    await client.authorize(order)
    answer = await client.post(order["finalize"], payload)
    assert (answer.status, answer.problem) == (400, "malformed")


async def test_a_csr_whose_signature_does_not_hold_is_refused() -> None:
    client = await AcmeWorld().client()
    order = (await client.order("a.example")).json
    await client.authorize(order)
    broken = bytearray(csr("a.example"))
    broken[-1] ^= 1
    assert (await client.finalize(order, bytes(broken))).problem == "malformed"


async def test_padding_of_base64_is_tolerated() -> None:
    """Synology's client sends it."""
    client = await AcmeWorld().client()
    order = (await client.order("a.example")).json
    await client.authorize(order)
    answer = await client.post(order["finalize"], {"csr": encode(csr("a.example")) + "=="})
    assert answer.json["status"] == "valid"


async def test_a_certificate_can_be_for_the_account_of_no_other_key() -> None:
    """RFC 8555 11.1: the certificate's key is its own, and it is that of the CSR."""
    client = await AcmeWorld().client()
    key = new_key()
    leaf, _ = await client.issue("a.example", request=csr("a.example", key=key))
    assert leaf.public_key() == key.public_key()
    assert leaf.signature_hash_algorithm is not None
    assert leaf.public_bytes(Encoding.DER)
    assert isinstance(leaf.signature_hash_algorithm, hashes.SHA256)
