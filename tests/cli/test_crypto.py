"""`crypto keypair` and `crypto change-pass`: keys under passwords, and whom they open for."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.cli.main import main
from appliance.formats import jwe, jwk, keyfile
from appliance.formats.keyfile import PasswordNeeded, WrongPassword
from appliance.model.secret import Password
from tests.support.terminal import on_terminal

Hearth = Callable[..., str]
OPEN = ("--no-password", "--insecure")
OLD, NEW = Password(b"old word"), Password(b"new word")


@pytest.fixture
def hearth(
    tmp_path: Path,
    steppath: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Hearth:
    """Run a command in a folder with two passwords; give what it printed."""
    del steppath
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old").write_bytes(OLD.reveal() + b"\n")
    (tmp_path / "new").write_bytes(NEW.reveal())

    def run(*args: str, code: int = 0) -> str:
        status = main(("crypto", *args))
        printed = capsys.readouterr()
        assert status == code, printed
        return printed.out + printed.err

    return run


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ((), "EC PRIVATE KEY"),
        (("--kty", "EC", "--curve", "P-521"), "EC PRIVATE KEY"),
        (("--kty", "RSA"), "RSA PRIVATE KEY"),
        (("--kty", "RSA", "--size", "1024", "--insecure"), "RSA PRIVATE KEY"),
        (("--kty", "OKP"), "PRIVATE KEY"),
    ],
)
def test_a_pair_of_keys(hearth: Hearth, kind: tuple[str, ...], label: str) -> None:
    said = hearth("keypair", "k.pub", "k.key", *kind, *OPEN)
    assert said == (
        "Your public key has been saved in k.pub.\nYour private key has been saved in k.key.\n"
    )
    assert f"BEGIN {label}-----" in Path("k.key").read_text()
    key = keyfile.load_private_key(Path("k.key").read_bytes(), None)
    assert keyfile.load_public_key(Path("k.pub").read_bytes()) == key.public_key()
    assert Path("k.key").stat().st_mode & 0o777 == 0o600


def test_a_key_is_encrypted_unless_told_otherwise(hearth: Hearth) -> None:
    hearth("keypair", "k.pub", "k.key", "--password-file", "old")
    with pytest.raises(PasswordNeeded):
        keyfile.load_private_key(Path("k.key").read_bytes(), None)
    keyfile.load_private_key(Path("k.key").read_bytes(), OLD)


def test_a_key_out_of_a_jwk(hearth: Hearth) -> None:
    hearth("keypair", "k.pub", "k.key", *OPEN)
    key = keyfile.load_private_key(Path("k.key").read_bytes(), None)
    Path("k.jwk").write_text(json.dumps(jwk.private_jwk(key)))
    hearth("keypair", "again.pub", "again.key", "--from-jwk", "k.jwk", *OPEN)
    assert Path("again.key").read_bytes() == Path("k.key").read_bytes()
    Path("p.jwk").write_text(json.dumps(jwk.public_jwk(key.public_key())))
    said = hearth("keypair", "only.pub", "only.key", "--from-jwk", "p.jwk")
    assert "Only the public PEM was generated." in said
    assert not Path("only.key").exists()
    assert Path("only.pub").read_bytes() == Path("k.pub").read_bytes()


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (("keypair", "a", "a"), "cannot be equal"),
        (("keypair", "a", "b", "--no-password"), "requires the '--insecure' flag"),
        (("keypair", "a", "b", *OPEN, "--password-file", "old"), "incompatible"),
        (("keypair", "a", "b", "--kty", "oct"), "options are RSA, EC, OKP"),
        (("keypair", "a", "b", "--kty", "RSA", "--size", "1024"), "unless '--insecure'"),
        (("keypair", "a", "b", "--from-jwk", "old"), "error reading old"),
        (("keypair", "a", "b", "--from-jwk", "old", "--kty", "EC"), "incompatible with '--kty'"),
        (("keypair", "a", "b"), "--password-file"),
        (("change-pass", "missing"), "open missing failed"),
        (("change-pass", "old", *OPEN), "neither a PEM nor a JWK"),
        (("change-pass", "old", "--no-password"), "requires the '--insecure' flag"),
    ],
)
def test_what_is_wrong_is_said(hearth: Hearth, args: tuple[str, ...], what: str) -> None:
    assert what in hearth(*args, code=1)
    assert not Path("a").exists()
    assert not Path("b").exists()


def test_the_password_of_a_pem_changes(hearth: Hearth) -> None:
    hearth("keypair", "k.pub", "k.key", "--password-file", "old")
    change = ("change-pass", "k.key", "--password-file", "old", "--new-password-file", "new")
    assert hearth(*change, "--out", "n.key") == "Your key has been saved in n.key.\n"
    hearth(*change, "--force")
    for name in ("k.key", "n.key"):
        content = Path(name).read_bytes()
        with pytest.raises(WrongPassword):
            keyfile.load_private_key(content, OLD)
        keyfile.load_private_key(content, NEW)
    assert "does not decrypt" in hearth(*change, "--force", code=1)
    hearth("change-pass", "k.key", "--password-file", "new", *OPEN, "--force")
    assert not keyfile.is_encrypted(Path("k.key").read_bytes())
    Path("empty").write_text("")
    said = hearth("change-pass", "k.key", "--new-password-file", "empty", "--force", code=1)
    assert "holds no password" in said


def test_the_password_of_a_jwk_changes(hearth: Hearth) -> None:
    hearth("keypair", "k.pub", "k.key", *OPEN)
    key = keyfile.load_private_key(Path("k.key").read_bytes(), None)
    Path("k.jwk").write_text(json.dumps(jwk.private_jwk(key)))
    hearth("change-pass", "k.jwk", "--new-password-file", "old", "--force")
    sealed = Path("k.jwk").read_text()
    assert sealed.startswith('{\n  "protected": "')
    assert json.loads(jwe.decrypt(sealed, OLD)) == jwk.private_jwk(key)
    change = ("change-pass", "k.jwk", "--password-file", "old", "--new-password-file", "new")
    hearth(*change, "--force")
    with pytest.raises(WrongPassword):
        jwe.decrypt(Path("k.jwk").read_text(), OLD)
    assert "does not decrypt the JWE" in hearth(*change, "--force", code=1)
    hearth("change-pass", "k.jwk", "--password-file", "new", *OPEN, "--force")
    assert json.loads(Path("k.jwk").read_text()) == jwk.private_jwk(key)


def test_passwords_are_asked_for_on_a_terminal(hearth: Hearth, tmp_path: Path) -> None:
    """An empty one is asked for again, a wrong one as well."""
    program = "import sys; from appliance.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "crypto"]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    with on_terminal([*command, "keypair", "k.pub", "k.key"], cwd=tmp_path, environ=environ) as tty:
        tty.wait_for("Please enter the password to encrypt the private key: ")
        tty.type("\n")
        tty.wait_for("must not be empty")
        tty.wait_for("Please enter the password to encrypt the private key: ")
        tty.type("old word\n")
        assert tty.end() == 0
    with on_terminal([*command, "change-pass", "k.key"], cwd=tmp_path, environ=environ) as tty:
        tty.wait_for("Please enter the password to decrypt k.key: ")
        tty.type("wrong\n")
        tty.wait_for("does not decrypt")
        tty.wait_for("Please enter the password to decrypt k.key: ")
        tty.type("old word\n")
        tty.wait_for("Please enter the password to encrypt k.key: ")
        tty.type("new word\n")
        tty.wait_for("Would you like to overwrite k.key")
        tty.type("y\n")
        assert tty.end() == 0
    keyfile.load_private_key((tmp_path / "k.key").read_bytes(), NEW)
