"""`--offline`: the CA whose files are here does the same, whether its server runs or not."""

import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography import x509

from appliance.cli import offline
from appliance.cli.main import main
from appliance.formats import pem
from appliance.issuance import parsed, paths
from appliance.stores.directory import Claim
from tests.support.appliance import Appliance, free_port

Hearth = Callable[..., str]
PROVISIONER = ("--provisioner", "admin")


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """A CA with a list and a responder, whose server does not run yet."""
    directory = tmp_path_factory.mktemp("offline")
    plain = f"127.0.0.1:{free_port()}"
    made = Appliance(directory / "ca", "--crl", "--ocsp", "--insecure-address", plain)
    yield made
    assert made.stop() == 0


@pytest.fixture
def hearth(
    ca: Appliance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Hearth:
    """Run a command in an empty folder, as who has the CA's files; give what it said."""
    for name in [name for name in os.environ if name.startswith("STEP")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("STEPPATH", str(ca.steppath))
    monkeypatch.chdir(tmp_path)

    def run(*words: str, code: int = 0) -> str:
        status = main(words)
        printed = capsys.readouterr()
        assert status == code, printed
        return printed.out + printed.err

    return run


def serial(name: str) -> int:
    return x509.load_pem_x509_certificate(Path(name).read_bytes()).serial_number


def leads_to(ca: Appliance, name: str) -> None:
    leaf, *others = pem.certificates(Path(name).read_bytes())
    (root,) = pem.certificates(ca.root.read_bytes())
    now = parsed.parse(leaf).validity.not_before + timedelta(minutes=2)  # it is backdated
    paths.verify(leaf, paths.Trust(roots=[root], between=others), now=now)


def life(hearth: Hearth, ca: Appliance, name: str, *password: str) -> tuple[int, int]:
    """Go through all that a certificate can meet; give the serials of two that are revoked."""
    key_password = [f"--ca-password-file={each}" for each in password]
    ca_password = [f"--password-file={each}" for each in password]
    token = [*PROVISIONER, f"--provisioner-password-file={ca.password_file}", *ca_password]
    crt, key = f"{name}.crt", f"{name}.key"
    hearth("ca", "certificate", "--offline", name, crt, key, *token)
    leads_to(ca, crt)
    found = {serial(crt)}
    for flags in ([], ["--mtls=false"]):
        hearth("ca", "renew", "--offline", "-f", crt, key, *flags, *key_password)
        leads_to(ca, crt)
        found.add(serial(crt))
    before = Path(key).read_bytes()
    hearth("ca", "rekey", "--offline", "-f", crt, key, *key_password)
    assert Path(key).read_bytes() != before
    found.add(serial(crt))
    assert len(found) == 4
    hearth("certificate", "create", "--csr", f"{name}.b", "b.csr", "b.key",
           "--no-password", "--insecure", "-f")  # fmt: skip
    hearth("ca", "sign", "--offline", "b.csr", f"{name}.b.crt", "--not-after=1h", *token)
    first, second = serial(f"{name}.b.crt"), serial(crt)
    hearth("ca", "revoke", "--offline", str(first), *token)
    said = hearth("ca", "revoke", "--offline", str(first), *token, code=1)
    assert "already revoked" in said
    hearth("ca", "revoke", "--offline", "--cert", crt, "--key", key, *ca_password)
    assert "revoked" in hearth("ca", "renew", "--offline", "-f", crt, key, *key_password, code=1)
    shown = json.loads(hearth("certs", "list", "--format=json", "--name", name))["certificates"]
    assert {int(each["serial"], 0) for each in shown} == found
    return first, second


def listed(ca: Appliance) -> set[int]:
    """Ask the server for its list."""
    url = f"{ca.url}/1.0/crl"
    with urllib.request.urlopen(url, context=ca.context(), timeout=20) as answer:
        found = x509.load_der_x509_crl(answer.read())
    return {each.serial_number for each in found}


def test_what_is_wrong_is_said(hearth: Hearth, ca: Appliance) -> None:
    Path("wrong").write_text("wrong")
    token = (*PROVISIONER, f"--provisioner-password-file={ca.password_file}")
    good = (*token, f"--password-file={ca.password_file}")
    asked = ("ca", "certificate", "--offline", "a.example.com", "a.crt", "a.key")
    for flags, told in (
        ((*token, "--password-file=wrong"), "password"),
        ((*PROVISIONER, "--password-file=wrong"), "does not decrypt the provisioner key"),
        ((*good, "--token=abc"), "incompatible with '--token'"),
        ((*good, "--not-after=1000h"), "more than the authorized maximum"),
        ((*good, "--ca-config=none.json"), "there is no such file"),
        (("--provisioner=nobody",), "nobody"),
    ):
        assert told in hearth(*asked, *flags, code=1)
        assert not Path("a.crt").exists()
        assert not Path("a.key").exists()
    own = ("--profile=self-signed", "--subtle", "--no-password", "--insecure")
    hearth("certificate", "create", "mine", "a.crt", "a.key", *own)
    for way in (
        ("ca", "renew", "--offline", "-f", "a.crt", "a.key", f"--ca-password-file={good[3][16:]}"),
        ("ca", "revoke", "--offline", "--cert=a.crt", "--key=a.key", good[3]),
    ):
        assert "unknown authority" in hearth(*way, code=1)
    daemon = ("ca", "renew", "--offline", "--daemon", "a.crt", "a.key")
    assert "'--daemon' is incompatible" in hearth(*daemon, code=1)


def test_a_database_that_another_program_holds_is_named(
    hearth: Hearth, ca: Appliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "_STARTING", 0.2)
    claim = Claim(ca.steppath / "db", create=True)
    try:
        said = hearth("ca", "revoke", "--offline", "5", *PROVISIONER,
                      f"--password-file={ca.password_file}", code=1)  # fmt: skip
    finally:
        claim.release()
    assert "is in use by" in said
    assert "without --offline" in said


def test_without_a_server_and_with_one(hearth: Hearth, ca: Appliance) -> None:
    """What was revoked while no server ran is on its list, and in its answers, when it starts."""
    password = str(ca.password_file)
    stopped = life(hearth, ca, "stopped", password)
    ca.start()
    assert listed(ca) == set(stopped)
    check = ("--roots", str(ca.root), "--verify-ocsp")
    assert "revoked" in hearth("certificate", "verify", "stopped.b.crt", *check, code=1)
    running = life(hearth, ca, "running")
    assert listed(ca) == {*stopped, *running}
    log = ca.log.read_text()
    assert f"serial {running[0]}, by the control socket" in log
    assert f"revoked serial {running[0]}, by the control socket" in log
    assert f"rekeyed 'running', serial {running[1]}, by the control socket" in log


def test_a_changed_configuration_is_taken_up_by_a_reload(hearth: Hearth, ca: Appliance) -> None:
    """A provisioner that is added, restricted and removed while the server runs."""
    own = ("--provisioner", "robots", f"--provisioner-password-file={ca.password_file}")
    reach = ("--ca-url", ca.url, "--root", str(ca.root), *own)
    hearth("ca", "provisioner", "add", "robots", "--create", f"--password-file={ca.password_file}",
           "--x509-default-dur=2h")  # fmt: skip
    reload(ca)
    hearth("ca", "certificate", "r2.example.com", "a.crt", "a.key", *reach)
    life = parsed.parse(pem.certificates(Path("a.crt").read_bytes())[0]).validity.length
    assert life < timedelta(hours=2, minutes=2)
    hearth("ca", "policy", "provisioner", "x509", "allow", "dns", "r2.example.com",
           "--provisioner=robots")  # fmt: skip
    reload(ca)
    asked = ("ca", "certificate", "c3.example.com", "b.crt", "b.key")
    assert "c3.example.com" in hearth(*asked, *reach, code=1)
    assert "c3.example.com" in hearth(*asked, *own, "--offline", code=1)
    hearth("ca", "provisioner", "remove", "robots")
    reload(ca)
    assert "robots" not in hearth("ca", "provisioner", "list", *reach[:4])


def reload(ca: Appliance) -> None:
    """Send SIGHUP, and wait until the new configuration serves."""
    assert ca.process is not None
    before = ca.log.read_text().count("Serving HTTPS")
    ca.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 60
    while ca.log.read_text().count("Serving HTTPS") == before:
        assert time.monotonic() < deadline, ca.log.read_text()
        time.sleep(0.02)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root acts for others")
def test_root_leaves_the_database_to_its_user(
    hearth: Hearth, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)
        made = Appliance(Path(temporary) / "ca")
        for each in (made.steppath, *made.steppath.rglob("*")):
            os.chown(each, 1234, 4321)
        monkeypatch.setenv("STEPPATH", str(made.steppath))
        password = f"--password-file={made.password_file}"
        hearth("ca", "certificate", "--offline", "a", "a.crt", "a.key", *PROVISIONER, password)
        assert {each.stat().st_uid for each in (made.steppath / "db").iterdir()} == {1234}
        assert Path("a.key").stat().st_uid == 0
        assert "1234" not in hearth("certs", "list")
        assert {each.stat().st_uid for each in (made.steppath / "db").iterdir()} == {1234}
