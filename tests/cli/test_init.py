"""`ca init` makes what step's makes: files, modes, forms; and nothing when it fails."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.cli.main import main
from appliance.config.loading import load
from appliance.formats import jwe, jwk
from appliance.formats.keyfile import dump_private_key, load_private_key
from appliance.model.secret import Password
from tests.support.terminal import on_terminal

SECRET = "words of mine"
GOLDEN = json.loads((Path(__file__).parent / "golden" / "init.json").read_text())
Init = Callable[..., int]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def init(steppath: Path, tmp_path: Path) -> Init:
    """Run `ca init` with what it needs; more flags are added or replace these."""
    password = tmp_path / "password"
    password.write_text(f"{SECRET}\n")

    def run(*flags: str, without: tuple[str, ...] = ()) -> int:
        given = {
            "--name": "My Home",
            "--dns": "localhost,127.0.0.1",
            "--address": ":9443",
            "--provisioner": "admin",
            "--password-file": str(password),
        }
        words = [word for name, value in given.items() if name not in without
                 for word in (name, value)]  # fmt: skip
        return main(["ca", "init", *words, *flags])

    return run


def shape(base: Path) -> dict[str, str]:
    """Path to mode, of everything below a step directory."""
    return {
        str(path.relative_to(base)): f"{path.stat().st_mode & 0o777:o}"
        for path in sorted(base.rglob("*"))
    }


def masked(value: object, base: Path) -> object:
    """A document without what differs from run to run."""
    text = json.dumps(value).replace(str(base), "STEPPATH")
    document = json.loads(text)
    for entry in document.get("authority", {}).get("provisioners", []):
        if "key" in entry:
            entry["key"] |= {"kid": "…", "x": "…", "y": "…"}
            entry["encryptedKey"] = "…"
    if "fingerprint" in document:
        document["fingerprint"] = "…"
    return document


def document(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_files_modes_and_configuration_are_those_of_step(
    name: str, init: Init, steppath: Path
) -> None:
    golden = GOLDEN[name]
    assert init(*golden["flags"]) == 0
    assert shape(steppath) == golden["shape"]
    for path, expected in golden["documents"].items():
        ours = masked(document(steppath / path), steppath)
        assert isinstance(ours, dict)
        if "db" in expected:
            expected["db"] = {"type": "leveldb", "dataSource": expected["db"]["dataSource"]}
        assert ours == expected
        assert list(ours) == list(expected), "in step's order"


def test_the_certificates_have_steps_profile(init: Init, steppath: Path) -> None:
    init()
    root, intermediate = (
        x509.load_pem_x509_certificate((steppath / "certs" / f"{name}_ca.crt").read_bytes())
        for name in ("root", "intermediate")
    )
    assert root.subject.rfc4514_string() == "CN=My Home Root CA,O=My Home"
    assert intermediate.subject.rfc4514_string() == "CN=My Home Intermediate CA,O=My Home"
    intermediate.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    for certificate, length, count in ((root, 1, 3), (intermediate, 0, 4)):
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.critical
        assert constraints.value == x509.BasicConstraints(ca=True, path_length=length)
        assert len(list(certificate.extensions)) == count
        assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 3650


def test_keys_open_with_the_password_here_and_in_openssl(init: Init, steppath: Path) -> None:
    init("--ssh")
    keys = sorted((steppath / "secrets").iterdir())
    assert len(keys) == 4
    for file in keys:
        assert b"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC," in file.read_bytes()
        load_private_key(file.read_bytes(), Password(SECRET.encode()))
        subprocess.run(
            ["openssl", "ec", "-in", str(file), "-passin", f"pass:{SECRET}", "-noout"],
            check=True,
            capture_output=True,
        )


def test_the_provisioner_has_its_own_password_when_given(
    init: Init, steppath: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_text("another")
    init("--provisioner-password-file", str(other))
    entry = document(steppath / "config" / "ca.json")["authority"]["provisioners"][0]
    private = json.loads(jwe.decrypt(entry["encryptedKey"], Password(b"another")))
    assert jwk.public_jwk(jwk.private_key(private).public_key()) == entry["key"]


def test_a_brought_root_signs_and_its_key_stays_where_it_is(
    init: Init, steppath: Path, tmp_path: Path
) -> None:
    assert main([
        "certificate", "create", "Old Root", str(tmp_path / "r.crt"), str(tmp_path / "r.key"),
        "--profile", "root-ca", "--no-password", "--insecure",
    ]) == 0  # fmt: skip
    assert init("--root", str(tmp_path / "r.crt"), "--key", str(tmp_path / "r.key")) == 0
    assert not (steppath / "secrets" / "root_ca_key").exists()
    root = x509.load_pem_x509_certificate((steppath / "certs" / "root_ca.crt").read_bytes())
    assert root.subject.rfc4514_string() == "CN=Old Root"
    intermediate = (steppath / "certs" / "intermediate_ca.crt").read_bytes()
    x509.load_pem_x509_certificate(intermediate).verify_directly_issued_by(root)


@pytest.mark.parametrize(
    ("flags", "plain"),
    [
        (["--crl", "--ocsp"], ":8080"),
        (["--crl", "--ocsp", "--address", "127.0.0.1:443"], "127.0.0.1:80"),
        (["--crl", "--ocsp", "--address", ":8080"], ":8081"),
        (["--crl", "--ocsp", "--insecure-address", ":9080"], ":9080"),
        (["--crl"], ":8080"),
        (["--ocsp"], ":8080"),
    ],
)
def test_what_is_published_is_said_in_certificates(
    flags: list[str], plain: str, init: Init, steppath: Path
) -> None:
    assert init(*flags) == 0
    settings = load(steppath / "config" / "ca.json")
    assert settings.warnings == ()
    assert document(steppath / "config" / "ca.json")["insecureAddress"] == plain
    port = plain.rpartition(":")[2]
    base = "http://localhost" if port == "80" else f"http://localhost:{port}"
    crl, ocsp = "--crl" in flags, "--ocsp" in flags
    assert (settings.crl is not None, settings.ocsp is not None) == (crl, ocsp)
    assert settings.pointers.crl == (f"{base}/1.0/crl/{{key}}" if crl else "")
    assert settings.pointers.ocsp == (f"{base}/ocsp" if ocsp else "")
    assert settings.pointers.issuer == f"{base}/intermediates"
    if settings.crl is not None:
        assert settings.crl.generate_on_revoke
        assert settings.crl.url == settings.pointers.crl


def test_helm_values_publish_it_too(init: Init, capsys: pytest.CaptureFixture[str]) -> None:
    assert init("--helm", "--ocsp") == 0
    printed = capsys.readouterr().out
    assert 'insecureAddress: ":8080"\n' in printed
    assert "ocsp:\n          enabled: true\n          includeInCertificates: true\n" in printed


def test_a_key_of_another_root_is_refused(
    init: Init, steppath: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([
        "certificate", "create", "Old Root", str(tmp_path / "r.crt"), str(tmp_path / "r.key"),
        "--profile", "root-ca", "--no-password", "--insecure",
    ])  # fmt: skip
    other = tmp_path / "other.key"
    other.write_bytes(dump_private_key(ec.generate_private_key(ec.SECP256R1()), None))
    assert init("--root", str(tmp_path / "r.crt"), "--key", str(other)) == 1
    assert "is not the key of the certificate" in capsys.readouterr().err
    assert not steppath.exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--root", "r.crt"], "flag '--root' requires the '--key' flag"),
        (["--pki", "--no-db"], "flag '--pki' is incompatible with '--no-db'"),
        (["--acme", "--no-db"], "flag '--acme' is incompatible with '--no-db'"),
        (["--crl", "--no-db"], "flag '--crl' is incompatible with '--no-db'"),
        (["--ocsp", "--pki"], "flag '--ocsp' is incompatible with '--pki'"),
        (["--insecure-address", ":80"], "requires the '--crl' or '--ocsp' flag"),
        (["--crl", "--insecure-address", "x"], "x is not an address to listen on"),
        (["--crl", "--insecure-address", ":9443"], "cannot serve both TLS and plain HTTP"),
        (["--pki", "--helm"], "flag '--pki' is incompatible with '--helm'"),
        (["--address", "nope"], "nope is not an address to listen on"),
        (["--address", "host:70000"], "host:70000 is not an address to listen on"),
        (["--address", "::1:443"], "::1:443 is not an address to listen on"),
        (["--dns", "http://x"], "http://x is not a valid DNS name or IP address"),
        (["--deployment-type", "linked"], "smallstep's service"),
        (["--deployment-type", "x"], "invalid value 'x' for flag '--deployment-type'"),
        (["--ra", "StepCAS"], "registration authority"),
        (["--kms", "azurekms"], "Azure's Key Vault"),
        (["--remote-management"], "admin API"),
        (["--admin-subject", "me"], "admin API"),
        (["--password-file", "missing"], "open missing failed"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name_and_writes_nothing(
    init: Init, steppath: Path, capsys: pytest.CaptureFixture[str], flags: list[str], said: str
) -> None:
    assert init(*flags) == 1
    assert said in capsys.readouterr().err
    assert not steppath.exists()


@pytest.mark.parametrize(
    "missing", ["--name", "--dns", "--address", "--provisioner", "--password-file"]
)
def test_a_missing_value_without_a_terminal_names_its_flag(
    init: Init, steppath: Path, missing: str
) -> None:
    """In a session without a terminal nobody can be asked."""
    given = {"--name": "N", "--dns": "d", "--address": ":1", "--provisioner": "p"}
    words = [word for name, value in given.items() if name != missing for word in (name, value)]
    if missing != "--password-file":
        words += ["--password-file", str(steppath.parent / "password")]
    ended = subprocess.run(
        ["setsid", "-w", sys.executable, "-m", "appliance.cli.main", "ca", "init", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert f"give the answer with {missing}" in ended.stderr
    assert not steppath.exists()


def test_an_authority_that_is_there_is_not_overwritten_without_being_told_to(
    init: Init, steppath: Path, tmp_path: Path
) -> None:
    init()
    before = {path: path.read_bytes() for path in steppath.rglob("*") if path.is_file()}
    ended = subprocess.run(
        ["setsid", "-w", sys.executable, "-m", "appliance.cli.main", "ca", "init",
         "--name", "N", "--dns", "d", "--address", ":1", "--provisioner", "p",
         "--password-file", str(tmp_path / "password")],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "There is an authority already" in ended.stderr
    assert {path: path.read_bytes() for path in steppath.rglob("*") if path.is_file()} == before
    assert init("--force") == 0
    assert (steppath / "config" / "ca.json").read_bytes() != before[steppath / "config" / "ca.json"]


def test_a_full_disk_leaves_nothing_behind(
    init: Init, steppath: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", _full)
    assert init("--ssh", "--acme") == 1
    assert not steppath.exists()


def _full(fd: int) -> None:
    raise OSError(28, "No space left on device")


def test_helm_prints_values_and_writes_no_file(
    init: Init, steppath: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init("--helm", "--ssh", "--acme") == 0
    text = capsys.readouterr().out
    assert not steppath.exists()
    for line in (
        "      ca.json:",
        '        root: "/home/step/certs/root_ca.crt"',
        '          hostKey: "/home/step/secrets/ssh_host_ca_key"',
        '        address: ":9443"',
        "    intermediate_ca: |",
        "      -----BEGIN CERTIFICATE-----",
        "      intermediate_ca_key: |",
        "      host_ca_key: |",
    ):
        assert line in text.splitlines()


def test_an_address_in_brackets_gives_a_url_with_brackets(init: Init, steppath: Path) -> None:
    assert init("--dns", "::1", "--address", "[::1]:443", without=("--dns",)) == 0
    defaults = document(steppath / "config" / "defaults.json")
    assert defaults["ca-url"] == "https://[::1]"


def test_on_a_terminal_it_asks_for_everything_and_asks_again_what_cannot_be(
    steppath: Path, tmp_path: Path
) -> None:
    """With no flag at all: six questions, each answer judged at once, the password twice."""
    command = [sys.executable, "-m", "appliance.cli.main", "ca", "init"]
    with on_terminal(command, cwd=ROOT, environ={**os.environ, "NO_COLOR": "1"}) as terminal:
        terminal.wait_for("name your CA?")
        terminal.type("My Home\n")
        terminal.wait_for("What DNS names")
        terminal.type("http://x\n")
        terminal.wait_for("http://x is not a valid DNS name")
        terminal.type("localhost\n")
        terminal.wait_for("What address and port")
        terminal.type(":9443\n")
        terminal.wait_for("first provisioner?")
        terminal.type("admin\n")
        terminal.wait_for("Publish which certificates are revoked")
        terminal.type("y\n")
        terminal.wait_for("plain HTTP listen on?: [:8080]")
        terminal.type("\n")
        for again in ("a slip", SECRET):
            terminal.wait_for("Choose a password")
            terminal.type(f"{SECRET}\n")
            terminal.wait_for("password again")
            terminal.type(f"{again}\n")
        terminal.wait_for("Your CA is ready")
        assert terminal.end() == 0
        assert SECRET not in terminal.screen
    key = (steppath / "secrets" / "intermediate_ca_key").read_bytes()
    load_private_key(key, Password(SECRET.encode()))
    assert load(steppath / "config" / "ca.json").pointers.ocsp == "http://localhost:8080/ocsp"


def test_without_an_answer_a_password_is_made_and_shown(steppath: Path) -> None:
    command = [
        sys.executable, "-m", "appliance.cli.main", "ca", "init", "--name", "N", "--dns", "d",
        "--address", ":1", "--provisioner", "p",
    ]  # fmt: skip
    with on_terminal(command, cwd=ROOT, environ={**os.environ, "NO_COLOR": "1"}) as terminal:
        terminal.wait_for("Choose a password")
        terminal.type("\n")
        terminal.wait_for("Password: ")
        assert terminal.end() == 0
        found = re.search(r"Password: (\S{32})", terminal.screen)
    assert found is not None
    key = (steppath / "secrets" / "intermediate_ca_key").read_bytes()
    load_private_key(key, Password(found.group(1).encode()))
