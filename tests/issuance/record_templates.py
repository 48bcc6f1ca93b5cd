"""Record what step-ca makes of templates: `python -m tests.issuance.record_templates [PART…]`.

Needs step-ca on PATH. Writes golden/certificate_json.json (templates that are plain JSON),
golden/templates.json (templates with actions) and golden/template_authorities.json (templates under
different authorities); the tests replay them.
"""

import base64
import json
import secrets
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.issuance import template_cases
from tests.issuance.json_cases import RAW_SUBJECT, SECTIONS
from tests.issuance.record import NAMES, authority, jwk, pem
from tests.support.requests import key_of, signing_request
from tests.support.stepca import Answer, Reference, serving

GOLDEN = Path(__file__).parent / "golden"
SUBJECT = "leaf.example"


def as_option(text: str) -> str:
    """Write a template as ca.json takes it: in base64 where it does not begin with a brace."""
    return text if text.strip().startswith("{") else base64.b64encode(text.encode()).decode()


def as_text(value: Any) -> str:
    """Write a case's JSON; texts are JSON already."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def configuration(
    files: dict[str, str],
    folder: Path,
    key: ec.EllipticCurvePrivateKey,
    options: Iterable[dict[str, Any]],
    **of_authority: Any,
) -> dict[str, Any]:
    """Write a ca.json with one provisioner, `case N`, for each set of `options.x509`."""
    public = jwk(key, "golden-kid")
    claims = {"maxTLSCertDuration": "876000h"}
    return {
        **files,
        "dnsNames": NAMES,
        "authority": {
            **of_authority,
            "provisioners": [
                {
                    "type": "JWK",
                    "name": f"case {number}",
                    "key": public,
                    "claims": claims,
                    "options": {"x509": each},
                }
                for number, each in enumerate(options)
            ],
        },
    }


def outcome(answer: Answer) -> dict[str, Any]:
    """Keep of an answer what the replay compares."""
    if answer.status != 201:
        return {"status": answer.status, "message": answer.body.get("message", "")}
    certificate = x509.load_pem_x509_certificate(answer.body["crt"].encode())
    octets = certificate.public_bytes(Encoding.DER)
    return {"status": 201, "certificate": base64.b64encode(octets).decode()}


def claims_of(case: Mapping[str, Any], provisioner: str, token_id: str) -> dict[str, Any]:
    """Give the claims of a case's token; those that templates print do not change."""
    return {
        "iss": provisioner,
        "aud": "https://localhost/1.0/sign",
        "sub": SUBJECT,
        "exp": 4102444800,
        "jti": token_id,
        **template_cases.CLAIMS.get(case.get("request", ""), {}),
        **case.get("claims", {}),
    }


def ask(
    ca: Reference, key: ec.EllipticCurvePrivateKey, number: int, csr: str, case: Mapping[str, Any]
) -> dict[str, Any]:
    """Ask the provisioner of a case for a certificate."""
    claims = claims_of(case, f"case {number}", secrets.token_hex(16))
    ott = jwt.encode(claims, key, "ES256", {"kid": "golden-kid"})
    sent = {"templateData": case["user"]} if "user" in case else {}
    body = {"csr": csr, "ott": ott, **case.get("asked", {}), **sent}
    return outcome(ca.post("/1.0/sign", body))


def record_json(folder: Path) -> dict[str, Any]:
    """Try every case of plain JSON with the same request."""
    key = ec.generate_private_key(ec.SECP256R1())
    files = authority(folder / "pki", "P-256", hashes.SHA256())
    cases = [
        {"section": section, "name": name, "json": as_text(value)}
        for section, named in SECTIONS.items()
        for name, value in named.items()
    ]
    csr = signing_request(key_of("P-256"), SUBJECT, [SUBJECT])
    options = [{"template": as_option(case["json"])} for case in cases]
    with serving(folder, configuration(files, folder, key, options)) as ca:
        recorded = [
            {**case, **ask(ca, key, number, csr, case)} for number, case in enumerate(cases)
        ]
    return {"intermediate": pem(files["crt"]), "csr": csr, "cases": recorded}


