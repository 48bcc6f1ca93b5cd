"""Log-ins, good and bad, for any step-compatible CA: ours, or step-ca itself.

Each case has a provisioner of its own, whose client is the case's name.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from tests.support.idp import Idp
from tests.support.requests import key_of, signing_request

EMAIL = "jane@example.com"
PERSON = "1234"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A provisioner's members, a token's claims and header, a request."""

    entry: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    header: Mapping[str, Any] = field(default_factory=dict)
    name: str = "anything.example"
    sans: Sequence[str] = ("anything.example", "192.0.2.7")
    stranger: bool = False  # signed by a key that is not the provider's
    serial: str = ""  # revoke this instead
    at: Mapping[str, int] = field(default_factory=dict)  # claims that are times, from now


ADMIN = {"admins": [EMAIL]}
TEMPLATE = """{
  "subject": {
    "commonName": {{ toJson .Token.email }},
    "organizationalUnit": {{ toJson .Token.groups }}
  },
  "sans": {{ toJson .SANs }},
  "keyUsage": ["digitalSignature"], "extKeyUsage": ["clientAuth"]
}"""
TEMPLATED = {"options": {"x509": {"template": TEMPLATE}}}
DATA_ONLY = {"options": {"x509": {"templateData": {"a": 1}}}}
CASES: dict[str, Case] = {
    "templated": Case(entry=TEMPLATED, claims={"groups": ["dev", "ops"]}),
    "templated-admin": Case(entry={**ADMIN, **TEMPLATED}, claims={"groups": ["dev"]}),
    "template-data-admin": Case(entry={**ADMIN, **DATA_ONLY}),
    "anybody": Case(),
    "without-sans": Case(sans=()),
    "without-names": Case(name="", sans=()),
    "groups-in-token": Case(claims={"groups": ["a", "b"]}),
    "no-email": Case(claims={"email": None}),
    "empty-email": Case(claims={"email": ""}),
    "capital-email": Case(claims={"email": "Jane@EXAMPLE.com"}),
    "no-sub": Case(claims={"sub": None}),
    "odd-sub": Case(claims={"sub": "auth0|a b%c/é?x=y#z"}),
    "sub-with-quote": Case(claims={"sub": "o'neill(1)!*"}),
    "unverified-email": Case(claims={"email_verified": False}),
    "email-is-a-uri": Case(claims={"email": "mailto:jane@example.com"}),
    "email-without-at": Case(claims={"email": "jane"}),
    "email-not-ascii": Case(claims={"email": "é@example.com"}),
    "admin-any": Case(entry=ADMIN),
    "admin-email-sans": Case(entry=ADMIN, sans=("x@y.example", "https://y.example/a")),
    "admin-without-names": Case(entry=ADMIN, name="", sans=()),
    "admin-capital-domain": Case(entry=ADMIN, claims={"email": "jane@EXAMPLE.com"}),
    "admin-capital-local": Case(entry=ADMIN, claims={"email": "Jane@example.com"}),
    "admin-by-group": Case(entry={"admins": ["ops"]}, claims={"groups": ["ops"]}),
    "admin-by-other-group": Case(entry={"admins": ["ops"]}, claims={"groups": ["dev"]}),
    "domain": Case(entry={"domains": ["example.com"]}),
    "domain-capital": Case(entry={"domains": ["EXAMPLE.com"]}),
    "domain-other": Case(entry={"domains": ["example.org"]}),
    "domain-suffix": Case(entry={"domains": ["xample.com"]}),
    "domain-below": Case(entry={"domains": ["example.com"]}, claims={"email": "a@b.example.com"}),
    "domain-no-email": Case(entry={"domains": ["example.org"]}, claims={"email": None}),
    "domain-admin": Case(entry={**ADMIN, "domains": ["example.org"]}),
    "group": Case(entry={"groups": ["dev"]}, claims={"groups": ["ops", "dev"]}),
    "group-other": Case(entry={"groups": ["dev"]}, claims={"groups": ["ops"]}),
    "group-none": Case(entry={"groups": ["dev"]}),
    "group-admin": Case(entry={**ADMIN, "groups": ["dev"]}),
    "groups-are-text": Case(claims={"groups": "dev"}),
    "email-is-a-number": Case(claims={"email": 7}),
    "several-audiences": Case(claims={"aud": ["other", "several-audiences"]}),
    "audience-first": Case(claims={"aud": ["audience-first", "other"]}),
    "azp": Case(claims={"azp": "azp"}),
    "azp-other": Case(claims={"azp": "other"}),
    "other-issuer": Case(claims={"iss": "https://idp.example"}),
    "no-issuer": Case(claims={"iss": None}),
    "expired": Case(at={"exp": -120}),
    "expired-just-now": Case(at={"exp": -30}),
    "not-yet": Case(at={"nbf": 120}),
    "from-the-future": Case(at={"iat": 120}),
    "no-times": Case(claims={"iat": None, "exp": None}),
    "from-before-the-start": Case(at={"iat": -3600}),
    "no-nonce": Case(claims={"nonce": None}),
    "unknown-key": Case(header={"kid": "other"}),
    "no-kid": Case(header={"kid": ""}),
    "stranger": Case(stranger=True),
    "tenant-with-email": Case(claims={"tid": "5c8d"}),
    "no-lifetime-beyond-its-claims": Case(entry={"claims": {"maxTLSCertDuration": "1h", "defaultTLSCertDuration": "30m"}}),  # noqa: E501
    "revoke": Case(serial="4711"),
    "revoke-admin": Case(entry=ADMIN, serial="4711"),
    "revoke-admin-own": Case(entry=ADMIN, serial="1234"),
    "no-provider": Case(entry={"configurationEndpoint": "http://127.0.0.1:9"}),
    "no-document": Case(entry={"configurationEndpoint": "HERE/nowhere"}),
}  # fmt: skip


def entries(provider: Idp) -> list[dict[str, Any]]:
    """Give the provisioners of all cases."""
    return [
        provider.entry(name=name, clientID=name, **_at_home(case.entry, provider))
        for name, case in CASES.items()
    ]


def asked(name: str, provider: Idp) -> tuple[str, dict[str, Any]]:
    """Give path and body of a case's request."""
    case = CASES[name]
    now = int(time.time())
    times = {claim: now + seconds for claim, seconds in case.at.items()}
    key = key_of("P-256") if case.stranger else None
    claims = {"aud": name, "sub": PERSON, "email": EMAIL, **times, **case.claims}
    token = provider.token(key=key, header=dict(case.header), **claims)  # type: ignore[arg-type]
    if case.serial:
        return "/1.0/revoke", {"serial": case.serial, "ott": token, "passive": True}
    csr = signing_request(key_of("P-256"), case.name, case.sans)
    return "/1.0/sign", {"csr": csr, "ott": token, "notAfter": "", "notBefore": ""}


def outcome(status: int, body: Mapping[str, Any], provider: Idp) -> dict[str, Any]:
    """Say what matters of an answer: the status, and who the certificate is for."""
    if status != 201:
        return {"status": status}
    leaf = x509.load_pem_x509_certificate(body["certChain"][0].encode())
    length = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        names = []
    else:
        names = [f"{type(name).__name__} {name.value}" for name in found.value]
    return {
        "status": status,
        "subject": leaf.subject.rfc4514_string(),
        "names": [name.replace(provider.url, "HERE") for name in names],
        "minutes": int(length.total_seconds() // 60),
    }


def _at_home(members: Mapping[str, Any], provider: Idp) -> dict[str, Any]:
    return {
        name: value.replace("HERE", provider.url) if isinstance(value, str) else value
        for name, value in members.items()
    }
