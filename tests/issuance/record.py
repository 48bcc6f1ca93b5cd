"""Record what step-ca issues, as golden/certificates.json: `python -m tests.issuance.record`.

Needs step and step-ca on PATH. The tests replay the file: from the same request, serial and dates,
our to-be-signed bytes must equal the reference's.
"""

import base64
import datetime as dt
import json
import os
import secrets
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.x509.oid import NameOID

from tests.support.requests import PEM, Key, key_of, private_pem, signing_request
from tests.support.stepca import Reference, serving

GOLDEN = Path(__file__).parent / "golden" / "certificates.json"
NAMES = ["localhost", "127.0.0.1", "[::1]"]


def authority(
    folder: Path, kind: str, digest: hashes.HashAlgorithm | None, *, pss: bool = False
) -> dict[str, str]:
    """Make a root and an intermediate whose own signature is of the wanted algorithm."""
    folder.mkdir(parents=True)
    now = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    root_key, key = key_of(kind), key_of(kind)

    def certificate(
        name: str, issuer: str, public: Any, signer: Key, depth: int
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + dt.timedelta(days=36500))
            .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )
        chosen = (
            padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH) if pss and digest else None
        )
        return builder.sign(signer, digest, rsa_padding=chosen)  # type: ignore[arg-type]

    root = certificate("Golden Root", "Golden Root", root_key.public_key(), root_key, 1)
    middle = certificate("Golden Intermediate", "Golden Root", key.public_key(), root_key, 0)
    (folder / "root.crt").write_bytes(root.public_bytes(PEM))
    (folder / "ca.crt").write_bytes(middle.public_bytes(PEM))
    (folder / "ca.key").write_bytes(private_pem(key))
    return {
        name: str(folder / file)
        for name, file in (("root", "root.crt"), ("crt", "ca.crt"), ("key", "ca.key"))
    }


def jwk(key: ec.EllipticCurvePrivateKey, kid: str) -> dict[str, str]:
    """Write a provisioner's public key."""
    return {
        **json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())),
        "kid": kid,
        "use": "sig",
        "alg": "ES256",
    }


ASKED: list[dict[str, Any]] = [
    {"name": "one DNS name", "sub": "leaf.example"},
    {"name": "RSA key", "sub": "leaf.example", "key": "RSA-2048"},
    {"name": "Ed25519 key", "sub": "leaf.example", "key": "Ed25519"},
    {"name": "P-384 key", "sub": "leaf.example", "key": "P-384"},
    {"name": "P-521 key", "sub": "leaf.example", "key": "P-521"},
    {
        "name": "every kind of name, the request without any",
        "sub": "mixed",
        "bare": True,
        "sans": [
            "spiffe://example/x?q=1#f",
            "b.example",
            "10.0.0.1",
            "joe@example.com",
            "2001:db8::1",
            "a.example",
            "urn:uuid:9f0b0a4e-6b8e-4f0a-8b0e-1f2a3b4c5d6e",
            "::ffff:10.1.2.3",
        ],
    },
    {
        "name": "every kind of name, in the request too",
        "sub": "mixed",
        "sans": [
            "https://example.com/path",
            "b.example",
            "10.0.0.1",
            "joe@example.com",
            "a.example",
        ],
    },
    {"name": "wildcard", "sub": "*.example.com"},
    {"name": "Unicode subject", "sub": "José Müller 漢字", "sans": ["a.example"], "bare": True},
    {"name": "subject that is an email", "sub": "joe@example.com"},
    {"name": "subject that is an address", "sub": "10.9.8.7"},
    {"name": "subject with printable signs", "sub": "A b'()+,-./:=?", "sans": ["a.example"]},
    {
        "name": "name said twice",
        "sub": "a.example",
        "sans": ["a.example", "b.example", "a.example"],
        "bare": True,
    },
    {
        "name": "empty name among others",
        "sub": "a.example",
        "sans": ["a.example", ""],
        "bare": True,
    },
    {"name": "capital letters and a trailing dot", "sub": "A.Example.", "bare": True},
    {"name": "sixty names", "sub": "n0.example", "sans": [f"n{i}.example" for i in range(60)]},
    {"name": "without the step extension", "sub": "leaf.example", "provisioner": "plain"},
    {"name": "long provisioner name", "sub": "leaf.example", "provisioner": "ä" * 130},
    {
        "name": "both times asked",
        "sub": "leaf.example",
        "provisioner": "long",
        "notBefore": "2030-01-02T03:04:05Z",
        "notAfter": "2049-12-31T23:59:59Z",
    },
    {
        "name": "beyond 2050",
        "sub": "leaf.example",
        "provisioner": "long",
        "notBefore": "2049-12-31T23:59:59Z",
        "notAfter": "2050-06-01T00:00:00Z",
    },
    {"name": "durations asked", "sub": "leaf.example", "notBefore": "30m", "notAfter": "2h"},
    {"name": "bound to the request", "sub": "leaf.example", "bind": True},
]
TEMPLATE = {
    "template": json.dumps(
        {
            "subject": {"commonName": "templated", "organization": ["One", "Two"]},
            "dnsNames": ["t.example"],
            "keyUsage": ["digitalSignature"],
            "extKeyUsage": ["clientAuth"],
            "crlDistributionPoints": ["http://crl.example/ca.crl"],
            "ocspServer": "http://ocsp.example",
            "issuingCertificateURL": "http://ca.example/ca.crt",
            "policyIdentifiers": ["1.2.3.4"],
            "basicConstraints": {"isCA": False},
            "extensions": [{"id": "1.2.3.5", "critical": False, "value": "BQA="}],
        }
    )
}


