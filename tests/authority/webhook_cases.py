"""Sign requests of provisioners with webhooks, for step-ca and for ours.

`record_webhooks.py` plays them against step-ca and keeps what it asks the webhooks and answers to
the client; the tests hold ours against it.
"""

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.authority import credential_scenarios
from tests.authority.credential_scenarios import ROOT, usage
from tests.support.requests import PEM, general_name, key_of
from tests.support.webhooks import Reply

TEMPLATE = """{
  "subject": {"commonName": {{ toJson .Subject.CommonName }}, "organization": "Ours",
    "country": ["DE", "FR"], "extraNames": [{"type": "1.2.3.4", "value": "extra"}]},
  "dnsNames": {{ toJson .Insecure.CR.DNSNames }},
  "emailAddresses": ["joe@example.com"], "ipAddresses": "10.9.8.7",
  "uris": ["https://example.com/a%20b"],
  "sans": [{"type": "dns", "value": "san.example"}],
  "keyUsage": ["digitalSignature", "keyAgreement"],
  "extKeyUsage": ["serverAuth", "emailProtection"],
  "unknownExtKeyUsage": ["1.3.6.1.4.1.311.20.2.2"],
  "extensions": [{"id": "1.2.3.5", "critical": false, "value": "BAQB"}],
  "policyIdentifiers": ["1.2.3.6"], "ocspServer": "http://ocsp.example",
  "issuingCertificateURL": ["http://ca.example/ca.crt"],
  "crlDistributionPoints": ["http://ca.example/crl"],
  "basicConstraints": {"isCA": false, "maxPathLen": 0},
  "nameConstraints": {"critical": true, "permittedDNSDomains": ["example"],
    "excludedIPRanges": ["10.0.0.0/8"]},
  "subjectKeyId": "AAEC", "version": 3, "serialNumber": "0x1234"
}"""
OTHER_NAMES = """{"subject": {{ toJson .Subject }},
  "sans": [{"type": "permanentIdentifier", "value": "123"}, {"type": "dns", "value": "x.example"}],
  "keyUsage": ["digitalSignature"], "extKeyUsage": ["clientAuth"]}"""
ENRICHED = """{"subject": {"commonName": {{ toJson .Subject.CommonName }},
    "organization": {{ toJson .Webhooks.people.team }}},
  "sans": {{ toJson .SANs }}, "keyUsage": ["digitalSignature"], "extKeyUsage": ["clientAuth"]}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request of a provisioner of its own; webhooks are at paths below its name."""

    hooks: Sequence[Mapping[str, Any]]
    replies: Mapping[str, Sequence[Reply | Mapping[str, Any]]] = field(default_factory=dict)
    template: str = ""
    subject: str = "host.example"
    sans: Sequence[str] = ("host.example",)
    csr: str = "plain"
    x5c: bool = False  # the token is signed by a certificate's key


def enriching(path: str = "/enrich", **more: Any) -> dict[str, Any]:
    return {"id": f"id-of-{path[1:]}", "name": path[1:], "url": path, "kind": "ENRICHING", **more}


def authorizing(path: str = "/authorize", **more: Any) -> dict[str, Any]:
    return {**enriching(path, kind="AUTHORIZING"), **more}


BOTH = (enriching(), authorizing())
NOPE = {"allow": False, "error": {"code": "X1", "message": "nope"}}

CASES: dict[str, Case] = {
    "plain": Case(hooks=BOTH),
    "RSA key, every kind of name": Case(
        hooks=BOTH,
        csr="rich",
        sans=("b.example", "10.0.0.1", "joe@example.com", "https://example.com/x", "a.example"),
    ),
    "empty subject in the request": Case(hooks=BOTH, csr="nameless"),
    "Ed25519, no names in the request": Case(hooks=BOTH, csr="bare"),
    "Unicode subject": Case(hooks=BOTH, csr="bare", subject="José <漢>", sans=("a.example",)),
    "token of a certificate": Case(hooks=BOTH, x5c=True),
    "template": Case(hooks=BOTH, template=TEMPLATE),
    "template with other names": Case(hooks=BOTH, template=OTHER_NAMES),
    "data for the template": Case(
        hooks=(enriching("/people"), authorizing()),
        replies={"/people": [{"allow": True, "data": {"team": ["a & b"], "Team": 1}}]},
        template=ENRICHED,
    ),
    "denied before": Case(hooks=BOTH, replies={"/enrich": [NOPE]}),
    "denied before, without a word": Case(hooks=BOTH, replies={"/enrich": [{"allow": False}]}),
    "denied": Case(hooks=BOTH, replies={"/authorize": [NOPE]}),
    "allowed with an error": Case(hooks=BOTH, replies={"/enrich": [{**NOPE, "allow": True}]}),
    "keys in other cases": Case(
        hooks=BOTH, replies={"/enrich": [Reply(body=b' {"ALLOW":true,"x":1} trailing')]}
    ),
    "null": Case(hooks=BOTH, replies={"/enrich": [Reply(body=b"null")]}),
    "empty": Case(hooks=BOTH, replies={"/enrich": [Reply(body=b"")]}),
    "no JSON": Case(hooks=BOTH, replies={"/enrich": [Reply(body=b"yes")]}),
    "a list": Case(hooks=BOTH, replies={"/enrich": [Reply(body=b"[true]")]}),
    "allow a text": Case(hooks=BOTH, replies={"/enrich": [Reply(body=b'{"allow":"true"}')]}),
    "error a text": Case(
        hooks=BOTH, replies={"/enrich": [Reply(body=b'{"allow":true,"error":"x"}')]}
    ),
    "status 404": Case(hooks=BOTH, replies={"/enrich": [Reply(status=404)]}),
    "status 201": Case(hooks=BOTH, replies={"/enrich": [Reply(status=201)]}),
    "status 500 twice": Case(hooks=BOTH, replies={"/enrich": [Reply(status=500)]}),
    "status 500 once": Case(hooks=BOTH, replies={"/enrich": [Reply(status=503), Reply()]}),
    "status 500 twice after": Case(hooks=BOTH, replies={"/authorize": [Reply(status=500)]}),
    "only for SSH": Case(hooks=(enriching(certType="SSH"), authorizing(certType="X509"))),
    "kind in small letters": Case(hooks=(enriching(kind="enriching"),)),
    "of other kinds": Case(hooks=(enriching(kind="NOTIFYING"), authorizing(kind="SCEPCHALLENGE"))),
    "without client certificate": Case(hooks=(enriching(disableTLSClientAuth=True),)),
    "url with parts of the token": Case(
        hooks=(enriching("/{{ .Token.sub | upper }}/{{ .Subject.CommonName }}/{{ .No }}"),)
    ),
    "url of a broken template": Case(hooks=(enriching("/{{ .Token.sub"),)),
    "url of a failing template": Case(hooks=(enriching('/{{ fail "no way" }}'),)),
}


