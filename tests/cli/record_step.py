"""Record what step answers, in golden/step.json: `python -m tests.cli.record_step`.

Needs step on PATH. Inputs that are there already are kept.
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.cli.step_cases import ANSWERS, INPUTS, KINDS, Case, cases

OPEN = ("--no-password", "--insecure")
FAR, PAST = "4102444800", "1000000000"
_MAKING = {
    "ec": ("--kty", "EC"),
    "p384": ("--kty", "EC", "--curve", "P-384"),
    "p521": ("--kty", "EC", "--curve", "P-521"),
    "rsa": ("--kty", "RSA"),
    "okp": ("--kty", "OKP"),
}


def step(folder: Path, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "STEPPATH": str(folder / ".step")}
    return subprocess.run(
        ["step", *words],
        cwd=folder,
        env=environ,
        input=given,
        capture_output=True,
        timeout=60,
        check=False,
        start_new_session=True,
    )


def make(*words: str, given: bytes = b"") -> bytes:
    ended = step(INPUTS, *words, given=given)
    assert ended.returncode == 0, (words, ended.stderr)
    return ended.stdout


def inputs() -> None:
    """Make what the commands are given."""
    INPUTS.mkdir(parents=True, exist_ok=True)
    (INPUTS / "message").write_text("A message.\n")
    (INPUTS / "password").write_text("secret word\n")
    (INPUTS / "claims.json").write_text('{"z": [1, 2.5, "<ü>"], "aud": ["a", "b"], "n": null}')
    for kind, flags in _MAKING.items():
        pub, key = f"{kind}.pub", f"{kind}.key"
        make("crypto", "keypair", pub, key, *flags, *OPEN, "-f")
        alg = ("--alg", "RS256") if kind == "rsa" else ()
        jwk = ("crypto", "jwk", "create", "x", f"{kind}.jwk", "--from-pem", key, "--kid", kind)
        make(*jwk, *alg, *OPEN, "-f")
        (INPUTS / f"{kind}.ssh").write_bytes(make("crypto", "key", "format", "--ssh", pub))
    oct_key = ("crypto", "jwk", "create", "x", "oct.jwk", "--kty", "oct", "--kid", "oct")
    make(*oct_key, *OPEN, "-f")
    who = ("--iss", "joe", "--sub", "me", "--aud", "web", "--nbf", "1", "--iat", "2", "--jti", "j")
    for kind in (*KINDS, "oct"):
        sign = ("crypto", "jwt", "sign", "--key", f"{kind}.jwk", *who, "--exp", FAR, "claims.json")
        (INPUTS / "claims.json").replace(INPUTS / "kept")
        (INPUTS / "claims.json").write_text('{"z": [1, 2.5, "<ü>"], "n": null}')
        (INPUTS / f"{kind}.jwt").write_bytes(make(*sign))
        (INPUTS / "kept").replace(INPUTS / "claims.json")
        jws = make("crypto", "jws", "sign", "--key", f"{kind}.jwk", "message")
        (INPUTS / f"{kind}.jws").write_bytes(jws)
    ended = ("crypto", "jwt", "sign", "--key", "ec.jwk", *who, "--exp", PAST, "--subtle")
    (INPUTS / "ended.jwt").write_bytes(make(*ended))
    for kind in ("ec", "okp", "oct"):
        given = (INPUTS / f"{kind}.jwk").read_bytes()
        make("crypto", "jwk", "keyset", "add", "set.json", given=given)
    create = ("certificate", "create", *OPEN, "-f")
    life = ("--not-before", "2026-01-01T00:00:00Z", "--not-after", "2056-01-01T00:00:00Z")
    make(*create, *life, "Root", "root.crt", "--key", "ec.key", "--profile", "root-ca")
    by_root = (*life, "--ca", "root.crt", "--ca-key", "ec.key")
    make(*create, *by_root, "leaf.example.com", "leaf.crt", "--key", "ec.key")
    make(*create, *by_root, "okp.example.com", "okp.crt", "--key", "okp.key")
    make(*create, "--csr", "--key", "p384.key", "leaf.example.com", "leaf.csr")
    make("crypto", "keypair", "x", "locked.key", "--password-file", "password", "-f")
    lock = ("crypto", "jwk", "create", "x", "locked.jwe", "--password-file", "password", "-f")
    make(*lock)
    (INPUTS / "x").unlink()
    (INPUTS / "folder").mkdir(mode=0o755, exist_ok=True)
    (INPUTS / "folder" / "file").write_text("In a folder.\n")
    shutil.rmtree(INPUTS / ".step", ignore_errors=True)


def copy_of_inputs(folder: Path) -> None:
    """Give every case the same files, with the modes that a checkout may have lost."""
    for file in INPUTS.iterdir():
        if file.is_dir():
            shutil.copytree(file, folder / file.name)
        else:
            shutil.copyfile(file, folder / file.name)
            (folder / file.name).chmod(0o600)
    (folder / "folder").chmod(0o755)
    (folder / "folder" / "file").chmod(0o644)


def answer(case: Case) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_of_inputs(folder)
        given = (folder / case.given).read_bytes() if case.given else b""
        ended = step(folder, *case.words, given=given)
        made = folder / case.made
        wrote = made.read_bytes() if case.made and made.exists() else b""
    return {
        "code": ended.returncode,
        "out": base64.b64encode(ended.stdout).decode(),
        "made": base64.b64encode(wrote).decode(),
        "err": ended.stderr.decode(),
    }


def main() -> None:
    if not INPUTS.exists():
        inputs()
    ANSWERS.write_text(json.dumps({case.name: answer(case) for case in cases()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