def configuration(
    files: dict[str, str], folder: Path, key: ec.EllipticCurvePrivateKey
) -> dict[str, Any]:
    """Write a ca.json."""
    public = jwk(key, "golden-kid")
    long = {"maxTLSCertDuration": "876000h"}
    return {
        **files,
        "dnsNames": NAMES,
        "db": {"type": "badgerv2", "dataSource": str(folder / "db")},
        "authority": {
            "provisioners": [
                {"type": "JWK", "name": "admin", "key": public},
                {
                    "type": "JWK",
                    "name": "plain",
                    "key": public,
                    "claims": {"disableSmallstepExtensions": True},
                },
                {"type": "JWK", "name": "ä" * 130, "key": public},
                {"type": "JWK", "name": "long", "key": public, "claims": long},
                {"type": "JWK", "name": "templated", "key": public, "options": {"x509": TEMPLATE}},
            ]
        },
    }


def token(key: ec.EllipticCurvePrivateKey, case: dict[str, Any], csr: str) -> str:
    """Make a one-time token."""
    claims: dict[str, Any] = {
        "iss": case.get("provisioner", "admin"),
        "aud": "https://localhost/1.0/sign",
        "sub": case["sub"],
        "exp": int(time.time()) + 300,
        "jti": secrets.token_hex(16),
    }
    if "sans" in case:
        claims["sans"] = case["sans"]
    if case.get("bind"):
        digest = hashes.Hash(hashes.SHA256())
        digest.update(x509.load_pem_x509_csr(csr.encode()).public_bytes(serialization.Encoding.DER))
        fingerprint = base64.urlsafe_b64encode(digest.finalize()).decode().rstrip("=")
        claims["cnf"] = {"x5rt#S256": fingerprint}
    return jwt.encode(claims, key, "ES256", {"kid": "golden-kid"})


