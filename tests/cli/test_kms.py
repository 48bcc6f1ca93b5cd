"""Keys on tokens by hand: `hearth kms`, --kms of other commands, `ca init --kms`; on SoftHSM."""

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from appliance.cli.main import main
from appliance.formats import base64url, jwt
from tests.support.shell import named
from tests.support.softhsm import PIN, SoftHsm
from tests.support.terminal import on_terminal

Hearth = Callable[..., str]
KEY = "pkcs11:id=01;object=one"
NAME = "pkcs11:id={number:02x};object=key-{number}"


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftHsm:
    return SoftHsm(tmp_path / "hsm", monkeypatch).initialise("ca")


@pytest.fixture
def kms(hsm: SoftHsm, tmp_path: Path) -> str:
    """The token's URI, with its PIN in a file."""
    (tmp_path / "pin").write_text(f"{PIN}\n")
    return hsm.uri("ca", f"?pin-source={tmp_path / 'pin'}")


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
        assert PIN.encode() not in err
        return (out if code == 0 else out + err).decode("utf-8", "surrogateescape")

    return run


def public(text: str) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey:
    key = load_pem_public_key(text.encode())
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey)
    return key


class TestKeys:
    def test_they_are_made_shown_listed_and_destroyed(self, hearth: Hearth, kms: str) -> None:
        made = json.loads(hearth("kms", "create", "--json", "--kms", kms, KEY))
        assert made["name"] == KEY
        assert made["publicKey"] == hearth("kms", "key", "--kms", kms, "pkcs11:object=one")
        # the token and the key in one URI
        assert made["publicKey"] == hearth("kms", "key", kms.replace("?", ";id=01?"))
        assert hearth("kms", "list", kms) == f"{KEY}  P-256\n"
        assert hearth("kms", "search", kms) == f"{KEY}\n"
        listed = json.loads(hearth("kms", "list", "--json", "--kms", kms))
        assert listed["token"]["name"] == "ca"
        [entry] = listed["keys"]
        assert (entry["kind"], entry["id"], entry["extractable"]) == ("P-256", "01", False)
        assert entry["publicKey"] == made["publicKey"]
        assert hearth("kms", "key", "--kms", kms, "delete", "pkcs11:id=01") == ""
        assert hearth("kms", "list", kms) == ""
        assert "no such key" in hearth("kms", "delete", "--kms", kms, KEY, code=1)

    def test_their_kinds(self, hearth: Hearth, kms: str) -> None:
        flags = (
            ((), "P-256"),
            (("--kty", "ec", "--crv", "P-384"), "P-384"),
            (("--crv", "p521"), "P-521"),
            (("--kty", "RSA", "--size", "2048"), "RSA-2048"),
            (("--kty", "OKP"), "Ed25519"),
        )
        for number, (given, _) in enumerate(flags):
            hearth("kms", "create", "--kms", kms, NAME.format(number=number), *given)
        listed = json.loads(hearth("kms", "list", "--json", kms))
        kinds = {entry["label"]: entry["kind"] for entry in listed["keys"]}
        assert kinds == {f"key-{number}": kind for number, (_, kind) in enumerate(flags)}

    def test_one_that_is_there_stays_unless_that_is_said(self, hearth: Hearth, kms: str) -> None:
        first = hearth("kms", "create", "--kms", kms, KEY)
        assert "exists already" in hearth("kms", "create", "--kms", kms, KEY, code=1)
        assert hearth("kms", "key", "--kms", kms, KEY) == first
        assert hearth("kms", "create", "--force", "--kms", kms, KEY) != first

    def test_in_files(self, hearth: Hearth) -> None:
        """softkms, as step's plugin has it: the key in a file, without a password."""
        made = json.loads(hearth("kms", "create", "--json", "softkms:a.key"))
        assert made["name"] == "a.key"
        assert hearth("kms", "key", "--kms", "softkms", "a.key") == made["publicKey"]
        signature = hearth("kms", "sign", "--in", "a.key", "softkms:a.key")
        key = public(made["publicKey"])
        assert isinstance(key, ec.EllipticCurvePublicKey)
        message = Path("a.key").read_bytes()
        key.verify(base64.b64decode(signature), message, ec.ECDSA(SHA256()))

    @pytest.mark.parametrize(
        ("args", "says"),
        [
            (("create", "pkcs11:id=1"), "which token is meant"),
            (("create", "nix:x"), "no type of key manager"),
            (("create", "awskms:x"), "Amazon's KMS"),
            (("create", "--crv", "P-1", KEY), "options are P256, P384, P521"),
            (("create", "--kty", "RSA", "--size", "1024", KEY), "2048, 3072 or 4096"),
            (("create", "--pss", "--kty", "EC", KEY), "--pss is incompatible with --kty EC"),
            (("key", "--kms", "yubikey:", KEY), "'--kms' is of type 'yubikey'"),
            (("key", "pkcs11:token=a?pin-source=none"), "open none failed"),
            (("list",), "say which token is meant"),
            (("list", "pkcs11:module-path=/none.so;token=a"), "(no service)"),
            (("encrypt", "x"), "not what a CA's keys are for"),
            (("sign", "--salt-length", "7", KEY), "auto or equal-hash"),
            (("certificate", "--bundle", KEY), "keeps single certificates"),
            (("attest", "softkms:x"), "only YubiKeys attest"),
        ],
    )
    def test_mistakes(self, hearth: Hearth, args: tuple[str, ...], says: str) -> None:
        assert says in hearth("kms", *args, code=1)

    def test_a_token_that_is_away_is_named(self, hearth: Hearth, hsm: SoftHsm) -> None:
        said = hearth("kms", "list", hsm.uri("other", f"?pin-value={PIN}"), code=1)
        assert said.startswith("other: ")
        assert "wrong token" in said
        assert "'ca'" in said


