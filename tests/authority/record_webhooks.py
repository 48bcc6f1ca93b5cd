"""Record what step-ca asks webhooks: `python -m tests.authority.record_webhooks`.

Needs step-ca on PATH; writes golden/webhooks.json.
"""

import datetime as dt
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.authority.webhook_cases import CASES, KID, provisioners, sign_request, signing_request
from tests.issuance.record import authority, jwk
from tests.support.requests import PEM, private_pem
from tests.support.stepca import Reference, serving
from tests.support.webhooks import Receiver, receiving

GOLDEN = Path(__file__).parent / "golden" / "webhooks.json"
_HEADERS = ("x-smallstep-signature", "x-smallstep-webhook-id", "authorization", "content-type",
            "user-agent", "x-request-id", "accept-encoding")  # fmt: skip


def server_certificate(folder: Path) -> tuple[Path, Path]:
    """Issue one for localhost by the intermediate in the folder."""
    issuer = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    signer = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhook")]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            ),
            critical=False,
        )
        .sign(signer, hashes.SHA256())  # type: ignore[arg-type]
    )
    chain, private = folder / "webhook.crt", folder / "webhook.key"
    chain.write_bytes(made.public_bytes(PEM) + (folder / "ca.crt").read_bytes())
    private.write_bytes(private_pem(key))
    return chain, private


def play(ca: Reference, receiver: Receiver, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """Ask for everything; keep answers and what the webhooks were asked."""
    outcomes = {}
    for number, (name, case) in enumerate(CASES.items()):
        csr = signing_request(case.csr)
        for path, replies in case.replies.items():
            receiver.answers(f"/{number}{path}", *replies)
        answer = ca.post("/1.0/sign", sign_request(number, csr, key, int(time.time())))
        asked = [each for each in receiver.asked if each.path.startswith(f"/{number}/")]
        outcomes[name] = {
            "csr": csr,
            "status": answer.status,
            "message": answer.body.get("message", "").replace(str(receiver.port), "PORT"),
            "leaf": answer.body.get("crt", ""),
            "asked": [
                {
                    "path": each.path.removeprefix(f"/{number}"),
                    "client": each.client,
                    "headers": {k: each.headers[k] for k in _HEADERS if k in each.headers},
                    "body": each.body.decode(),
                }
                for each in asked
            ],
        }
    return outcomes


def record(folder: Path) -> dict[str, Any]:
    """Play everything against step-ca."""
    key = ec.generate_private_key(ec.SECP256R1())
    pki = folder / "pki"
    files = authority(pki, "P-256", hashes.SHA256())
    chain, private = server_certificate(pki)
    with receiving(chain, private, pki / "root.crt") as receiver:
        config = {
            **files,
            "dnsNames": ["ca.example"],
            "db": {"type": "badgerv2", "dataSource": str(folder / "db")},
            "authority": {"provisioners": provisioners(jwk(key, KID), receiver.url)},
        }
        with serving(folder, config) as ca:
            return play(ca, receiver, key)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        GOLDEN.write_text(json.dumps(record(Path(temporary)), indent=1, ensure_ascii=False) + "\n")