KID = "webhooks"
LEAF_KEY = key_of("P-256")
LEAF = credential_scenarios.certificate("x5c subject", LEAF_KEY, ROOT, usage())


def provisioners(public_jwk: Mapping[str, Any], url: str) -> list[dict[str, Any]]:
    """Give one for each case, in the form of ca.json; its webhooks are at this URL."""
    listed = []
    for number, case in enumerate(CASES.values()):
        hooks = [{**hook, "url": f"{url}/{number}{hook['url']}"} for hook in case.hooks]
        of_type = (
            {"type": "X5C", "roots": base64.b64encode(ROOT.text).decode()}
            if case.x5c
            else {"type": "JWK", "key": public_jwk}
        )
        template = {"template": case.template} if case.template else {}
        options = {"webhooks": hooks, "x509": template}
        listed.append({**of_type, "name": f"p{number}", "options": options})
    return listed


def sign_request(number: int, csr: str, key: Any, now: int) -> dict[str, Any]:
    """Make the request of a case; the key is that of its JWK."""
    case = list(CASES.values())[number]
    audience = "https://ca.example/1.0/sign" + (f"#x5c/p{number}" if case.x5c else "")
    claims = {
        "iss": f"p{number}", "aud": audience, "sub": case.subject, "sans": list(case.sans),
        "jti": secrets.token_hex(16), "iat": now, "nbf": now, "exp": now + 300,
    }  # fmt: skip
    leaf = base64.b64encode(LEAF.public_bytes(Encoding.DER)).decode()
    header: dict[str, Any] = {"x5c": [leaf]} if case.x5c else {"kid": KID}
    return {"csr": csr, "ott": jwt.encode(claims, LEAF_KEY if case.x5c else key, "ES256", header)}  # type: ignore[arg-type]


def signing_request(kind: str) -> str:
    """Make a CSR in PEM."""
    builder = x509.CertificateSigningRequestBuilder()
    attribute = x509.NameAttribute
    key = key_of({"rich": "RSA-2048", "bare": "Ed25519"}.get(kind, "P-256"))
    subject = {
        "plain": [attribute(NameOID.COMMON_NAME, "host.example")],
        "rich": [
            attribute(NameOID.COUNTRY_NAME, "DE"),
            attribute(NameOID.ORGANIZATION_NAME, "Müller & Söhne"),
            attribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "One"),
            attribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Two"),
            attribute(NameOID.LOCALITY_NAME, "L"),
            attribute(NameOID.STATE_OR_PROVINCE_NAME, "P"),
            attribute(NameOID.STREET_ADDRESS, "S"),
            attribute(NameOID.POSTAL_CODE, "1"),
            attribute(NameOID.SERIAL_NUMBER, "42"),
            attribute(NameOID.EMAIL_ADDRESS, "joe@example.com"),
            attribute(NameOID.DOMAIN_COMPONENT, "example"),
            attribute(NameOID.COMMON_NAME, "host.example"),
        ],
    }.get(kind, [])
    builder = builder.subject_name(x509.Name(subject))
    names = {
        "plain": ["host.example"],
        "nameless": ["host.example"],
        "rich": ["b.example", "10.0.0.1", "joe@example.com", "https://example.com/x", "a.example"],
    }.get(kind, [])
    if names:
        listed = x509.SubjectAlternativeName([general_name(each) for each in names])
        builder = builder.add_extension(listed, critical=False)
    if kind == "rich":
        usages = [
            ExtendedKeyUsageOID.CLIENT_AUTH,
            x509.ObjectIdentifier("1.2.3.4"),
            ExtendedKeyUsageOID.CODE_SIGNING,
        ]
        builder = (
            builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=3), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True, content_commitment=True, key_encipherment=True,
                    data_encipherment=False, key_agreement=True, key_cert_sign=False,
                    crl_sign=False, encipher_only=False, decipher_only=True,
                ),
                critical=True,
            )
        )  # fmt: skip
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(PEM).decode()
