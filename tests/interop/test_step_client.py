"""The real step client, every command that this version serves, against our server."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.appliance import Appliance, environment

pytestmark = pytest.mark.reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The step command in a folder and with a step directory of its own."""

    folder: Path
    appliance: Appliance

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["step", *words],
            cwd=self.folder,
            env=environment(self.folder / "step"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            start_new_session=True,
        )

    def ok(self, *words: str) -> str:
        ended = self(*words)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout + ended.stderr

    def credentials(self) -> list[str]:
        password = str(self.appliance.password_file)
        return ["--provisioner", "admin", "--provisioner-password-file", password]

    def certificate(self, name: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.folder / name).read_bytes())


@pytest.fixture(scope="module")
def step(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Step]:
    folder = tmp_path_factory.mktemp("client")
    appliance = Appliance(tmp_path_factory.mktemp("ca")).start()
    client = Step(folder=folder, appliance=appliance)
    fingerprint = client.ok("certificate", "fingerprint", str(appliance.root)).strip()
    client.ok("ca", "bootstrap", "--ca-url", appliance.url, "--fingerprint", fingerprint)
    yield client
    appliance.stop()


def test_bootstrap_saved_the_root(step: Step) -> None:
    saved = step.folder / "step" / "certs" / "root_ca.crt"
    assert saved.read_text().strip() == step.appliance.root.read_text().strip()


def test_health_root_roots_and_federation(step: Step) -> None:
    assert "ok" in step.ok("ca", "health")
    fingerprint = step.ok("certificate", "fingerprint", str(step.appliance.root)).strip()
    step.ok("ca", "root", "root.crt", "--fingerprint", fingerprint)
    step.ok("ca", "roots", "roots.pem")
    step.ok("ca", "federation", "federation.pem")
    for name in ("root.crt", "roots.pem", "federation.pem"):
        certificate = step.certificate(name)
        assert certificate.subject.rfc4514_string() == "CN=Test Root CA,O=Test"


def test_the_provisioners_are_listed(step: Step) -> None:
    listed = json.loads(step.ok("ca", "provisioner", "list"))
    assert [(entry["type"], entry["name"]) for entry in listed] == [
        ("JWK", "admin"),
        ("JWK", "load"),
    ]


@pytest.mark.parametrize(
    "key", [["EC", "P-256"], ["EC", "P-384"], ["RSA", ""], ["OKP", "Ed25519"]], ids="-".join
)
def test_a_certificate_for_every_kind_of_key(step: Step, key: list[str]) -> None:
    kind, curve = key
    flags = ["--kty", kind, *(["--crv", curve] if curve else [])]
    step.ok("ca", "certificate", "k.test", "k.crt", "k.key", "-f", *flags, *step.credentials())
    step.ok("certificate", "verify", "k.crt", "--roots", str(step.appliance.root))


def test_names_and_lifetime_as_asked(step: Step) -> None:
    step.ok(
        "ca", "certificate", "n.test", "n.crt", "n.key", "--san", "n.test", "--san", "192.0.2.1",
        "--san", "a@n.test", "--san", "https://n.test/x", "--not-after", "1h",
        *step.credentials(),
    )  # fmt: skip
    certificate = step.certificate("n.crt")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [name.value for name in names if not isinstance(name, x509.IPAddress)] == [
        "n.test", "a@n.test", "https://n.test/x"
    ]  # fmt: skip
    length = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert length.total_seconds() == 3660


def test_a_token_is_good_once(step: Step) -> None:
    password = ["--password-file", str(step.appliance.password_file), "--provisioner", "admin"]
    token = step.ok("ca", "token", "t.test", *password).splitlines()[0]
    step.ok("ca", "certificate", "t.test", "t.crt", "t.key", "--token", token)
    again = step("ca", "certificate", "t.test", "t2.crt", "t2.key", "--token", token)
    assert again.returncode != 0


def test_a_request_of_its_own_is_signed(step: Step) -> None:
    step.ok(
        *("certificate", "create", "c.test", "c.csr", "c.key"),
        *("--csr", "--no-password", "--insecure"),
    )
    step.ok("ca", "sign", "c.csr", "c.crt", *step.credentials())
    assert step.certificate("c.crt").subject.rfc4514_string() == "CN=c.test"


def test_renewed_by_tls_and_by_token_then_revoked_and_refused(step: Step) -> None:
    step.ok("ca", "certificate", "r.test", "r.crt", "r.key", *step.credentials())
    serials = [step.certificate("r.crt").serial_number]
    for flags in ([], ["--mtls=false"]):
        step.ok("ca", "renew", "--force", *flags, "r.crt", "r.key")
        serials.append(step.certificate("r.crt").serial_number)
    step.ok("ca", "rekey", "--force", "r.crt", "r.key")
    serials.append(step.certificate("r.crt").serial_number)
    assert len(set(serials)) == 4
    said = step.ok("ca", "revoke", "--cert", "r.crt", "--key", "r.key")
    assert f"Certificate with Serial Number {serials[-1]} has been revoked." in said
    for flags in ([], ["--mtls=false"]):
        assert step("ca", "renew", "--force", *flags, "r.crt", "r.key").returncode != 0


def test_revoked_by_serial_with_a_token(step: Step) -> None:
    step.ok("ca", "certificate", "s.test", "s.crt", "s.key", *step.credentials())
    serial = str(step.certificate("s.crt").serial_number)
    password = ["--password-file", str(step.appliance.password_file), "--provisioner", "admin"]
    token = step.ok("ca", "token", serial, "--revoke", *password).splitlines()[0]
    step.ok("ca", "revoke", "--token", token, serial)
    assert step("ca", "renew", "--force", "s.crt", "s.key").returncode != 0


def test_names_that_the_token_does_not_have_are_refused(step: Step) -> None:
    password = ["--password-file", str(step.appliance.password_file), "--provisioner", "admin"]
    token = step.ok("ca", "token", "u.test", *password).splitlines()[0]
    refused = step("ca", "certificate", "u.test", "u.crt", "u.key", "--token", token, "--not-after", "48h")  # fmt: skip # noqa: E501
    assert refused.returncode != 0
    assert "more than the authorized maximum certificate duration" in refused.stderr