def record_templates(folder: Path) -> dict[str, Any]:
    """Try every template with its request."""
    key = ec.generate_private_key(ec.SECP256R1())
    files = authority(folder / "pki", "P-256", hashes.SHA256())
    csrs = template_cases.requests()
    options = [
        {
            "template": as_option(case["template"]),
            **({"templateData": case["data"]} if "data" in case else {}),
        }
        for case in template_cases.CASES
    ]
    recorded = []
    with serving(folder, configuration(files, folder, key, options)) as ca:
        for number, case in enumerate(template_cases.CASES):
            got = ask(ca, key, number, csrs[case["request"]], case)
            recorded.append({**case, **got})
    return {"intermediate": pem(files["crt"]), "requests": csrs, "cases": recorded}


VARIED = [
    '{"subject": "a", "dnsNames": "a.example", "keyUsage": "digitalSignature"}',
    '{"subject": {}, "dnsNames": "a.example"}',
    '{"subject": {"country": "US", "organizationalUnit": ["B", "A"], "serialNumber": "1"}}',
    '{"rawSubject": "' + RAW_SUBJECT + '", "subject": {"organization": "no"}}',
    '{"subject": {}, "sans": [{"type": "1.2.3", "value": "x"}]}',
    '{"subject": {"extraNames": [{"type": "2.5.4.6", "value": "DE"}]}}',
    '{"subject": "a", "signatureAlgorithm": "SHA512-RSA"}',
    '{"subject": "a", "signatureAlgorithm": "SHA384-RSAPSS"}',
    '{"subject": "a", "signatureAlgorithm": "ECDSA-SHA384"}',
    '{"subject": "a", "extensions": [{"id": "1.3.6.1.4.1.37476.9000.64.1", "value": "BQA="}]}',
    '{"subject": "a", "authorityKeyId": "AQID", "subjectKeyId": "BAUG"}',
]
"""Templates whose certificate depends on the authority."""


def record_authorities(folder: Path) -> dict[str, Any]:
    """Try a few templates under other authorities: keys, subject defaults, no step extension."""
    key = ec.generate_private_key(ec.SECP256R1())
    csr = signing_request(key_of("P-256"), SUBJECT, [])
    defaults = {"country": "CH", "organization": "Org & Söhne", "serialNumber": "42",
                "commonName": "Default"}  # fmt: skip
    plain = {"claims": {"disableSmallstepExtensions": True}}
    authorities = []
    for name, kind, digest, pss, more in (
        ("subject defaults", "P-256", hashes.SHA256(), False, {"template": defaults}),
        ("no step extension", "P-256", hashes.SHA256(), False, plain),
        ("RSA", "RSA-2048", hashes.SHA256(), False, {}),
        ("RSA with PSS", "RSA-2048", hashes.SHA512(), True, {}),
        ("P-384", "P-384", hashes.SHA384(), False, {}),
        ("Ed25519", "Ed25519", None, False, {}),
    ):
        place = folder / name.replace(" ", "-")
        files = authority(place / "pki", kind, digest, pss=pss)
        options = [{"template": each} for each in VARIED]
        with serving(place, configuration(files, place, key, options, **more)) as ca:
            cases = [
                {"template": text, **ask(ca, key, number, csr, {})}
                for number, text in enumerate(VARIED)
            ]
        authorities.append(
            {
                "name": name,
                "intermediate": pem(files["crt"]),
                "subjectDefaults": more.get("template", {}),
                "stepExtension": "claims" not in more,
                "cases": cases,
            }
        )
    return {"csr": csr, "authorities": authorities}


PARTS = {
    "certificate_json": record_json,
    "templates": record_templates,
    "template_authorities": record_authorities,
}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        with tempfile.TemporaryDirectory() as temporary:
            recorded = PARTS[part](Path(temporary))
        text = json.dumps(recorded, indent=1, ensure_ascii=False)
        (GOLDEN / f"{part}.json").write_text(text + "\n")
