"""A change of intermediate with the server running, as a person does it, and several at once."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.support.appliance import PASSWORD, Appliance
from tests.support.in_process import at_home, hearth, ok

NEW = "Test Intermediate CA 2036"
OLD = "Test Intermediate CA"


@pytest.fixture
def ca(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Appliance]:
    made = Appliance(tmp_path / "ca").start()
    at_home(monkeypatch, made.steppath)
    yield made
    assert made.stop() == 0


def create(ca: Appliance, name: str = "2036") -> None:
    ok(
        "ca", "intermediate", "create", name,
        "--ca-key", str(ca.steppath / "secrets/root_ca_key"),
        "--ca-password-file", str(ca.password_file), "--password-file", str(ca.password_file),
    )  # fmt: skip


def reload(ca: Appliance) -> None:
    """Send SIGHUP and wait until the new configuration serves."""
    said = ca.log.read_text().count("Serving HTTPS")
    assert ca.process is not None
    ca.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 60
    while ca.log.read_text().count("Serving HTTPS") == said:
        assert time.monotonic() < deadline, ca.log.read_text()
        time.sleep(0.02)


def issue(ca: Appliance, name: str, provisioner: str = "admin") -> tuple[Path, Path]:
    crt, key = ca.directory / f"{name}.crt", ca.directory / f"{name}.key"
    ok(
        "ca", "certificate", name, str(crt), str(key), "--force",
        "--provisioner", provisioner, "--provisioner-password-file", str(ca.password_file),
    )  # fmt: skip
    return crt, key


def chain(file: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(file.read_bytes())


def name_of(name: x509.Name) -> str:
    return str(name.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def issuer(file: Path) -> str:
    leaf, intermediate = chain(file)
    leaf.verify_directly_issued_by(intermediate)
    assert name_of(leaf.issuer) == name_of(intermediate.subject)
    return name_of(leaf.issuer)


def renewed(ca: Appliance, crt: Path, key: Path) -> str:
    ok("ca", "renew", "--force", str(crt), str(key))
    return issuer(crt)


def test_an_intermediate_gives_way_to_the_next_without_a_gap(ca: Appliance) -> None:
    before = issue(ca, "before.example")
    assert issuer(before[0]) == OLD
    create(ca)
    reload(ca)
    assert issuer(issue(ca, "standby.example")[0]) == OLD
    published = json.loads(ok("ca", "intermediate", "list", "--format", "json"))
    assert [(each["name"], each["state"]) for each in published] == [
        ("", "active"),
        ("2036", "standby"),
    ]

    ok("ca", "intermediate", "activate", "2036")
    reload(ca)
    after = issue(ca, "after.example")
    assert issuer(after[0]) == NEW
    assert renewed(ca, *before) == OLD, "the old chain is kept for renewals"
    assert renewed(ca, *after) == NEW

    ok("ca", "intermediate", "retire", "former")
    (ca.steppath / "secrets/intermediate_ca_key").unlink()
    reload(ca)
    assert renewed(ca, *before) == NEW, "the successor renews what the retired one issued"
    ok("ca", "intermediate", "remove", "former", "--force")
    reload(ca)
    assert renewed(ca, *before) == NEW
    verified = hearth("certificate", "verify", str(before[0]), "--roots", str(ca.root))
    assert verified.returncode == 0, verified.stderr


def test_a_provisioner_chooses_its_intermediate(ca: Appliance) -> None:
    create(ca, "devices")
    document = json.loads(ca.ca_json.read_text())
    first = document["authority"]["provisioners"][0]
    document["authority"]["provisioners"][1] = {
        **first, "name": "devices", "options": {"x509": {"issuer": "devices"}}
    }  # fmt: skip
    ca.ca_json.write_text(json.dumps(document))
    refused = hearth("ca", "intermediate", "list")
    assert refused.returncode != 0
    assert "provisioner 'devices' names the issuer 'devices', which is standby" in refused.stderr
    ok("ca", "intermediate", "activate", "devices", "--beside")
    reload(ca)
    assert issuer(issue(ca, "one.example")[0]) == OLD
    device = issue(ca, "two.example", "devices")
    assert issuer(device[0]) == f"{OLD} devices"
    assert renewed(ca, *device) == f"{OLD} devices"
    kept = hearth("ca", "intermediate", "retire", "devices")
    assert kept.returncode != 0
    assert "provisioner 'devices' issues with 'devices'" in kept.stderr


def test_a_root_kept_elsewhere_signs_a_request(ca: Appliance) -> None:
    ok(
        "ca", "intermediate", "create", "2036", "--csr", "--password-file",
        str(ca.password_file),
    )  # fmt: skip
    request = ca.steppath / "certs/intermediate_2036.csr"
    assert x509.load_pem_x509_csr(request.read_bytes()).is_signature_valid
    key = ca.steppath / "secrets/intermediate_2036_key"
    assert PASSWORD.encode() not in key.read_bytes()
    signed = ca.directory / "signed.crt"
    ok(
        "certificate", "create", NEW, str(signed), "--profile", "intermediate-ca",
        "--key", str(key), "--ca", str(ca.root),
        "--ca-key", str(ca.steppath / "secrets/root_ca_key"),
        "--password-file", str(ca.password_file), "--ca-password-file", str(ca.password_file),
    )  # fmt: skip
    ok("ca", "intermediate", "import", "2036", str(signed))
    ok("ca", "intermediate", "activate", "2036")
    reload(ca)
    assert issuer(issue(ca, "after.example")[0]) == NEW


def test_what_would_break_the_chain_is_refused_and_changes_nothing(ca: Appliance) -> None:
    before = ca.ca_json.read_bytes()
    foreign = ca.directory / "foreign.crt"
    ok(
        "certificate", "create", "Foreign", str(foreign), str(ca.directory / "foreign.key"),
        "--profile", "root-ca", "--no-password", "--insecure",
    )  # fmt: skip
    for arguments, told in (
        (("activate", "none"), "there is no issuer 'none'"),
        (("retire", "none"), "there is no issuer 'none'"),
        (("create", "a/b", "--csr"), "cannot be the name of an issuer"),
        (("create", "x"), "--ca-key"),
        (
            ("import", "x", str(foreign), "--key", str(ca.directory / "foreign.key")),
            "does not lead to a certificate in `root`",
        ),
    ):
        ended = hearth("ca", "intermediate", *arguments)
        assert ended.returncode == 1, arguments
        assert told in ended.stderr
        assert ca.ca_json.read_bytes() == before
