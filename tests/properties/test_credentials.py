"""Credentials of others are read without a fault, whatever they are, and grant what they may."""

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from appliance.formats import (
    nebula_keys,
    nebula_pem,
    nebula_v1,
    nebula_v2,
    protobuf,
    public_keys,
    xeddsa,
)
from appliance.issuance import chains, periods
from appliance.model.errors import FormatError, HearthError, Unauthorized
from appliance.model.validity import Lifetimes, Validity
from tests.authority import credential_scenarios as scenarios
from tests.support.authority import START, registry

NEBULA = Path(__file__).parents[1] / "formats" / "golden" / "nebula.json"
KNOWN = [
    nebula_pem.read_pem(kind[who]["pem"].encode())[0].raw
    for kind in json.loads(NEBULA.read_text()).values()
    for who in ("ca", "host")
]
ROOT = scenarios.ROOT.certificate.public_bytes(Encoding.DER)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
LIMITS = Lifetimes(
    shortest=timedelta(0),
    longest=timedelta(hours=24),
    default=timedelta(hours=1),
    backdate=timedelta(minutes=1),
)


@st.composite
def damaged(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    """Something that was good once: octets changed, cut out, put in."""
    octets = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(octets)))
        octets[place : place + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
    return bytes(octets)


@given(st.binary() | damaged(KNOWN))
def test_nebula_certificates(data: bytes) -> None:
    for read in (nebula_v1.read, nebula_v2.read, nebula_pem.read, nebula_pem.read_pem):
        with suppress(FormatError):
            found = read(data)
            for each in found if isinstance(found, tuple) else (found,):
                assert each.is_signed_by(each) in (True, False)
                with suppress(FormatError):
                    each.key()


@given(damaged(KNOWN))
def test_a_nebula_certificate_is_good_only_as_it_was_signed(data: bytes) -> None:
    """What is read otherwise has no signature that holds, or says the same in other octets."""
    authorities = {found.fingerprint: found for found in map(nebula_pem.read, KNOWN) if found.is_ca}
    originals = {nebula_pem.read(each).signed for each in KNOWN}
    with suppress(FormatError):
        found = nebula_pem.read(data)
        authority = authorities.get(found.issuer) or found
        if authority.fingerprint in authorities and found.is_signed_by(authority):
            assert found.signed in originals


@given(st.binary())
def test_messages_and_keys(data: bytes) -> None:
    for read in (
        lambda octets: list(protobuf.fields(octets)),
        lambda octets: list(protobuf.varints(octets)),
        nebula_keys.read,
        public_keys.read_all,
    ):
        with suppress(FormatError):
            read(data)


@given(st.sampled_from(["PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE", "X"]), st.binary())
def test_public_keys_in_pem(label: str, data: bytes) -> None:
    body = base64.encodebytes(data).decode()
    with suppress(FormatError):
        public_keys.read_all(f"-----BEGIN {label}-----\n{body}-----END {label}-----\n".encode())


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64), st.binary())
def test_no_signature_holds_by_chance(key: bytes, signature: bytes, message: bytes) -> None:
    with suppress(FormatError):
        assert not xeddsa.verify(X25519PublicKey.from_public_bytes(key), message, signature)


@given(st.binary(min_size=32, max_size=32), st.binary(), st.binary(min_size=64, max_size=64))
def test_what_is_signed_verifies(secret: bytes, message: bytes, entropy: bytes) -> None:
    key = X25519PrivateKey.from_private_bytes(secret)
    assert xeddsa.verify(key.public_key(), message, xeddsa.sign(key, message, entropy))


@given(st.lists(st.binary() | damaged([ROOT]), min_size=1, max_size=4))
def test_chains_of_anything_lead_nowhere(chain: list[bytes]) -> None:
    with pytest.raises(Unauthorized):
        chains.check_credential(chain[0], chain[1:], [ROOT], NOW)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(
    header=st.dictionaries(st.sampled_from(["x5c", "nebula", "alg", "kid", "crit"]), json_values),
    claims=st.dictionaries(
        st.sampled_from(["iss", "aud", "sub", "sans", "cnf", "exp", "azp", "tid", "email"]),
        json_values | st.sampled_from(["kubernetes/serviceaccount", "x5c", "nebula"]),
    ),
    fragment=st.sampled_from(["#x5c/x5c", "#nebula/nebula", "#scep/scep", ""]),
)
async def test_tokens_of_anything_are_refused(
    header: dict[str, Any], claims: dict[str, Any], fragment: str
) -> None:
    provisioners = registry(scenarios.credential_provisioners())
    audience = {"aud": f"{scenarios.BASE}{fragment}"} if fragment else {}
    parts = ({"alg": "ES256", **header}, {**claims, **audience})
    encoded = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    ]
    for ask in (provisioners.authorize_sign, provisioners.authorize_revoke):
        with pytest.raises(HearthError):
            await ask(".".join([*encoded, "AAAA"]), START)


@given(
    ages=st.tuples(st.integers(-7200, 3600), st.integers(-3600, 7200)),
    asked=st.tuples(*[st.none() | st.integers(-7200, 7200)] * 2),
)
def test_nothing_asked_reaches_out_of_the_window(
    ages: tuple[int, int], asked: tuple[int | None, int | None]
) -> None:
    """But for the backdate, which begins before a credential that has just begun."""
    moment = int(NOW.timestamp())
    begin, end = (datetime.fromtimestamp(moment + age, UTC) for age in ages)
    window = Validity(not_before=begin, not_after=end)
    wanted = [None if age is None else datetime.fromtimestamp(moment + age, UTC) for age in asked]
    with suppress(HearthError):
        found = periods.decide(wanted[0], wanted[1], LIMITS, NOW, window=window)
        assert found.not_after <= window.not_after
        assert found.not_before >= window.not_before - LIMITS.backdate
        if wanted[0] is not None:
            assert found.not_before >= window.not_before