class TestSignatures:
    def test_of_a_file_and_of_its_digest(self, hearth: Hearth, kms: str) -> None:
        key = public(hearth("kms", "create", "--kms", kms, KEY))
        assert isinstance(key, ec.EllipticCurvePublicKey)
        Path("data").write_bytes(b"data")
        digest = hashlib.sha256(b"data").digest()
        for text in (
            hearth("kms", "sign", "--kms", kms, "--in", "data", "--verify", KEY),
            hearth("kms", "sign", "--kms", kms, KEY, digest.hex()),
            hearth("kms", "sign", "--kms", kms, KEY, given=digest),
        ):
            key.verify(base64.b64decode(text), b"data", ec.ECDSA(SHA256()))
        hexadecimal = hearth("kms", "sign", "--format", "hex", "--kms", kms, KEY, digest.hex())
        key.verify(bytes.fromhex(hexadecimal), b"data", ec.ECDSA(SHA256()))
        both = base64url.decode(
            hearth("kms", "sign", "--format", "jws", "--in", "data", "--kms", kms, KEY).strip()
        )
        assert len(both) == 64
        numbers = (int.from_bytes(half) for half in (both[:32], both[32:]))
        key.verify(encode_dss_signature(*numbers), b"data", ec.ECDSA(SHA256()))
        wrong = hearth("kms", "sign", "--kms", kms, KEY, "00ff", code=1)
        assert "32, 48 or 64 octets" in wrong

    def test_by_rsa_and_ed25519(self, hearth: Hearth, kms: str) -> None:
        small = ("--kty", "RSA", "--size", "2048")
        key = public(hearth("kms", "create", "--kms", kms, NAME.format(number=1), *small))
        assert isinstance(key, rsa.RSAPublicKey)
        Path("data").write_bytes(b"data")
        named_ = ("--kms", kms, "--in", "data", NAME.format(number=1))
        text = hearth("kms", "sign", "--alg", "SHA384", *named_)
        key.verify(base64.b64decode(text), b"data", padding.PKCS1v15(), SHA384())
        text = hearth("kms", "sign", "--pss", "--salt-length", "-1", *named_)
        pss = padding.PSS(padding.MGF1(SHA256()), 32)
        key.verify(base64.b64decode(text), b"data", pss, SHA256())
        other = NAME.format(number=2)
        edwards = public(hearth("kms", "create", "--kms", kms, "--kty", "OKP", other))
        assert isinstance(edwards, ed25519.Ed25519PublicKey)
        text = hearth("kms", "sign", "--kms", kms, "--in", "data", other)
        edwards.verify(base64.b64decode(text), b"data")
        assert "--in is required" in hearth("kms", "sign", "--kms", kms, other, "00", code=1)


