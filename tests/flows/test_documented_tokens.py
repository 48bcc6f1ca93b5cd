"""Configuration: the sections PKCS #11 and YubiKey PIV, typed line by line as they are printed.

SoftHSM is one of the modules that the document names; the
YubiKey is virtual, at a real pcscd. `ykman` is told which reader is meant, for the one beside it is
empty. In ca.json, which the document edits by hand, the address and the database are our own.
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from appliance.cli.main import main
from tests.flows.test_documented_commands import alike, wait_in
from tests.support.appliance import HEARTH, free_port
from tests.support.softhsm import PIN, SoftHsm
from tests.support.yubikey.computer import Computer
from tests.support.yubikey.fixtures import machine, port, ports

__all__ = ["machine", "port", "ports"]

SAVED = "Your certificate has been saved in {}."
FACTORY = "010203040506070801020304050607080102030405060708"  # printed: 01020304...
PATH = "$(step path)"


class Typed:
    """A folder in which lines are typed: `step` runs in this process, to save its start."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capfd = capfd

    def type(self, line: str, given: str = "") -> str:
        """Give what is shown after the line."""
        program, *words = shlex.split(
            os.path.expandvars(line.replace(PATH, f"{self.folder}/.step"))
        )
        if program == "step":
            code = main(words)
            out, err = self._capfd.readouterr()
            assert code == 0, (line, out, err)
            return (out + err).strip()
        if program == "ykman":
            own = Path(sys.executable).with_name(program)
            program, words = str(own), ["-r", "CCID 00 00", *words]
        done = subprocess.run(
            [program, *words], input=given, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.strip()


@pytest.fixture
def typed(
    tmp_path: Path,
    steppath: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Typed:
    monkeypatch.setenv("STEPPATH", str(steppath.with_name(".step")))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "password.txt").write_text("p4ssword")
    return Typed(tmp_path, capfd)


def made_key(typed: Typed, line: str, name: str) -> str:
    """Type `step kms create --json`, and give the public key that is shown."""
    shown = json.loads(typed.type(line))
    assert shown["name"] == name
    assert list(shown) == ["name", "publicKey"]
    load_pem_public_key(shown["publicKey"].encode())
    public: str = shown["publicKey"]
    return public


def public_key(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def check_hierarchy(folder: Path) -> None:
    root, below = (public_key(folder / f"{name}_ca.crt") for name in ("root", "intermediate"))
    below.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    names = [each.subject.rfc4514_string() for each in (root, below)]
    assert names == ["CN=Smallstep Root CA", "CN=Smallstep Intermediate CA"]


def configured(typed: Typed, change: Callable[[dict[str, object]], None]) -> None:
    """Begin with `step ca init`, and edit ca.json as the document says."""
    typed.type(
        'step ca init --name "Local CA" --provisioner admin --dns localhost --ssh '
        f'--address "127.0.0.1:{free_port()}" --password-file password.txt'
    )
    file = typed.folder / ".step" / "config" / "ca.json"
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))
    for name in ("intermediate_ca_key", "root_ca_key", "ssh_host_ca_key", "ssh_user_ca_key"):
        (typed.folder / ".step" / "secrets" / name).unlink()
    typed.type("cp root_ca.crt intermediate_ca.crt $(step path)/certs")


def check_authority(typed: Typed) -> None:
    """Start the CA, see what it shows, and have both kinds of certificate from it."""
    command = [*HEARTH, "serve", f"{typed.folder}/.step/config/ca.json"]
    file = typed.folder / "log"
    with file.open("wb") as stream:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
    try:
        wait_in(file, "Serving HTTPS")
        log = file.read_text()
        for told in ("X.509 Root Fingerprint: ", "SSH Host CA Key: ecdsa-sha2-nistp256 ",
                     "SSH User CA Key: ecdsa-sha2-nistp256 "):  # fmt: skip
            assert told in log
        fingerprint = typed.type("step certificate fingerprint root_ca.crt")
        assert f"X.509 Root Fingerprint: {fingerprint}" in log
        given = "--provisioner admin --provisioner-password-file password.txt"
        typed.type(f"step ca certificate foo.local foo.crt foo.key {given}")
        assert typed.type("step certificate verify foo.crt --roots root_ca.crt") == ""
        typed.type(f"step ssh certificate jane id --no-password --insecure --no-agent {given}")
        assert "Signing CA: ECDSA" in typed.type("step ssh inspect id-cert.pub")
    finally:
        server.terminate()
        server.wait(30)


