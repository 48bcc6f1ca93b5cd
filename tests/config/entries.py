"""Entries of `authority.provisioners` of every type, good and bad, for step-ca and for ours."""

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from tests.authority.scenarios import provisioners
from tests.support.requests import private_pem

NEBULA = Path(__file__).parents[1] / "formats" / "golden" / "nebula.json"


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def certificate(key: Any) -> bytes:
    """Make any self-signed certificate in PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Any")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), 1, start, start + timedelta(days=9000)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


@cache
def entries() -> list[dict[str, Any]]:
    """Give all of them. The names say what is special."""
    key, rsa_key = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
    other = rsa.generate_private_key(65537, 2048)
    roots = certificate(key)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    nebula = json.loads(NEBULA.read_text())
    nebula_roots = "".join(nebula[kind]["ca"]["pem"] for kind in sorted(nebula)).encode()
    folded = base64.encodebytes(roots).decode()
    jwk = provisioners()[0]["key"]
    decrypter = {
        "decrypterCertificate": b64(certificate(rsa_key)),
        "decrypterKeyPEM": b64(private_pem(rsa_key)),
    }
    oidc = {
        "type": "OIDC",
        "clientID": "client",
        "clientSecret": "secret",
        "configurationEndpoint": "http://127.0.0.1:9/",
    }
    claims = {"maxTLSCertDuration": "48h", "enableSSHCA": True, "disableRenewal": False}
    webhook = {
        "name": "hook",
        "url": "https://hooks.example/{{ .Token.sub }}",
        "kind": "ENRICHING",
        "certType": "X509",
        "disableTLSClientAuth": True,
        "unknown": 1,
    }
    options = {
        "webhooks": [{"id": "1", **webhook}],
        "ssh": {"template": "{}", "templateData": {"b": [1, 2.5, None], "a": "<&>"}},
        "x509": {
            "templateData": {"z": 1, "a": {"y": "ü", "b": False}},
            "template": '{"subject": {{ toJson .Subject }}}',
            "templateFile": "",
        },
    }
    return [
        {"type": "JWK", "name": "jwk", "key": jwk},
        {"type": "jwk", "name": "jwk-options", "key": jwk, "options": options},
        {"type": "JWK", "name": "jwk-empty-options", "key": jwk, "options": {}, "claims": {}},
        {
            "type": "JWK",
            "name": "jwk-empties",
            "key": jwk,
            "encryptedKey": "",
            "options": {"x509": {}, "ssh": {}, "webhooks": [], "wire": None},
            "claims": {"minTLSCertDuration": "1m", "disableRenewal": None},
        },
        {"type": "JWK", "name": "jwk-bad-claims", "key": jwk,
         "claims": {"minTLSCertDuration": "2h", "maxTLSCertDuration": "1h"}},
        {"name": "x5c", "type": "X5C", "roots": b64(roots), "claims": claims},
        {"type": "x5C", "name": "x5c-folded", "roots": folded, "options": {"x509": {}}},
        {"type": "X5C", "name": "x5c-no-roots"},
        {"type": "X5C", "name": "x5c-empty-roots", "roots": ""},
        {"type": "X5C", "name": "x5c-bad-roots", "roots": b64(b"no certificate")},
        {"type": "X5C", "name": "x5c-key-for-root", "roots": b64(public)},
        {"type": "K8sSA", "name": "k8s", "publicKeys": b64(public), "claims": claims},
        {"type": "Nebula", "name": "nebula", "roots": b64(nebula_roots), "claims": claims},
        {"type": "Nebula", "name": "nebula-no-roots"},
        {"type": "Nebula", "name": "nebula-bad-roots", "roots": b64(roots)},
        {**oidc, "name": "oidc", "clientID": "one"},
        {
            **oidc,
            "name": "oidc-all",
            "tenantID": "tenant",
            "admins": ["Ann@EXAMPLE.com"],
            "domains": ["Example.com"],
            "groups": ["g"],
            "listenAddress": ":10000",
            "claims": claims,
            "options": {"x509": {"templateData": {}}},
            "scopes": ["openid"],
            "authParams": ["prompt=consent"],
        },
        {"type": "OIDC", "name": "oidc-bare", "clientID": "bare"},
        {**oidc, "name": "oidc-bad-listen", "clientID": "x", "listenAddress": "nowhere"},
        {"type": "ACME", "name": "acme"},
        {
            "type": "acme",
            "name": "acme-all",
            "forceCN": True,
            "termsOfService": "https://ca.example/terms",
            "website": "https://ca.example",
            "caaIdentities": ["ca.example"],
            "requireEAB": True,
            "challenges": ["HTTP-01", "device-attest-01"],
            "attestationFormats": ["apple", "step", "tpm"],
            "attestationRoots": b64(roots),
            "claims": claims,
            "options": options,
        },
        {"type": "ACME", "name": "acme-bad-challenge", "challenges": ["http-02"]},
        {"type": "ACME", "name": "acme-bad-format", "attestationFormats": ["google"]},
        {"type": "ACME", "name": "acme-bad-roots", "attestationRoots": b64(b"x")},
        {"type": "ACME", "name": "acme-empties", "challenges": [], "caaIdentities": [],
         "forceCN": False, "website": "", "attestationRoots": ""},
        {"type": "SSHPOP", "name": "sshpop", "claims": {"enableSSHCA": True}},
        {"type": "SCEP", "name": "scep", **decrypter},
        {
            "type": "SCEP",
            "name": "scep-all",
            "forceCN": True,
            "challenge": "secret",
            "capabilities": ["Renewal", "SHA-256"],
            "includeRoot": True,
            "excludeIntermediate": True,
            "minimumPublicKeyLength": 3072,
            **decrypter,
            "encryptionAlgorithmIdentifier": 2,
            "options": options,
            "claims": claims,
        },
        {"type": "SCEP", "name": "scep-bad-length", "minimumPublicKeyLength": 2049},
        {"type": "SCEP", "name": "scep-bad-algorithm", "encryptionAlgorithmIdentifier": 5},
        {"type": "SCEP", "name": "scep-key-alone",
         "decrypterKeyPEM": decrypter["decrypterKeyPEM"]},
        {"type": "SCEP", "name": "scep-other-key", **decrypter,
         "decrypterKeyPEM": b64(private_pem(other))},
        {"type": "Oracle", "name": "nobody knows"},
    ]  # fmt: skip
