"""What is asked for with a token depends on whose it is, by step's rule."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.client.token_kinds import TokenKind, kind_of_token, requested
from appliance.formats import jwt
from appliance.formats.jwt import UnverifiedToken

KEY = ec.generate_private_key(ec.SECP256R1())
PERSON = {"iss": "https://idp.example/x", "aud": "c", "sub": "a|b", "exp": 1, "iat": 1}
EMAIL = {"email": "Jane@example.com"}


def token(claims: dict[str, Any]) -> UnverifiedToken:
    return jwt.split(jwt.sign(claims, KEY))


@pytest.mark.parametrize(
    ("claims", "kind"),
    [
        ({"sha": "ab"}, TokenKind.PROVISIONER),
        ({"sans": ["a"]}, TokenKind.PROVISIONER),
        ({**PERSON, "sans": ["a"]}, TokenKind.PROVISIONER),
        (PERSON, TokenKind.IDENTITY),
        ({**PERSON, "sans": []}, TokenKind.IDENTITY),
        ({**PERSON, "exp": None}, TokenKind.UNKNOWN),
        ({**PERSON, "aud": []}, TokenKind.UNKNOWN),
        ({**PERSON, "iss": "kubernetes/serviceaccount"}, TokenKind.K8SSA),
        ({**PERSON, "google": {"compute_engine": {}}}, TokenKind.CLOUD),
        ({**PERSON, "amazon": {}, "sha": "ab"}, TokenKind.PROVISIONER),
        ({}, TokenKind.UNKNOWN),
    ],
)
def test_kinds(claims: dict[str, Any], kind: TokenKind) -> None:
    assert kind_of_token(token(claims)) is kind


@pytest.mark.parametrize(
    ("claims", "subject", "sans", "name", "names"),
    [
        (PERSON, "nas", [], "nas", ["nas"]),
        (PERSON, "nas", ["nas.example"], "nas", ["nas.example"]),
        ({**PERSON, **EMAIL}, "jane@EXAMPLE.com", [], "a|b",
         ["Jane@example.com", "https://idp.example/x#a%7Cb"]),
        ({**PERSON, **EMAIL, "iss": "idp.example"}, "jane@example.com", [], "a|b",
         ["Jane@example.com"]),
        ({**PERSON, **EMAIL}, "jane", [], "jane", ["jane"]),
        ({"sha": "ab", "sub": "nas", "sans": ["n1"]}, "x", [], "nas", ["n1"]),
        ({"sha": "ab", "sub": "nas"}, "x", ["n2"], "nas", ["n2"]),
        ({**PERSON, "iss": "kubernetes/serviceaccount"}, "pod", [], "pod", []),
    ],
)  # fmt: skip
def test_the_request_that_goes_with_a_token(
    claims: dict[str, Any], subject: str, sans: list[str], name: str, names: list[str]
) -> None:
    assert requested(token(claims), subject, sans) == (name, names)
