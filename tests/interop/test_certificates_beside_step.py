"""Certificates and keys beside the real step: what one writes, the other reads and shows alike."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from appliance.cli.main import main
from tests.formats.record import FORMS, GOLDEN

pytestmark = pytest.mark.reference
OPEN = ("--no-password", "--insecure")
KINDS = [("EC",), ("EC", "--crv", "P-521"), ("RSA",), ("OKP",)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, steppath: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder with two passwords."""
    del steppath
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old").write_text("old word\n")
    (tmp_path / "new").write_text("new word\n")


def step(*args: str) -> str:
    answer = subprocess.run(("step", *args), capture_output=True, check=False, timeout=30)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.decode()


def hearth(*args: str) -> None:
    assert main(args) == 0


def without_names(text: str) -> Any:
    """Leave out what is in another order each time that step is asked."""
    shown = json.loads(text)
    for each in shown if isinstance(shown, list) else [shown]:
        each.pop("names", None)
    return shown


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.pem")), ids=lambda path: path.stem)
def test_golden_files_are_what_step_says_today(path: Path) -> None:
    for suffix, flags in FORMS.items():
        recorded = path.with_suffix(f".{suffix}")
        if not recorded.exists():
            continue
        shown = step("certificate", "inspect", *flags, str(path))
        if "json" in suffix:
            assert without_names(shown) == without_names(recorded.read_text())
        else:
            assert shown == recorded.read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_step_and_openssl_accept_what_we_make(kind: tuple[str, ...]) -> None:
    create = ("certificate", "create", "--password-file", "old", "--kty", *kind)
    by = ("--ca-password-file", "old", "--ca")
    hearth(*create, "Root", "root.crt", "root.key", "--profile", "root-ca")
    by_root = ("--profile", "intermediate-ca", *by, "root.crt", "--ca-key", "root.key")
    hearth(*create, "CA", "ca.crt", "ca.key", *by_root)
    by_ca = (*by, "ca.crt", "--ca-key", "ca.key", "--bundle")
    hearth(*create, "leaf.example.com", "leaf.crt", "leaf.key", *by_ca)
    step("certificate", "verify", "leaf.crt", "--roots", "root.crt", "--host", "leaf.example.com")
    openssl = ("openssl", "verify", "-x509_strict", "-CAfile", "root.crt")
    subprocess.run((*openssl, "-untrusted", "leaf.crt", "leaf.crt"), check=True)
    for name in ("root.key", "ca.key", "leaf.key"):
        check = ("openssl", "pkey", "-in", name, "-passin", "file:old", "-noout")
        subprocess.run(check, check=True)
        change = ("--password-file", "old", "--new-password-file", "new", "--force")
        step("crypto", "change-pass", name, *change)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("profile", ["root-ca", "intermediate-ca", "leaf", "self-signed"])
def test_profiles_have_the_extensions_of_step(kind: tuple[str, ...], profile: str) -> None:
    """The same extensions in the same order with the same bits, and the same length of life."""
    hearth("certificate", "create", "Root", "root.crt", "root.key", "--profile", "root-ca", *OPEN)
    create = ("certificate", "create", *OPEN, "--kty", *kind, "--profile", profile, "--subtle")
    names = ("--san", "a.example", "--san", "10.0.0.1", "--san", "https://x/y", "--san", "j@x")
    if profile in ("intermediate-ca", "leaf"):
        create = (*create, "--ca", "root.crt", "--ca-key", "root.key")
    hearth(*create, *names, "name", "ours.crt", "ours.key")
    step(*create, *names, "name", "theirs.crt", "theirs.key")
    ours, theirs = (
        x509.load_pem_x509_certificate(Path(name).read_bytes())
        for name in ("ours.crt", "theirs.crt")
    )
    key_ids = (x509.SubjectKeyIdentifier,)
    assert [
        (each.oid, each.critical, None if isinstance(each.value, key_ids) else each.value)
        for each in ours.extensions
    ] == [
        (each.oid, each.critical, None if isinstance(each.value, key_ids) else each.value)
        for each in theirs.extensions
    ]
    assert ours.subject.public_bytes() == theirs.subject.public_bytes()
    assert ours.signature_algorithm_oid == theirs.signature_algorithm_oid
    lives = [each.not_valid_after_utc - each.not_valid_before_utc for each in (ours, theirs)]
    assert lives[0] == lives[1]


def test_keys_change_their_password_in_turns() -> None:
    step("crypto", "keypair", "k.pub", "k.key", "--password-file", "old")
    step("crypto", "jwk", "create", "j.pub", "j.key", "--password-file", "old")
    for name in ("k.key", "j.key"):
        change = ("crypto", "change-pass", name, "--force")
        hearth(*change, "--password-file", "old", "--new-password-file", "new")
        step(*change, "--password-file", "new", "--new-password-file", "old")
        hearth(*change, "--password-file", "old", *OPEN)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("s.crt",), 1),
        (("s.crt", "--expires-in", "25h"), 0),
        (("s.crt", "--expires-in", "0%"), 0),
        (("missing",), 2),
        (("old",), 255),
        (("s.crt", "--expires-in", "x"), 255),
        ((), 255),
    ],
)
def test_exit_codes_of_needs_renewal(args: tuple[str, ...], code: int) -> None:
    self_signed = ("--profile", "self-signed", "--subtle", *OPEN)
    hearth("certificate", "create", "s", "s.crt", "s.key", *self_signed)
    command = ("certificate", "needs-renewal", *args)
    assert main(command) == code
    theirs = subprocess.run(("step", *command), capture_output=True, check=False, timeout=30)
    assert theirs.returncode == code
