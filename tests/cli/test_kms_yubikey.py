"""Keys on YubiKeys by hand: `hearth kms` and `ca init --kms`; the YubiKey is virtual."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from appliance.cli.main import main
from appliance.formats import base64url, cbor
from tests.support.yubikey.computer import SECOND_SERIAL, SERIAL, Computer
from tests.support.yubikey.fixtures import machine, port, ports

__all__ = ["machine", "port", "ports"]

Hearth = Callable[..., str]
PIN = "123456"
SLOT = "yubikey:slot-id=82"
KMS = f"yubikey:pin-value={PIN}"


@pytest.fixture
def hearth(
    tmp_path: Path,
    steppath: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> Hearth:
    """Run a command; give its standard output, or all of it when it fails."""
    steppath.mkdir()
    monkeypatch.chdir(tmp_path)

    def run(*args: str, code: int = 0, given: bytes = b"") -> str:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given), "utf-8"))
        status = main(args)
        out, err = capfdbinary.readouterr()
        assert status == code, (out, err)
        return (out if code == 0 else out + err).decode()

    return run


def test_keys_are_made_with_the_policies_of_steps_plugin(hearth: Hearth, port: Computer) -> None:
    """Without flags: the PIN always, no touch. No PIN is needed to make, list or attest them."""
    del port
    hearth("kms", "create", SLOT)
    hearth(
        "kms", "create", "--pin-policy", "once", "--touch-policy", "CACHED", "yubikey:slot-id=9d"
    )
    lines = hearth("kms", "list", "yubikey").splitlines()
    assert lines == [
        f"yubikey:slot-id=9d;serial={SERIAL}  P-256, PIN once, touch cached",
        f"yubikey:slot-id=82;serial={SERIAL}  P-256, PIN always, touch never",
    ]
    leaf, own = x509.load_pem_x509_certificates(hearth("kms", "attest", SLOT).encode())
    leaf.verify_directly_issued_by(own)
    assert leaf.public_key() == load_pem_public_key(hearth("kms", "key", SLOT).encode())
    assert hearth("kms", "attest", "--leaf", SLOT).count("BEGIN") == 1


def test_an_attestation_object_for_acme(hearth: Hearth, port: Computer) -> None:
    """The key signs what is given: who attests has it."""
    del port
    key = load_pem_public_key(hearth("kms", "create", SLOT).encode())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    args = ("kms", "attest", "--format", "step", "--kms", KMS, SLOT)
    made = cbor.decode(base64url.decode(hearth(*args, given=b"token.print").strip()))
    assert isinstance(made, dict)
    assert made["fmt"] == "step"
    statement = made["attStmt"]
    assert isinstance(statement, dict)
    assert statement["alg"] == -7
    signature = cbor.decode(statement["sig"]) if isinstance(statement["sig"], bytes) else None
    assert isinstance(signature, bytes)
    key.verify(signature, b"token.print", ec.ECDSA(SHA256()))


def test_a_key_that_is_there_is_replaced_when_that_is_said(hearth: Hearth, port: Computer) -> None:
    """Firmware before 5.7 cannot delete keys: another in its place is the only way."""
    del port
    first = hearth("kms", "create", SLOT)
    assert "exists already" in hearth("kms", "create", SLOT, code=1)
    assert "cannot" in hearth("kms", "delete", SLOT, code=1)
    assert hearth("kms", "create", "--force", "--kms", "yubikey", "82") != first


def test_one_of_several_is_meant_by_its_serial_number(hearth: Hearth, ports: Computer) -> None:
    del ports
    for serial in (SERIAL, SECOND_SERIAL):
        hearth("kms", "create", "--kms", f"yubikey:serial={serial}", SLOT)
    listed = [
        json.loads(hearth("kms", "list", "--json", f"yubikey:serial={serial}"))
        for serial in (SERIAL, SECOND_SERIAL)
    ]
    assert [each["token"]["serial"] for each in listed] == [str(SERIAL), str(SECOND_SERIAL)]
    assert len({each["keys"][0]["publicKey"] for each in listed}) == 2
    assert hearth("kms", "delete", f"{SLOT};serial={SECOND_SERIAL}") == ""


def test_a_wrong_pin_costs_one_try_however_often_a_script_runs(
    hearth: Hearth, port: Computer
) -> None:
    hearth("kms", "create", SLOT)
    for _ in range(4):
        said = hearth("kms", "sign", "--kms", "yubikey:pin-value=999999", SLOT, "00" * 32, code=1)
        assert "there is no terminal to ask on" in said
        assert "999999" not in said
    assert port.tries_left() == 2


def test_an_authority_on_a_yubikey(hearth: Hearth, port: Computer, steppath: Path) -> None:
    """Nothing but certificates is on the disk; they are beside their keys, too."""
    Path("pw").write_text("password")
    Path("pin").write_text(PIN)
    kms = f"yubikey:serial={SERIAL}?pin-source={Path('pin').absolute()}"
    flags = ("--name", "Home", "--dns", "ca.home.arpa", "--address", ":8443", "--provisioner", "me")
    hearth("ca", "init", *flags, "--password-file", "pw", "--ssh", "--kms", kms)
    document = json.loads((steppath / "config" / "ca.json").read_text())
    assert document["kms"] == {"type": "yubikey", "uri": kms}
    assert document["key"] == "yubikey:slot-id=83"
    assert document["ssh"] == {"hostKey": "yubikey:slot-id=84", "userKey": "yubikey:slot-id=85"}
    assert not (steppath / "secrets").exists()
    kept = hearth("kms", "certificate", "yubikey:slot-id=83")
    assert kept == (steppath / "certs" / "intermediate_ca.crt").read_text()
    slots = hearth("kms", "list", "yubikey:").splitlines()
    assert [line.partition("  ")[2] for line in slots] == [
        *["P-256, PIN once, touch never, certificate"] * 2,
        *["P-256, PIN once, touch never"] * 2,
    ]
    assert port.tries_left() == 3
