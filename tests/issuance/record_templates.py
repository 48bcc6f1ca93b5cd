"""Record what step-ca makes of templates: `python -m tests.issuance.record_templates [PART…]`.

Needs step-ca on PATH. Writes golden/certificate_json.json (templates that are plain JSON),
golden/templates.json (templates with actions), golden/template_authorities.json (templates under
different authorities) and golden/certificate_values.json (what templates see of a credential); the
tests replay them.
"""

import base64
import datetime as dt
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
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from tests.issuance import template_cases
from tests.issuance.json_cases import RAW_SUBJECT, SECTIONS
from tests.issuance.record import NAMES, authority, jwk, pem
from tests.support.requests import general_name, key_of, signing_request
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
    lines = answer.body["crt"].split("\n")  # not every certificate of step-ca can be loaded here
    return {"status": 201, "certificate": "".join(each for each in lines if "-" not in each)}


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


def credential() -> tuple[x509.Certificate, x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Make a certificate with about everything, its root and its key."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Device Root, Inc")])
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CH"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Org"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "B"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "A"),
            x509.NameAttribute(NameOID.COMMON_NAME, "device"),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, "S1"),
        ]
    )
    start = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(hours=1)

    def builder(name: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + dt.timedelta(days=36500))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )

    root = (
        builder(issuer, root_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    usage = x509.KeyUsage(True, False, True, False, False, False, False, False, False)
    purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, x509.ObjectIdentifier("1.2.3.4")]
    access = [
        x509.AccessDescription(method, x509.UniformResourceIdentifier(url))
        for method, url in (
            (AuthorityInformationAccessOID.OCSP, "http://ocsp.example"),
            (AuthorityInformationAccessOID.CA_ISSUERS, "http://ca.example/ca.crt"),
        )
    ]
    point = x509.DistributionPoint(
        [x509.UniformResourceIdentifier("http://crl.example/ca.crl")], None, None, None
    )
    names = [general_name(each) for each in template_cases.RICH_NAMES]
    leaf = (
        builder(subject, key.public_key())
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()),
            critical=False,
        )
        .add_extension(x509.AuthorityInformationAccess(access), critical=False)
        .add_extension(x509.CRLDistributionPoints([point]), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    return root, leaf, key


def record_certificate_values(folder: Path) -> dict[str, Any]:
    """Print what templates see of the certificate behind a token of type X5C."""
    root, leaf, key = credential()
    files = authority(folder / "pki", "P-256", hashes.SHA256())
    csr = signing_request(key_of("P-256"), SUBJECT, [])
    x5c = {
        "type": "X5C",
        "roots": base64.b64encode(root.public_bytes(Encoding.PEM)).decode(),
        "claims": {"maxTLSCertDuration": "876000h"},
    }
    provisioners = [
        {
            **x5c,
            "name": f"case {number}",
            "options": {"x509": {"template": template_cases.printed(expression)["template"]}},
        }
        for number, expression in enumerate(template_cases.CERTIFICATE_EXPRESSIONS)
    ]
    config = {**files, "dnsNames": NAMES, "authority": {"provisioners": provisioners}}
    chain = [base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in (leaf, root)]
    printed = []
    with serving(folder, config) as ca:
        for number, expression in enumerate(template_cases.CERTIFICATE_EXPRESSIONS):
            claims = claims_of({}, f"case {number}", secrets.token_hex(16))
            claims["aud"] += f"#x5c/case {number}"
            ott = jwt.encode(claims, key, "ES256", {"x5c": chain})
            answer = ca.post("/1.0/sign", {"csr": csr, "ott": ott})
            text = None
            if answer.status == 201:
                made = x509.load_pem_x509_certificate(answer.body["crt"].encode())
                text = made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            printed.append(
                {
                    "expression": expression,
                    "status": answer.status,
                    "printed": text[0].value if text else "",
                }
            )
    octets = base64.b64encode(leaf.public_bytes(Encoding.DER)).decode()
    return {"certificate": octets, "cases": printed}


PARTS = {
    "certificate_values": record_certificate_values,
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