class TestCertificates:
    def test_they_are_kept_copied_and_removed(self, hearth: Hearth, kms: str) -> None:
        hearth("kms", "create", "--kms", kms, KEY)
        made = ("certificate", "create", "--profile", "root-ca", "--kms", kms, "--key", KEY)
        hearth(*made, "Root", "root.crt")
        kept = Path("root.crt").read_text()
        assert hearth("kms", "certificate", "--import", "root.crt", "--kms", kms, KEY) == kept
        assert hearth("kms", "certificate", "--kms", kms, "pkcs11:object=one") == kept
        assert hearth("kms", "list", kms).strip().endswith("P-256, certificate")
        assert hearth("kms", "certificate", "delete", "--kms", kms, KEY) == ""
        assert "no such" in hearth("kms", "certificate", "--kms", kms, KEY, code=1)
        assert hearth("kms", "certificate", "copy", "--kms", kms, "root.crt", KEY) == kept

    def test_requests_are_signed_by_keys_and_certificates_on_the_token(
        self, hearth: Hearth, kms: str
    ) -> None:
        hearth("kms", "create", "--kms", kms, KEY)
        made = ("certificate", "create", "--kms", kms, "--key", KEY)
        hearth(*made, "--profile", "root-ca", "Root", "root.crt")
        hearth("kms", "certificate", "copy", "--kms", kms, "root.crt", KEY)
        hearth(*made, "--csr", "leaf.example.com", "leaf.csr")
        Path("leaf.crt").write_text(
            hearth("certificate", "sign", "--kms", kms, "leaf.csr", KEY, KEY)
        )
        hearth("certificate", "verify", "leaf.crt", "--roots", "root.crt")

    def test_the_ca_of_a_certificate_may_be_elsewhere_than_its_key(
        self, hearth: Hearth, kms: str
    ) -> None:
        """--ca-kms is of --ca-key alone, --kms of --key alone."""
        hearth("kms", "create", "--kms", kms, KEY)
        root = ("certificate", "create", "--profile", "root-ca", "Root", "root.crt", "root.key")
        hearth(*root, "--no-password", "--insecure")
        made = ("certificate", "create", "--profile", "intermediate-ca", "--ca", "root.crt")
        on_token = ("--kms", kms, "--key", KEY)
        hearth(*made, *on_token, "--ca-key", "root.key", "Below", "below.crt")
        hearth("certificate", "verify", "below.crt", "--roots", "root.crt")
        leaf = ("certificate", "create", "leaf", "leaf.crt", "leaf.key", "--ca", "below.crt")
        open_ = ("--no-password", "--insecure", "--ca-key", KEY)
        hearth(*leaf, *open_, "--ca-kms", kms)
        x509.load_pem_x509_certificate(Path("leaf.crt").read_bytes()).verify_directly_issued_by(
            x509.load_pem_x509_certificate(Path("below.crt").read_bytes())
        )
        assert "which token is meant" in hearth(*leaf, *open_, "--force", "--kms", kms, code=1)


class TestTokens:
    def test_a_key_on_a_token_signs_one_time_tokens(self, hearth: Hearth, kms: str) -> None:
        key = public(hearth("kms", "create", "--kms", kms, KEY))
        assert isinstance(key, ec.EllipticCurvePublicKey)
        where = ("--ca-url", "https://ca.example.com", "--root", "root.crt", "--offline")
        root = ("certificate", "create", "--profile", "root-ca", "Root", "root.crt", "root.key")
        hearth(*root, "--no-password", "--insecure")
        made = hearth(
            *("ca", "token", "a.example.com", "--provisioner", "jane", "--key", KEY, "--kms", kms),
            *where,
        )
        token = jwt.split(made.strip())
        jwt.verify(token, key, "ES256")
        assert token.claims["sub"] == "a.example.com"