def issue(
    ca: Reference, signer: ec.EllipticCurvePrivateKey, case: dict[str, Any], *, again: bool
) -> dict[str, Any]:
    """Sign one request, and renew and rekey what came out."""
    key = key_of(case.get("key", "P-256"))
    csr = signing_request(
        key, case["sub"], [] if case.get("bare") else case.get("sans", [case["sub"]])
    )
    body = {
        "csr": csr,
        "ott": token(signer, case, csr),
        "notBefore": case.get("notBefore", ""),
        "notAfter": case.get("notAfter", ""),
    }
    asked = dt.datetime.now(dt.UTC)
    answer = ca.post("/1.0/sign", body)
    if answer.status != 201:
        return {**case, "csr": csr, "status": answer.status, "message": answer.body["message"]}
    got = {**case, "csr": csr, "asked": asked.isoformat(), "certificate": answer.body["crt"]}
    if again:
        chain, private = ca.folder / "client.crt", ca.folder / "client.key"
        chain.write_text("".join(answer.body["certChain"]))
        private.write_bytes(private_pem(key))
        got["renewed"] = ca.post("/1.0/renew", client=(chain, private)).body.get("crt")
        got["rekeyCsr"] = signing_request(key_of("P-256"), "", [])
        got["rekeyed"] = ca.post(
            "/1.0/rekey", {"csr": got["rekeyCsr"]}, client=(chain, private)
        ).body.get("crt")
    return got


def pem(path: str) -> str:
    """Read a certificate's text."""
    return Path(path).read_text()


def record(folder: Path) -> dict[str, Any]:
    """Run every configuration and every request."""
    signer = ec.generate_private_key(ec.SECP256R1())
    authorities: list[dict[str, Any]] = []
    kinds: list[tuple[str, str, hashes.HashAlgorithm | None, bool]] = [
        ("P-256", "P-256", hashes.SHA256(), False),
        ("P-384", "P-384", hashes.SHA384(), False),
        ("P-521", "P-521", hashes.SHA512(), False),
        ("Ed25519", "Ed25519", None, False),
        ("RSA", "RSA-2048", hashes.SHA256(), False),
        ("RSA signed with SHA-384", "RSA-2048", hashes.SHA384(), False),
        ("RSA signed with PSS", "RSA-2048", hashes.SHA512(), True),
    ]
    for number, (name, kind, digest, pss) in enumerate(kinds):
        place = folder / str(number)
        files = authority(place / "pki", kind, digest, pss=pss)
        cases = ASKED if number == 0 else ASKED[:1]
        with serving(place, configuration(files, place, signer)) as ca:
            issued = [
                issue(ca, signer, case, again=number == 0 and "notBefore" not in case)
                for case in cases
            ]
            if number == 0:
                template = {"name": "templated", "sub": "t.example", "provisioner": "templated"}
                issued.append(issue(ca, signer, template, again=True))
            own = ssl.get_server_certificate(("127.0.0.1", ca.port))
        authorities.append(
            {
                "name": name,
                "intermediate": pem(files["crt"]),
                "cases": issued,
                "server": own,
                "subjectDefaults": {},
            }
        )
    defaults = {
        "country": "CH",
        "organization": "Org & Söhne",
        "organizationalUnit": "Unit",
        "locality": "Bern",
        "province": "BE",
        "streetAddress": "Gasse 1",
        "serialNumber": "42",
        "commonName": "never used",
    }
    place = folder / "defaults"
    files = authority(place / "pki", "P-256", hashes.SHA256())
    config = configuration(files, place, signer)
    config["authority"]["template"] = defaults
    with serving(place, config) as ca:
        issued = [issue(ca, signer, case, again=True) for case in ASKED[:2]]
        own = ssl.get_server_certificate(("127.0.0.1", ca.port))
    authorities.append(
        {
            "name": "subject defaults",
            "intermediate": pem(files["crt"]),
            "cases": issued,
            "server": own,
            "subjectDefaults": defaults,
        }
    )
    steppath = folder / "init"
    (folder / "pw").write_text("pass")
    subprocess.run(
        [
            "step",
            "ca",
            "init",
            "--name",
            "Golden & Co",
            "--dns",
            "localhost",
            "--address",
            "127.0.0.1:443",
            "--provisioner",
            "admin",
            "--password-file",
            str(folder / "pw"),
        ],
        env={**os.environ, "STEPPATH": str(steppath)},
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    return {
        "names": NAMES,
        "kid": "golden-kid",
        "authorities": authorities,
        "init": {
            "name": "Golden & Co",
            "root": pem(str(steppath / "certs" / "root_ca.crt")),
            "intermediate": pem(str(steppath / "certs" / "intermediate_ca.crt")),
        },
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(record(Path(temporary)), indent=1, ensure_ascii=False) + "\n")
