"""`certificate create --template` beside the real step: the same key, template and dates."""

import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from appliance.cli.main import main

pytestmark = pytest.mark.reference
OPEN = ("--no-password", "--insecure")
DATES = ("--not-before", "2026-01-01T00:00:00Z", "--not-after", "2027-01-01T00:00:00Z")
TEMPLATES = {
    "leaf": """{"serialNumber": "77", "subject": {{ toJson .Subject }},
        "sans": {{ toJson .SANs }}, "extKeyUsage": ["serverAuth"]}""",
    "root": """{"serialNumber": 78, "subject": {"commonName": {{ toJson .Subject.CommonName }},
        "organization": {{ toJson .Insecure.User.organization }}},
        "issuer": {"commonName": "not this"}, "authorityKeyId": "AQID",
        "keyUsage": ["certSign", "crlSign"],
        "basicConstraints": {"isCA": true, "maxPathLen": {{ .Insecure.User.length }}}}""",
    "empty": """{"serialNumber": 79, "dnsNames": {{ toJson .Insecure.CR.DNSNames }}}""",
    "user": """{"serialNumber": 80, "subject": {{ toJson .Insecure.User | toJson }}}""",
    "other": """{"serialNumber": 81, "subject": {}, "keyUsage": "digitalSignature",
        "sans": [{"type": "permanentIdentifier", "value": "x"}, {"type": "1.2.3", "value": "y"}],
        "extensions": [{"id": "1.2.3.4", "value": "{{ asn1Enc "int:5" }}"}]}""",
}
SET = ("--set", "organization=Acme", "--set", "length=2", "--set", "text=a=b", "--set", "n=[1,2.5]")
KINDS = [("EC",), ("EC", "--crv", "P-384"), ("RSA",), ("OKP",)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, steppath: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with templates."""
    del steppath
    monkeypatch.chdir(tmp_path)
    for name, text in TEMPLATES.items():
        Path(f"{name}.tpl").write_text(text)


def step(*args: str) -> None:
    answer = subprocess.run(("step", *args), capture_output=True, check=False, timeout=30)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", TEMPLATES)
def test_the_same_octets_are_signed(name: str, kind: tuple[str, ...]) -> None:
    """A certificate that signs itself, one that a CA signs, and a request."""
    assert main(("crypto", "keypair", *OPEN, "--kty", *kind, "pub", "key")) == 0
    create = ("certificate", "create", "--template", f"{name}.tpl", "--key", "key", *SET)
    for who, run in (("step", step), ("ours", lambda *args: main(args))):
        run(*create, *DATES, "joe.example", f"{who}.crt")
        run(*create, "--csr", "joe.example", f"{who}.csr")
    certificates = [
        x509.load_pem_x509_certificate(Path(f"{who}.crt").read_bytes()) for who in ("step", "ours")
    ]
    assert certificates[0].tbs_certificate_bytes == certificates[1].tbs_certificate_bytes
    requests = [x509.load_pem_x509_csr(Path(f"{who}.csr").read_bytes()) for who in ("step", "ours")]
    assert requests[0].tbs_certrequest_bytes == requests[1].tbs_certrequest_bytes


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_octets_are_signed_by_a_ca(kind: tuple[str, ...]) -> None:
    assert main(("crypto", "keypair", *OPEN, "--kty", *kind, "pub", "key")) == 0
    step("certificate", "create", *OPEN, "--profile", "root-ca", "--kty", *kind, "CA", "ca", "ca.k")
    by_ca = ("--ca", "ca", "--ca-key", "ca.k")
    create = ("certificate", "create", "--template", "leaf.tpl", "--key", "key", *by_ca, *DATES)
    step(*create, "--san", "a.example", "--san", "10.0.0.1", "joe.example", "step.crt")
    main((*create, "--san", "a.example", "--san", "10.0.0.1", "joe.example", "ours.crt"))
    certificates = [
        x509.load_pem_x509_certificate(Path(f"{who}.crt").read_bytes()) for who in ("step", "ours")
    ]
    assert certificates[0].tbs_certificate_bytes == certificates[1].tbs_certificate_bytes
