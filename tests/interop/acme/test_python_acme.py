"""certbot's library: it issues, renews, revokes; and requests bent by hand get the RFC's errors."""

import json
from typing import Any

import pytest
from acme import challenges, client, crypto_util, messages
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from josepy.b64 import b64decode, b64encode
from josepy.jwa import ES256, RS256
from josepy.jwk import JWK, JWKEC, JWKRSA
from josepy.util import ComparableECKey, ComparableRSAKey

from tests.support.acme_house import DOMAIN, House

Order = messages.OrderResource


def join(house: House, *, key: JWK | None = None) -> client.ClientV2:
    """An account with a key of its own."""
    key = key or JWKEC(key=ComparableECKey(ec.generate_private_key(ec.SECP256R1())))
    alg = ES256 if isinstance(key, JWKEC) else RS256
    net = client.ClientNetwork(key, alg=alg, user_agent="test")
    made = client.ClientV2(client.ClientV2.get_directory(house.url(), net), net)
    made.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True))
    return made


@pytest.fixture(autouse=True)
def trust(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(house.root))


@pytest.fixture
def acme(house: House) -> client.ClientV2:
    return join(house)


def request_for(*names: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return bytes(crypto_util.make_csr(key, list(names)))


def fulfil(acme: client.ClientV2, house: House, order: Order) -> x509.Certificate:
    """Prove by HTTP, and take the certificate."""
    key = acme.net.key
    with house.serving_files() as folder:
        for authorization in order.authorizations:
            (body,) = (
                each
                for each in authorization.body.challenges
                if isinstance(each.chall, challenges.HTTP01)
            )
            response, validation = body.response_and_validation(key)
            (folder / body.chall.encode("token")).write_text(validation)
            acme.answer_challenge(body, response)
        done = acme.poll_and_finalize(order)
    return x509.load_pem_x509_certificates(done.fullchain_pem.encode())[0]


def test_a_whole_life_by_an_rsa_key(house: House) -> None:
    account = JWKRSA(
        key=ComparableRSAKey(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    )
    acme, name = join(house, key=account), f"library.{DOMAIN}"
    first = fulfil(acme, house, acme.new_order(request_for(name)))
    second = fulfil(acme, house, acme.new_order(request_for(name)))
    acme.revoke(second, 1)
    assert house.revoked(second)
    assert not house.revoked(first)
    with pytest.raises(messages.Error) as caught:
        acme.revoke(second, 1)
    assert caught.value.code == "alreadyRevoked"


def test_a_stale_nonce_is_answered_with_a_fresh_one(acme: client.ClientV2) -> None:
    """RFC 8555 6.5: the library tries again with the nonce of the refusal, and gets through."""
    acme.net._nonces.clear()
    acme.net._nonces.add(b"stale")  # type: ignore[arg-type]  # they are octets
    assert acme.new_order(request_for(f"nonce.{DOMAIN}")).body.status == messages.STATUS_PENDING


def bend(acme: client.ClientV2, where: str, body: Any, **bent: Any) -> messages.Error:
    """Send a request of which the members of the protected header in `bent` are other ones.

    `signature` and `content_type` bend what they are called.
    """
    content_type = bent.pop("content_type", "application/jose+json")
    signature = bent.pop("signature", None)
    text = body if isinstance(body, str) else json.dumps(body)
    nonce = acme.net._get_nonce(where, acme.directory["newNonce"])
    made = json.loads(acme.net._wrap_in_jws(_Raw(text), nonce, where))
    protected = json.loads(b64decode(made["protected"])) | bent
    kept = {name: value for name, value in protected.items() if value is not None}
    if bent:
        assert acme.net.key is not None
        made["protected"] = b64encode(json.dumps(kept).encode()).decode()
        signing = f"{made['protected']}.{made['payload']}".encode()
        made["signature"] = b64encode(ES256.sign(acme.net.key.key, signing)).decode()
    made["signature"] = signature or made["signature"]
    answer = acme.net._send_request(
        "POST", where, data=json.dumps(made), headers={"Content-Type": content_type}
    )
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    found = answer.json()
    assert 400 <= answer.status_code < 500, found
    problem: messages.Error = messages.Error.from_json(found)
    return problem


class _Raw:
    """What the library signs as it is."""

    def __init__(self, text: str) -> None:
        self.text = text

    def json_dumps(self, **_: Any) -> str:
        return self.text


GOOD: dict[str, Any] = {"identifiers": [{"type": "dns", "value": f"bent.{DOMAIN}"}]}


def identifier(kind: str, value: str) -> dict[str, Any]:
    return {"identifiers": [{"type": kind, "value": value}]}


@pytest.mark.parametrize(
    ("error", "body", "bent"),
    [
        ("badNonce", GOOD, {"nonce": "c3RhbGU"}),
        ("badNonce", GOOD, {"nonce": None}),
        ("badSignatureAlgorithm", GOOD, {"alg": "HS256"}),
        ("badSignatureAlgorithm", GOOD, {"alg": "none"}),
        ("unauthorized", GOOD, {"url": "https://elsewhere.example/new-order"}),
        ("malformed", GOOD, {"url": None}),
        ("malformed", GOOD, {"kid": None}),
        ("accountDoesNotExist", GOOD, {"kid": "OTHER"}),
        ("malformed", GOOD, {"jwk": "OWN"}),
        ("malformed", GOOD, {"signature": b64encode(bytes(64)).decode()}),
        ("malformed", GOOD, {"content_type": "application/json"}),
        ("malformed", "no JSON", {}),
        ("malformed", {"identifiers": []}, {}),
        ("malformed", [], {}),
        ("unsupportedIdentifier", identifier("email", "anna@home.example"), {}),
        ("malformed", identifier("dns", "bad name.example"), {}),
        ("malformed", identifier("dns", "a.*.example"), {}),
        ("malformed", GOOD | {"notBefore": "yesterday"}, {}),
    ],
    ids=repr,
)
def test_requests_bent_by_hand(
    acme: client.ClientV2, error: str, body: Any, bent: dict[str, Any]
) -> None:
    """RFC 8555 6.2 to 6.7, 7.4."""
    assert acme.net.account is not None
    assert acme.net.key is not None
    if bent.get("kid") == "OTHER":
        bent = {"kid": acme.net.account.uri + "other"}
    if bent.get("jwk") == "OWN":
        bent = {"jwk": acme.net.key.public_key().to_json()}
    assert bend(acme, acme.directory["newOrder"], body, **bent).code == error


def test_a_request_for_other_names_than_ordered(acme: client.ClientV2, house: House) -> None:
    """RFC 8555 7.4: badCSR; the order stays as it was, and is finalized by the right one."""
    name = f"names.{DOMAIN}"
    order = acme.new_order(request_for(name))
    wrong = order.update(csr_pem=request_for(f"other.{DOMAIN}"))
    with pytest.raises(messages.Error) as caught:
        fulfil(acme, house, wrong)
    assert caught.value.code == "badCSR"
    done = acme.poll_and_finalize(order)
    assert done.body.status == messages.STATUS_VALID


def test_the_order_of_another_account(acme: client.ClientV2, house: House) -> None:
    """RFC 8555 7.1: it is nobody else's."""
    order, other = acme.new_order(request_for(f"mine.{DOMAIN}")), join(house)
    for url in (order.uri, order.body.authorizations[0]):
        with pytest.raises(messages.Error) as caught:
            other._post_as_get(url)
        assert caught.value.code == "unauthorized"
