"""An authority of step-ca moves to ours: the same ca.json is served, and step notices nothing.

Everything that a ca.json may say about X.509 is in it; the clients have certificates, tokens and a
revocation list of before.
"""

import base64
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.authority.credential_scenarios import credential_provisioners
from tests.support.appliance import HEARTH, PASSWORD, environment, free_port
from tests.support.idp import Idp, idp
from tests.support.terminal import PATIENCE
from tests.support.webhooks import Receiver, receiving

pytestmark = pytest.mark.reference

LEAF = """{
  "subject": {{ toJson .Subject }},
  "sans": {{ toJson .SANs }},
  "keyUsage": ["digitalSignature"],
  "extKeyUsage": ["serverAuth", "clientAuth"],
  "extensions": [{"id": "1.2.3.4", "value": {{ asn1Enc .team | toJson }}}]
}"""
HOOKED = """{
  "subject": {"commonName": {{ toJson .Subject.CommonName }},
              "organization": {{ toJson .Webhooks.inventory.owner }}},
  "sans": {{ toJson .SANs }}, "keyUsage": ["digitalSignature"], "extKeyUsage": ["clientAuth"]
}"""


@dataclass(slots=True, kw_only=True)
class World:
    """A step directory that step-ca made, and who serves it now."""

    folder: Path
    port: int
    plain: int
    config: dict[str, Any]
    process: "subprocess.Popen[bytes] | None" = None
    log: list[str] = field(default_factory=list)

    def step(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["step", *words],
            cwd=self.folder,
            env=environment(self.folder / "step"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            start_new_session=True,
        )

    def ok(self, *words: str) -> str:
        ended = self.step(*words)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def certificate(self, name: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.folder / name).read_bytes())

    def issue(self, name: str, *flags: str, provisioner: str = "admin") -> x509.Certificate:
        credential = ["--provisioner", provisioner, "--provisioner-password-file", "password"]
        file = f"{name.partition('.')[0]}.crt"
        key = file.replace("crt", "key")
        self.ok("ca", "certificate", name, file, key, "--force", *credential, *flags)
        return self.certificate(file)

    def list(self) -> x509.CertificateRevocationList:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.plain}/crl", timeout=10) as answer:
            return x509.load_der_x509_crl(answer.read())

    def asked(self) -> dict[str, str]:
        """What clients that only look are shown."""
        shown = {
            "provisioners": self.ok("ca", "provisioner", "list"),
            "health": self.ok("ca", "health"),
        }
        for name in ("roots", "federation"):
            self.ok("ca", name, f"{name}.pem", "--force")
            found = x509.load_pem_x509_certificates((self.folder / f"{name}.pem").read_bytes())
            names = [each.subject.rfc4514_string() for each in found]
            shown[name] = str(sorted(names) if name == "federation" else names)  # step-ca's: any
        return shown

    @contextmanager
    def served(self, *command: str) -> Iterator[None]:
        """Serve the directory until the block ends; the log is then complete."""
        file = self.folder / "log"
        with file.open("wb") as log:
            process = subprocess.Popen(
                [*command, str(self.folder / "step/config/ca.json"), "--password-file", "password"],
                cwd=self.folder,
                env=environment(self.folder / "step"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            deadline = time.monotonic() + PATIENCE
            while self.step("ca", "health").returncode != 0:
                assert process.poll() is None, file.read_text()
                assert time.monotonic() < deadline, file.read_text()
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE)
            self.log = file.read_text().splitlines()


@pytest.fixture
def provider() -> Iterator[Idp]:
    with idp() as running:
        yield running


@pytest.fixture
def world(tmp_path: Path, provider: Idp) -> Iterator[World]:
    (tmp_path / "password").touch(mode=0o600)
    (tmp_path / "password").write_text(PASSWORD)
    port, plain = free_port(), free_port()
    made = World(folder=tmp_path, port=port, plain=plain, config={})
    made.ok(
        "ca", "init", "--name", "Moving", "--dns", "localhost", "--dns", "127.0.0.1",
        "--address", f"127.0.0.1:{port}", "--provisioner", "admin", "--deployment-type",
        "standalone", "--password-file", "password",
    )  # fmt: skip
    certs, keys = tmp_path / "step/certs", tmp_path / "step/secrets"
    protected = ("--no-password", "--insecure")
    root = (str(certs / "root_ca.crt"), str(keys / "root_ca_key"))
    older = ("--not-before", "-24h", "--password-file", "password", "--force")
    made.ok("certificate", "create", "Moving Root", *root, "--profile", "root-ca", *older)
    made.ok(
        "certificate", "create", "Moving Intermediate", str(certs / "intermediate_ca.crt"),
        str(keys / "intermediate_ca_key"), "--profile", "intermediate-ca", *older,
        "--ca", root[0], "--ca-key", root[1], "--ca-password-file", "password",
    )  # fmt: skip
    for name in ("second", "federated"):
        made.ok(
            "certificate", "create", name, str(certs / f"{name}.crt"), str(keys / f"{name}.key"),
            "--profile", "root-ca", *protected,
        )  # fmt: skip
    made.ok(
        "certificate", "create", "localhost", "hook.crt", "hook.key", *protected, "--ca",
        root[0], "--ca-key", root[1], "--ca-password-file", "password",
    )  # fmt: skip
    with receiving(tmp_path / "hook.crt", tmp_path / "hook.key", certs / "root_ca.crt") as receiver:
        receiver.answers("/enrich", {"allow": True, "data": {"owner": "Jane"}})
        configure(made, provider, receiver)
        yield made


def configure(world: World, provider: Idp, receiver: Receiver) -> None:
    """Write everything into ca.json."""
    certs = world.folder / "step/certs"
    templates = world.folder / "step/templates"
    templates.mkdir(exist_ok=True)
    (templates / "leaf.tpl").write_text(LEAF)
    file = world.folder / "step/config/ca.json"
    config = json.loads(file.read_text())
    (admin,) = config["authority"]["provisioners"]
    root = base64.b64encode((certs / "root_ca.crt").read_bytes()).decode()
    hooks = [
        {"name": name, "url": f"{receiver.url}/{path}", "kind": kind, "certType": "X509",
         "id": f"id-{name}", "secret": base64.b64encode(b"a secret").decode()}
        for name, path, kind in (
            ("inventory", "enrich", "ENRICHING"), ("leave", "leave", "AUTHORIZING")
        )
    ]  # fmt: skip
    config |= {
        "root": [config["root"], str(certs / "second.crt")],
        "federatedRoots": [str(certs / "federated.crt")],
        "commonName": "Moving CA",
        "insecureAddress": f"127.0.0.1:{world.plain}",
        "logger": {"format": "json"},
        "crl": {"enabled": True, "generateOnRevoke": True, "cacheDuration": "2h"},
    }
    config["authority"] |= {
        "disableIssuedAtCheck": True,
        "backdate": "2m0s",
        "template": {"country": "CH", "organization": "Söhne & Co"},
        "claims": {"maxTLSCertDuration": "48h", "defaultTLSCertDuration": "12h"},
        "policy": {"x509": {"allow": {"dns": ["*.example.com", "localhost"], "ip": ["127.0.0.0/8"]},
                            "deny": {"dns": ["bad.example.com"]}}},
        "provisioners": [
            admin,
            {**admin, "name": "templated", "options": {"x509": {
                "templateFile": "templates/leaf.tpl", "templateData": {"team": "blue"}}}},
            {**admin, "name": "hooked", "options": {"x509": {"template": HOOKED},
                                                    "webhooks": hooks}},
            {**admin, "name": "late", "claims": {"allowRenewalAfterExpiry": True,
                                                 "minTLSCertDuration": "1s"}},
            {**admin, "name": "final", "claims": {"disableRenewal": True}},
            {"type": "X5C", "name": "own", "roots": root},
            {"type": "ACME", "name": "acme"},
            provider.entry(),
            *(each for each in credential_provisioners() if each["type"] != "SCEP"),
        ],
    }  # fmt: skip
    file.write_text(json.dumps(config, indent=1))
    world.config = config


def test_everything_goes_on(world: World) -> None:
    password = ("--password-file", "password", "--provisioner", "admin")
    with world.served("step-ca"):
        before = world.asked()
        for name in ("a", "b", "c"):
            world.issue(f"{name}.example.com")
        theirs = {
            provisioner: world.issue(f"{provisioner}.example.com", provisioner=provisioner)
            for provisioner in ("templated", "hooked", "final")
        }
        world.issue("late.example.com", "--not-after", "2s", provisioner="late")
        token = world.ok("ca", "token", "token.example.com", *password).strip()
        used = world.ok("ca", "token", "used.example.com", *password).strip()
        signed = ("ca", "certificate", "used.example.com", "used.crt", "used.key", "--force")
        world.ok(*signed, "--token", used)
        world.ok("ca", "revoke", "--cert", "b.crt", "--key", "b.key")
        number = numbered(world.list())
    with world.served(*HEARTH, "serve"):
        assert world.asked() == before
        for flags in ([], ["--mtls=false"]):
            world.ok("ca", "renew", "--force", *flags, "a.crt", "a.key")
        world.ok("ca", "rekey", "--force", "c.crt", "c.key")
        for name, old in theirs.items():
            new = world.issue(f"{name}.example.com", provisioner=name)
            assert seen(new) == seen(old), name
        world.ok("ca", "renew", "--force", "templated.crt", "templated.key")
        assert seen(world.certificate("templated.crt")) == seen(theirs["templated"])
        assert world.step("ca", "renew", "--force", "final.crt", "final.key").returncode == 1
        world.ok("ca", "renew", "--force", "late.crt", "late.key")
        world.ok("ca", "certificate", "token.example.com", "t.crt", "t.key", "--token", token)
        world.issue("x.example.com", "--x5c-cert", "a.crt", "--x5c-key", "a.key", provisioner="own")
        refused = world.step("ca", "certificate", "bad.example.com", "no.crt", "no.key", *ADMIN)
        assert "not allowed" in refused.stderr
        assert numbered(world.list()) > number
        world.ok("ca", "revoke", "--cert", "c.crt", "--key", "c.key")
        assert world.list().get_revoked_certificate_by_serial_number(
            world.certificate("c.crt").serial_number
        )
    told = [line for line in world.log if "notice:" in line or "warning:" in line]
    (notice,) = (line for line in told if "database" in line)
    assert "its certificates, revocations and used tokens are not known here" in notice
    assert all("/acme/" in line for line in told if line != notice), told


ADMIN = ("--provisioner", "admin", "--provisioner-password-file", "password")


def numbered(listed: x509.CertificateRevocationList) -> int:
    return listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def seen(certificate: x509.Certificate) -> dict[str, Any]:
    """What of a certificate is the same whenever it is issued."""
    own = (x509.SubjectKeyIdentifier.oid, x509.AuthorityKeyIdentifier.oid)
    return {
        "subject": certificate.subject.rfc4514_string(),
        "length": certificate.not_valid_after_utc - certificate.not_valid_before_utc,
        "extensions": {
            each.oid.dotted_string: (each.critical, each.value)
            for each in certificate.extensions
            if each.oid not in own
        },
    }
