"""Messages, keys and hashes beside the real step: what one makes, the other takes."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.cli.main import main
from tests.cli.record_step import copy_of_inputs
from tests.support.terminal import on_terminal

pytestmark = pytest.mark.reference
Run = Callable[..., bytes]
OPEN = ("--no-password", "--insecure")


@pytest.fixture
def ours(
    tmp_path: Path,
    steppath: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> Run:
    """Run our command among the inputs."""
    del steppath
    work = tmp_path / "work"
    work.mkdir()
    copy_of_inputs(work)
    monkeypatch.chdir(work)

    def run(*args: str, given: bytes = b"") -> bytes:
        reading, writing = os.pipe()
        os.write(writing, given)
        os.close(writing)
        with os.fdopen(reading, "rb") as stream:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(stream, "utf-8"))
            status = main(args)
        out, err = capfdbinary.readouterr()
        assert status == 0, err
        return out

    return run


def step(*args: str, given: bytes = b"") -> bytes:
    ended = subprocess.run(
        ("step", *args), input=given, capture_output=True, check=False, timeout=30
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize(
    ("kind", "algorithms"),
    [
        ("ec", ("ECDH-ES", "ECDH-ES+A128KW")),
        ("p384", ("ECDH-ES", "ECDH-ES+A192KW")),
        ("p521", ("ECDH-ES", "ECDH-ES+A256KW")),
        ("rsa", ("RSA1_5", "RSA-OAEP", "RSA-OAEP-256")),
        ("oct", ("A256KW", "A256GCMKW")),
    ],
)
def test_encrypted_messages_open_in_both_directions(
    ours: Run, kind: str, algorithms: tuple[str, ...]
) -> None:
    for alg in algorithms:
        if kind == "oct":
            create = ("crypto", "jwk", "create", "p", "k.jwk", "--kty", "oct", "--use", "enc")
            ours(*create, "--alg", alg, *OPEN, "--force")
        public, private = ("k.jwk",) * 2 if kind == "oct" else (f"{kind}.pub", f"{kind}.key")
        for enc in ("A128GCM", "A256CBC-HS512"):
            encrypt = ("crypto", "jwe", "encrypt", "--key", public, "--alg", alg, "--enc", enc)
            decrypt = ("crypto", "jwe", "decrypt", "--key", private)
            assert step(*decrypt, given=ours(*encrypt, given=b"hello")) == b"hello"
            if kind != "oct":  # step finds no public half in it, and gives up
                assert ours(*decrypt, given=step(*encrypt, given=b"hello")) == b"hello"


@pytest.mark.parametrize("kind", ["ec", "p384", "p521", "okp", "rsa", "oct"])
def test_signed_messages_hold_in_both_directions(ours: Run, kind: str) -> None:
    algorithms = {"rsa": ("RS384", "PS256"), "oct": ("HS256",)}.get(kind, ("",))
    for alg in algorithms:
        flags = ("--alg", alg) if alg else ()
        key = f"{kind}.jwk" if kind == "oct" else f"{kind}.key"
        sign = ("crypto", "jws", "sign", "--key", key, *flags, "message")
        public = f"{kind}.jwk" if kind == "oct" else f"{kind}.pub"
        verify = ("crypto", "jws", "verify", "--key", public, *flags)
        assert step(*verify, given=ours(*sign)) == b"A message.\n"
        assert ours(*verify, given=step(*sign)) == b"A message.\n"
    if kind == "oct":
        return
    for choice in ("", "--pss --alg sha512"):
        words = choice.split()
        sign = ("crypto", "key", "sign", "--key", f"{kind}.key", *words, "message")
        check = ("crypto", "key", "verify", "--key", f"{kind}.pub", *words, "message", "--sig")
        assert step(*check, ours(*sign).decode().strip()) == b"true\n"
        assert ours(*check, step(*sign).decode().strip()) == b"true\n"


@pytest.mark.parametrize("method", ["scrypt", "argon2i", "argon2id"])
def test_hashes_hold_in_both_directions(ours: Run, method: str) -> None:
    made = ("crypto", "kdf", "hash", "--alg", method)
    compare = ("crypto", "kdf", "compare")
    assert step(*compare, ours(*made, given=b"word").decode().strip(), given=b"word") == b"ok\n"
    assert ours(*compare, step(*made, given=b"word").decode().strip(), given=b"word") == b"ok\n"


def test_keys_of_ours_are_keys_to_step(ours: Run) -> None:
    ours("crypto", "jwk", "create", "a.pub", "a.jwk", "--password-file", "password")
    opened = step("crypto", "jwe", "decrypt", "--password-file", "password",
                  given=Path("a.jwk").read_bytes())  # fmt: skip
    assert json.loads(opened)["kid"] == json.loads(Path("a.pub").read_text())["kid"]
    ours("crypto", "key", "format", "--pem", "--pkcs8", "--password-file", "password",
         "locked.key", "--out", "o.pem")  # fmt: skip
    step("crypto", "key", "inspect", "--password-file", "password", "o.pem")
    signed = ours("certificate", "sign", "leaf.csr", "root.crt", "ec.key")
    Path("signed.crt").write_bytes(signed)
    step("certificate", "verify", "signed.crt", "--roots", "root.crt")


@pytest.mark.parametrize("flags", [(), ("--legacy",)])
def test_openssl_shows_the_same_of_both_packages(ours: Run, flags: tuple[str, ...]) -> None:
    pack = ("leaf.crt", "ec.key", "--ca", "root.crt", "--password-file", "password", *flags)
    ours("certificate", "p12", "ours.p12", *pack)
    step("certificate", "p12", "theirs.p12", *pack)
    legacy = ("-legacy",) if flags else ()
    read = ("openssl", "pkcs12", "-nodes", "-passin", "file:password", *legacy, "-in")
    shown = [
        subprocess.run((*read, name), capture_output=True, check=True).stdout
        for name in ("ours.p12", "theirs.p12")
    ]
    bodies = [
        {part.split(b"-----END")[0] for part in each.split(b"-----BEGIN ")[1:]} for each in shown
    ]
    assert bodies[0] == bodies[1]


def test_an_encrypted_provisioner_key_goes_through_a_pipe(ours: Run) -> None:
    """As registration authorities are set up: both passwords are asked for at the terminal."""
    del ours
    program = "import sys; from appliance.cli.main import main; sys.exit(main())"
    line = f"cat locked.jwe | {sys.executable} -c '{program}' crypto key format --pkcs8 > ra.pem"
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with on_terminal(["sh", "-c", line], cwd=Path.cwd(), environ=environ) as terminal:
        terminal.wait_for("Please enter the password to decrypt the key: ")
        terminal.type("secret word\n")
        terminal.wait_for("Please enter the password to encrypt the private key: ")
        terminal.type("new word\n")
        assert terminal.end() == 0
    Path("new").write_text("new word\n")
    step("crypto", "key", "inspect", "--password-file", "new", "ra.pem")
