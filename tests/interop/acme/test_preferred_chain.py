"""A chain by another root, chosen by certbot and by our own client (RFC 8555 7.4.2)."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.flows.test_intermediates import reload
from tests.support.acme_house import DOMAIN, House, present
from tests.support.in_process import at_home, ok

OLD = "Old Root"


def made(subject: x509.Name, key: ec.EllipticCurvePublicKey, by: ec.EllipticCurvePrivateKey) -> str:
    """A CA certificate by the old root, in PEM."""
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, OLD)]))
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=99))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(by, hashes.SHA256())
        .public_bytes(Encoding.PEM)
        .decode()
    )


def cross_sign(house: House) -> None:
    """Let the CA know its intermediate by an older root, too."""
    certs, key = house.ca.steppath / "certs", ec.generate_private_key(ec.SECP256R1())
    own = x509.load_pem_x509_certificate((certs / "intermediate_ca.crt").read_bytes())
    public = own.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, OLD)])
    (certs / "old_root.crt").write_text(made(name, key.public_key(), key))
    (certs / "crossed.crt").write_text(made(own.subject, public, key))
    document = json.loads(house.ca.ca_json.read_text())
    document["root"] = [str(house.root), str(certs / "old_root.crt")]
    crossed = {"name": "crossed", "crt": str(certs / "crossed.crt"), "state": "retired"}
    document["issuers"] = [*document.get("issuers", []), crossed]
    house.ca.ca_json.write_text(json.dumps(document))
    reload(house.ca)


def top(file: Path) -> str:
    last = x509.load_pem_x509_certificates(file.read_bytes())[-1]
    return str(last.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def test_a_chain_by_another_root_is_chosen(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_home(monkeypatch, house.ca.steppath)
    before = house.ca.ca_json.read_text()
    cross_sign(house)
    try:
        name = f"chain.{DOMAIN}"
        house.run(
            present(str(Path(sys.executable).parent / "certbot")), "certonly", "--standalone",
            "--agree-tos", "--register-unsafely-without-email", "-d", name,
            "--preferred-chain", OLD, "--http-01-port", str(house.http_port),
            "--non-interactive", "--server", house.url(), "--config-dir", tmp_path,
            "--work-dir", tmp_path / "work", "--logs-dir", tmp_path / "logs", cwd=tmp_path,
        )  # fmt: skip
        assert top(tmp_path / "live" / name / "fullchain.pem") == OLD
        crt = tmp_path / "ours.crt"
        ok(
            "ca", "certificate", f"ours.{DOMAIN}", str(crt), str(tmp_path / "ours.key"),
            "--provisioner", "acme", "--http-listen", f"127.0.0.1:{house.http_port}",
            "--preferred-chain", OLD,
        )  # fmt: skip
        assert top(crt) == OLD
    finally:
        house.ca.ca_json.write_text(before)
        reload(house.ca)
