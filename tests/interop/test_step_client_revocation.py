"""The real step client with an authority of ours that publishes lists and answers OCSP."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.test_step_client import Step
from tests.support import stepca
from tests.support.appliance import PASSWORD, Appliance, free_port

pytestmark = pytest.mark.reference

TEMPLATE = """{"subject": {"commonName": {{ toJson .Subject.CommonName }},
 "organization": {{ toJson .Insecure.User.team }}}, "sans": {{ toJson .SANs }},
 "keyUsage": ["digitalSignature"], "extKeyUsage": ["serverAuth", "clientAuth"]}"""
REASONS = ["superseded", "4", "Key Compromise"]
ADMIN = (
    "--admin-subject", "step", "--admin-provisioner", "admin", "--admin-password-file", "password"
)  # fmt: skip
ADMINISTRATION = [
    "ca policy authority view",
    "ca policy authority x509 allow dns *.example.com",
    "ca policy provisioner view --provisioner admin",
    "ca admin list",
    "ca admin add jane admin",
    "ca admin remove jane",
    "ca acme eab list acme",
    "ca acme eab add acme reference",
    "ca provisioner webhook add admin hook --url https://hook.example",
]


@pytest.fixture(scope="module")
def step(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Step]:
    folder = tmp_path_factory.mktemp("client")
    plain = f"127.0.0.1:{free_port()}"
    appliance = Appliance(
        tmp_path_factory.mktemp("ca"), "--crl", "--ocsp", "--insecure-address", plain
    )
    document = json.loads(appliance.ca_json.read_text())
    admin = document["authority"]["provisioners"][0]
    document["authority"]["provisioners"] += [
        {**admin, "name": "templated", "options": {"x509": {"template": TEMPLATE}}},
        {**admin, "name": "narrow", "options": {"x509": {"allow": {"dns": ["in.example"]}}}},
        {"type": "ACME", "name": "acme"},
    ]
    appliance.ca_json.write_text(json.dumps(document))
    client = Step(folder=folder, appliance=appliance.start())
    (folder / "password").write_text(PASSWORD)
    fingerprint = client.ok("certificate", "fingerprint", str(appliance.root)).strip()
    client.ok("ca", "bootstrap", "--ca-url", appliance.url, "--fingerprint", fingerprint)
    yield client
    appliance.stop()


def provisioner(name: str) -> tuple[str, ...]:
    return ("--provisioner", name, "--provisioner-password-file", "password")


def revoke(step: Step, serial: str, *flags: str) -> "subprocess.CompletedProcess[str]":
    """Revoke by token; `step ca revoke` itself has no flag for a provisioner's password."""
    words = ("--provisioner", "admin", "--password-file", "password")
    token = step.ok("ca", "token", serial, "--revoke", *words).splitlines()[0]
    return step("ca", "revoke", serial, "--token", token, *flags)


def test_templates_take_what_is_set(step: Step) -> None:
    flags = ("--set", "team=blue", *provisioner("templated"))
    step.ok("ca", "certificate", "s.test", "s.crt", "s.key", *flags)
    assert step.certificate("s.crt").subject.rfc4514_string() == "CN=s.test,O=blue"
    words = ("certificate", "create", "q.test", "q.csr", "q.key", "--csr", "--no-password")
    step.ok(*words, "--insecure")
    step.ok("ca", "sign", "q.csr", "q.crt", *flags)
    assert step.certificate("q.crt").subject.rfc4514_string() == "CN=q.test,O=blue"


def test_a_policy_refuses_with_a_reason(step: Step) -> None:
    step.ok("ca", "certificate", "in.example", "in.crt", "in.key", *provisioner("narrow"))
    refused = step("ca", "certificate", "out.test", "o.crt", "o.key", *provisioner("narrow"))
    assert refused.returncode == 1
    assert "out.test" in refused.stderr


@pytest.mark.parametrize("reason", REASONS)
def test_verify_finds_what_was_revoked(step: Step, reason: str) -> None:
    """`certificate verify` by the list and by the responder, before and after `ca revoke`."""
    roots = ("--roots", str(step.appliance.root))
    step.ok("ca", "certificate", "v.test", "v.crt", "v.key", "--force", *provisioner("admin"))
    issuer = ("--issuing-ca", str(step.appliance.steppath / "certs/intermediate_ca.crt"))
    for flag in ("--verify-crl", "--verify-ocsp"):
        step.ok("certificate", "verify", "v.crt", flag, *roots, *issuer)
    step.ok("ca", "revoke", "--cert", "v.crt", "--key", "v.key", "--reasonCode", reason)
    for flag in ("--verify-crl", "--verify-ocsp"):
        refused = step("certificate", "verify", "v.crt", flag, *roots, *issuer)
        assert refused.returncode == 1, flag
        assert "revoked" in refused.stderr, refused.stderr


def test_crl_inspect_reads_our_list(step: Step) -> None:
    intermediate = str(step.appliance.steppath / "certs/intermediate_ca.crt")
    serial = "12345678901234567890"
    assert revoke(step, serial, "--reasonCode", "4").returncode == 0
    document = json.loads(step.appliance.ca_json.read_text())
    url = f"http://{document['insecureAddress']}/crl"
    shown = step.ok("crl", "inspect", url, "--ca", intermediate)
    assert "Valid: true" in shown
    assert serial in shown
    found = json.loads(step.ok("crl", "inspect", url, "--ca", intermediate, "--format", "json"))
    assert serial in [str(each["serial_number"]) for each in found["revoked_certificates"]]


def test_revoking_twice_or_what_is_no_serial(step: Step) -> None:
    assert "has been revoked" in revoke(step, "77").stderr
    assert "already revoked" in revoke(step, "77").stderr
    assert revoke(step, "a.test").returncode == 1


def test_where_nobody_administers_step_is_told_what_step_ca_tells(
    step: Step, tmp_path: Path
) -> None:
    """The paths of administration are not there: 404, which step takes for the same answer."""
    document = json.loads(step.appliance.ca_json.read_text())
    document["authority"]["provisioners"] = [
        each for each in document["authority"]["provisioners"] if each["name"] != "narrow"
    ]
    document["db"] = {"type": "badgerv2", "dataSource": str(tmp_path / "db")}
    for ours in ("insecureAddress", "ocsp", "crl"):
        document.pop(ours, None)
    with stepca.serving(tmp_path / "ca", document, password=PASSWORD) as reference:
        theirs = f"https://localhost:{reference.port}"
        for line in ADMINISTRATION:
            told = []
            for url in (step.appliance.url, theirs):
                ended = step(*line.split(), *ADMIN, "--ca-url", url)
                told.append((ended.returncode, (ended.stdout + ended.stderr).replace(url, "URL")))
            assert told[0] == told[1], line
            assert told[0][0] == 1
