"""Tokens say what step's say, and hold neither too long nor too short."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from appliance.client.identity import identity
from appliance.client.tokens import (
    SigningKey,
    TokenRequest,
    audience,
    one_time_token,
    renewal_token,
    window,
)
from appliance.formats import jwt
from appliance.formats.keys import PrivateKey
from appliance.model.errors import BadRequest
from tests.support.web import new_root

NOW = datetime(2026, 3, 1, 12, 0, 0, 900_000, tzinfo=UTC)
SECONDS = 1_772_366_400
ID = bytes(range(32))


def _made(key: PrivateKey, algorithm: str = "", **members: object) -> jwt.UnverifiedToken:
    request = TokenRequest(
        subject="db.example.com",
        audience=audience("https://ca:9000", "sign"),
        issuer="jane",
        window=window(NOW),
        **members,  # type: ignore[arg-type]
    )
    signing = SigningKey(key=key, kid="kid", algorithm=algorithm)
    return jwt.split(one_time_token(request, signing, token_id=ID, entropy=b""))


def test_a_token_carries_steps_claims_in_order() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    token = _made(key, root_fingerprint="ab", sans=["a", "b"], confirmation="fp", user={"x": 1})
    assert token.header == {"alg": "ES256", "kid": "kid", "typ": "JWT"}
    assert token.claims == {
        "aud": "https://ca:9000/1.0/sign",
        "cnf": {"x5rt#S256": "fp"},
        "exp": SECONDS + 300,
        "iat": SECONDS,
        "iss": "jane",
        "jti": ID.hex(),
        "nbf": SECONDS,
        "sans": ["a", "b"],
        "sha": "ab",
        "sub": "db.example.com",
        "user": {"x": 1},
    }
    assert list(token.claims) == sorted(token.claims)
    jwt.verify(token, key.public_key(), "ES256")


def test_what_is_not_asked_for_is_left_out() -> None:
    token = _made(ec.generate_private_key(ec.SECP256R1()))
    assert {"cnf", "sans", "sha", "user"}.isdisjoint(token.claims)


@pytest.mark.parametrize(
    ("key", "named", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "", "ES384"),
        (ed25519.Ed25519PrivateKey.generate(), "", "EdDSA"),
        (rsa.generate_private_key(public_exponent=65537, key_size=2048), "", "RS256"),
        (rsa.generate_private_key(public_exponent=65537, key_size=2048), "PS384", "PS384"),
    ],
)
def test_every_kind_of_key_signs(key: PrivateKey, named: str, algorithm: str) -> None:
    token = _made(key, named)
    assert token.header["alg"] == algorithm
    jwt.verify(token, key.public_key(), algorithm)


def test_a_renewal_token_carries_the_chain_and_is_signed_by_its_key() -> None:
    root = new_root()
    leaf = root.issue("web.example.com")
    holder = identity((leaf.der, root.der), leaf.key)
    where = audience("https://ca", "renew")
    token = jwt.split(renewal_token(holder, audience=where, now=NOW, token_id=ID))
    assert token.claims["iss"] == "step-ca-client/1.0"
    assert token.claims["sub"] == "web.example.com"
    assert token.claims["aud"] == "https://ca/1.0/renew"
    assert len(token.header["x5cInsecure"]) == 2
    jwt.verify(token, leaf.key.public_key(), "ES256")


def test_a_token_holds_five_minutes_unless_asked_otherwise() -> None:
    later = NOW + timedelta(minutes=10)
    assert window(NOW).expires == NOW + timedelta(minutes=5)
    assert window(NOW, later).expires == later + timedelta(minutes=5)
    asked = window(NOW, None, later)
    assert (asked.issued_at, asked.not_before, asked.expires) == (NOW, NOW, later)
    assert window(NOW, None, NOW + timedelta(hours=1)).expires == NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("begin", "end", "says"),
    [
        (timedelta(minutes=31), None, "delay is too long: 31m0s, at most 30m0s"),
        (None, timedelta(seconds=9), "too short: 9s, at least 10s"),
        (timedelta(minutes=4), timedelta(minutes=1), "too short: -3m0s"),
        (None, timedelta(minutes=61), "too long: 1h1m0s, at most 1h0m0s"),
    ],
)
def test_other_windows_are_refused(
    begin: timedelta | None, end: timedelta | None, says: str
) -> None:
    with pytest.raises(BadRequest, match=says):
        window(NOW, NOW + begin if begin else None, NOW + end if end else None)


def test_the_root_is_named_by_its_fingerprint_in_lower_case_hex() -> None:
    fingerprint = hashlib.sha256(new_root().der).hexdigest()
    token = _made(ec.generate_private_key(ec.SECP256R1()), root_fingerprint=fingerprint)
    assert token.claims["sha"] == fingerprint
