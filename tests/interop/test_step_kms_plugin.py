"""The real `step` with our program as its plugin for keys on tokens, `step-kms-plugin`."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from appliance.formats import jwt
from tests.support.shell import named
from tests.support.softhsm import PIN, SoftHsm

pytestmark = pytest.mark.reference

ROOT, BELOW, RSA = (f"pkcs11:id=0{number};object=key-{number}" for number in (1, 2, 3))
Step = Callable[..., str]


@pytest.fixture
def kms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    hsm = SoftHsm(tmp_path / "hsm", monkeypatch).initialise("ca")
    return hsm.uri("ca", f"?pin-value={PIN}")


@pytest.fixture
def step(tmp_path: Path, kms: str) -> Step:
    """The reference's client, which finds the plugin on PATH."""
    del kms  # whose token directory is in the environment
    plugin = named(tmp_path / "bin", "step-kms-plugin")
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("STEP")},
        "PATH": f"{plugin}{os.pathsep}{os.environ['PATH']}",
        "STEPPATH": str(tmp_path / "step"),
    }

    def run(*args: str) -> str:
        done = subprocess.run(
            ["step", *args], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_step_makes_keys_certificates_requests_and_tokens_by_it(
    step: Step, kms: str, tmp_path: Path
) -> None:
    for name, flags in ((ROOT, ()), (BELOW, ()), (RSA, ("--kty", "RSA", "--size", "2048"))):
        step("kms", "create", "--kms", kms, *flags, name)
    create = ("certificate", "create", "--kms", kms)
    step(*create, "--profile", "root-ca", "--key", ROOT, "Root", "root.crt")
    signed = ("--ca", "root.crt", "--ca-kms", kms, "--ca-key", ROOT)
    step(*create, "--profile", "intermediate-ca", *signed, "--key", BELOW, "Below", "below.crt")
    step("kms", "certificate", "--kms", kms, "--import", "below.crt", BELOW)
    step(*create, "--csr", "--key", RSA, "leaf.example.com", "leaf.csr")
    leaf = step("certificate", "sign", "--kms", kms, "leaf.csr", BELOW, BELOW)
    (tmp_path / "leaf.crt").write_text(leaf)
    issuer = x509.load_pem_x509_certificate((tmp_path / "below.crt").read_bytes())
    x509.load_pem_x509_certificate(leaf.encode()).verify_directly_issued_by(issuer)
    step(*create, "--profile", "root-ca", "--key", RSA, "RSA Root", "rsa.crt")
    rsa = x509.load_pem_x509_certificate((tmp_path / "rsa.crt").read_bytes())
    rsa.verify_directly_issued_by(rsa)
    where = ("--ca-url", "https://ca.example.com", "--root", "root.crt", "--offline")
    by_key = ("--provisioner", "jane", "--key", RSA, "--kms", kms)
    token = jwt.split(step("ca", "token", "a.example.com", *by_key, *where).strip())
    public = rsa.public_key()
    jwt.verify(token, public, "RS256")  # type: ignore[arg-type] # it is RSA's