def test_pkcs11(typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hsm = SoftHsm(tmp_path / "hsm", monkeypatch).initialise("token1")
    uri = hsm.uri("token1", f"?pin-value={PIN}")
    monkeypatch.setenv("PKCS_URI", uri)
    root, below = "pkcs11:id=7331;object=root-ca", "pkcs11:id=7332;object=intermediate-ca"
    host, user = "pkcs11:id=7333;object=ssh-host-ca", "pkcs11:id=7334;object=ssh-user-ca"
    create = 'step kms create --json --kms "$PKCS_URI" "{}"'
    public = made_key(typed, create.format(root), root)
    alike(
        typed.type(
            'step certificate create --profile root-ca --kms "$PKCS_URI" '
            '--key "pkcs11:id=7331;object=root-ca" "Smallstep Root CA" root_ca.crt'
        ),
        SAVED.format("root_ca.crt"),
    )
    assert typed.type(f'step kms key --kms "$PKCS_URI" "{root}"') == public.strip()
    made_key(typed, create.format(below), below)
    alike(
        typed.type(
            'step certificate create --profile intermediate-ca --kms "$PKCS_URI" '
            '--ca-kms "$PKCS_URI" --ca root_ca.crt --ca-key "pkcs11:id=7331;object=root-ca" '
            '--key "pkcs11:id=7332;object=intermediate-ca" '
            '"Smallstep Intermediate CA" intermediate_ca.crt'
        ),
        SAVED.format("intermediate_ca.crt"),
    )
    check_hierarchy(tmp_path)
    for each in (host, user):
        made_key(typed, create.format(each), each)

    def change(document: dict[str, object]) -> None:
        document["key"] = below
        document["kms"] = {"type": "pkcs11", "uri": uri}
        document["ssh"] = {"hostKey": host, "userKey": user}

    configured(typed, change)
    check_authority(typed)


def test_yubikey_piv(typed: Typed, tmp_path: Path, port: Computer) -> None:
    create = "step kms create --json '{}'"
    root, below, host, user = (f"yubikey:slot-id={slot}" for slot in (82, 83, 84, 85))
    made_key(typed, create.format(root), root)
    alike(
        typed.type(
            "step certificate create --profile root-ca --kms 'yubikey:pin-value=123456' "
            "--key 'yubikey:slot-id=82' \"Smallstep Root CA\" root_ca.crt"
        ),
        SAVED.format("root_ca.crt"),
    )
    made_key(typed, create.format(below), below)
    alike(
        typed.type(
            "step certificate create --profile intermediate-ca --kms 'yubikey:pin-value=123456'"
            " --ca-kms 'yubikey:pin-value=123456' --ca root_ca.crt "
            "--ca-key 'yubikey:slot-id=82' --key 'yubikey:slot-id=83' "
            '"Smallstep Intermediate CA" intermediate_ca.crt'
        ),
        SAVED.format("intermediate_ca.crt"),
    )
    check_hierarchy(tmp_path)
    typed.type("ykman piv certificates import 82 root_ca.crt", "\n")
    typed.type("ykman piv certificates import 83 intermediate_ca.crt", "\n")
    kept = typed.type("step kms certificate yubikey:slot-id=83")
    assert kept == (tmp_path / "intermediate_ca.crt").read_text().strip()
    for each in (host, user):
        made_key(typed, create.format(each), each)

    def change(document: dict[str, object]) -> None:
        document["key"] = below
        uri = f"yubikey:management-key={FACTORY}?pin-value=123456"
        document["kms"] = {"type": "yubikey", "uri": uri}
        document["ssh"] = {"hostKey": host, "userKey": user}

    configured(typed, change)
    check_authority(typed)
    assert port.tries_left() == 3
