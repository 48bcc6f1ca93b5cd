"""Choosing a provisioner shows and filters what step shows and filters."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.client.provisioners import (
    audience_of,
    candidates,
    describe,
    kind_of,
    require_tokens,
    signing_key,
)
from appliance.formats import jwk
from appliance.model.errors import BadRequest, FormatError, NotSupported

ENTRIES: list[dict[str, Any]] = [
    {"type": "JWK", "name": "jane", "key": {"kid": "k1"}},
    {"type": "jwk", "name": "joe", "key": {"kid": "k2"}},
    {"type": "ACME", "name": "acme"},
    {"type": "OIDC", "name": "google", "clientID": "c1"},
    {"type": "azure", "name": "az", "tenantID": "t"},
    {"type": "Unheard", "name": "other"},
]


def test_each_type_has_its_line() -> None:
    assert [describe(entry) for entry in ENTRIES[:5]] == [
        "jane (JWK) [kid: k1]",
        "joe (JWK) [kid: k2]",
        "acme (ACME)",
        "google (OIDC) [client: c1]",
        "az (Azure) [tenant: t]",
    ]


def test_flags_narrow_the_choice() -> None:
    assert len(candidates(ENTRIES)) == 5
    assert [entry["name"] for entry in candidates(ENTRIES, name="joe")] == ["joe"]
    assert [entry["name"] for entry in candidates(ENTRIES, kid="k1")] == ["jane"]
    assert [entry["name"] for entry in candidates(ENTRIES, kid="c1")] == ["google"]


def test_a_flag_that_fits_none_is_refused_and_the_choice_named() -> None:
    with pytest.raises(BadRequest, match="'x' for flag '--provisioner'; the CA has: jane, joe"):
        candidates(ENTRIES, name="x")
    with pytest.raises(BadRequest, match="'k9' for flag '--kid'; the CA has: k1, k2, c1"):
        candidates(ENTRIES, kid="k9")
    with pytest.raises(BadRequest, match="does not have any provisioner"):
        candidates([])


def test_types_without_tokens_for_certificates_are_refused_by_name() -> None:
    require_tokens(ENTRIES[1])
    with pytest.raises(BadRequest, match="'acme' is of type ACME"):
        require_tokens(ENTRIES[2])
    with pytest.raises(NotSupported, match="'a' is of type AWS"):
        require_tokens({"type": "aws", "name": "a"})
    assert kind_of({"type": "k8ssa"}) == "K8sSA"


def test_a_credential_leaves_one_type_to_choose_from() -> None:
    entries = [*ENTRIES, {"type": "x5c", "name": "devices"}]
    assert candidates(entries, kind="X5C") == entries[-1:]
    with pytest.raises(BadRequest, match="any provisioner of type Nebula"):
        candidates(entries, kind="Nebula")


def test_other_types_than_jwk_are_named_in_the_audience() -> None:
    url = "https://ca.example/1.0/sign"
    assert audience_of({"type": "JWK", "name": "jane"}, url) == url
    assert audience_of({"type": "X5C", "name": "my devices"}, url) == f"{url}#x5c/my devices"
    assert audience_of({"type": "nebula", "name": "n"}, url) == f"{url}#nebula/n"


def test_a_private_jwk_signs_under_the_provisioners_kid() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    private = jwk.private_jwk(key)
    own = jwk.thumbprint(jwk.public_members(key.public_key()))
    assert signing_key(private, "theirs").kid == "theirs"
    assert signing_key(private).kid == private["kid"] == own
    assert signing_key({k: v for k, v in private.items() if k != "kid"}).kid == own
    assert signing_key(private).algorithm == "ES256"
    with pytest.raises(FormatError):
        signing_key({"kty": "EC"})