class TestNewAuthorities:
    FLAGS = ("ca", "init", "--name", "Home", "--dns", "ca.home.arpa", "--address", ":8443",
             "--provisioner", "me", "--password-file", "pw")  # fmt: skip

    def test_their_keys_are_made_on_the_token(
        self, hearth: Hearth, kms: str, steppath: Path
    ) -> None:
        Path("pw").write_text("password")
        hearth(*self.FLAGS, "--ssh", "--kms", kms)
        document = json.loads((steppath / "config" / "ca.json").read_text())
        assert document["key"] == "pkcs11:id=7332;object=intermediate-ca"
        assert document["ssh"] == {
            "hostKey": "pkcs11:id=7333;object=ssh-host-ca",
            "userKey": "pkcs11:id=7334;object=ssh-user-ca",
        }
        assert document["kms"] == {"type": "pkcs11", "uri": kms}
        assert not (steppath / "secrets").exists()
        certificates = {
            name: (steppath / "certs" / f"{name}_ca.crt").read_text()
            for name in ("root", "intermediate")
        }
        for name, uri in (("root", "pkcs11:id=7331"), ("intermediate", "pkcs11:id=7332")):
            assert hearth("kms", "certificate", "--kms", kms, uri) == certificates[name]
        assert len(hearth("kms", "list", kms).splitlines()) == 4

    def test_nothing_is_made_where_a_key_is_already(
        self, hearth: Hearth, kms: str, steppath: Path
    ) -> None:
        Path("pw").write_text("password")
        hearth("kms", "create", "--kms", kms, "pkcs11:id=7332;object=intermediate-ca")
        assert "nothing was made" in hearth(*self.FLAGS, "--kms", kms, code=1)
        assert len(hearth("kms", "list", kms).splitlines()) == 1
        assert not (steppath / "config").exists()
        elsewhere = ("--kms-intermediate", "pkcs11:id=aa;object=below")
        hearth(*self.FLAGS, "--kms", kms, *elsewhere)
        document = json.loads((steppath / "config" / "ca.json").read_text())
        assert document["key"] == "pkcs11:id=aa;object=below"

    def test_a_pin_is_not_written(self, hearth: Hearth, hsm: SoftHsm, steppath: Path) -> None:
        Path("pw").write_text("password")
        hearth(*self.FLAGS, "--kms", hsm.uri("ca", f"?pin-value={PIN}"))
        written = (steppath / "config" / "ca.json").read_text()
        assert "pin-value" not in written
        assert PIN not in json.loads(written)["kms"]["uri"]


class TestPins:
    def test_a_wrong_one_costs_one_try_however_often_a_script_runs(
        self, hearth: Hearth, kms: str, tmp_path: Path
    ) -> None:
        """The tries that are left are told by the token: here by its flag of a wrong PIN."""
        (tmp_path / "pin").write_text("9999")
        for _ in range(3):
            said = hearth("kms", "list", kms, code=1)
            assert "there is no terminal to ask on" in said
            assert "9999" not in said

    def test_one_that_is_missing_is_asked_for(self, hsm: SoftHsm, tmp_path: Path) -> None:
        programs = named(tmp_path / "bin", "step-kms-plugin")
        environ = {**os.environ, "HOME": str(tmp_path), "STEPPATH": str(tmp_path)}
        command = [str(programs / "step-kms-plugin"), "list", hsm.uri("ca")]
        with on_terminal(command, cwd=tmp_path, environ=environ) as terminal:
            terminal.wait_for("Please enter the PIN of the token ca: ")
            terminal.type("4321\n")
            terminal.wait_for("refused the PIN")
            terminal.wait_for("Please enter the PIN of the token ca")
            terminal.type(f"{PIN}\n")
            assert terminal.end() == 0
            assert PIN not in terminal.screen


def test_the_plugin_knows_its_name() -> None:
    """step runs a program of this name for `step kms`; it has no other commands."""
    code = (
        "import sys; sys.argv[0] = '/usr/bin/step-kms-plugin'; "
        "from appliance.cli.main import main; sys.exit(main())"
    )

    def run(*args: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", code, *args], capture_output=True, text=True, check=False
        )

    assert "Usage: step-kms-plugin" in run("--help").stdout
    assert run("serve").returncode == 3
