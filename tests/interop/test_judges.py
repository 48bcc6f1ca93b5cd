"""What is issued is judged by others: OpenSSL (strictly), GnuTLS and pkilint object to nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import judges
from tests.support.appliance import Appliance


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    made = Appliance(tmp_path_factory.mktemp("judges") / "ca").start()
    yield made
    made.stop()


def ok(ca: Appliance, *arguments: str) -> None:
    ended = ca.run(*arguments)
    assert ended.returncode == 0, ended.stderr


def issued(ca: Appliance, name: str, *flags: str) -> tuple[Path, Path]:
    crt, key = ca.directory / f"{len(list(ca.directory.iterdir()))}.crt", ca.directory / "x.key"
    ok(
        ca, "ca", "certificate", name, str(crt), str(key), "--force", "--provisioner", "admin",
        "--provisioner-password-file", str(ca.password_file), *flags,
    )  # fmt: skip
    return crt, key


def judge(ca: Appliance, file: Path) -> None:
    """Let all of them judge a leaf with its chain."""
    leaf, intermediate = judges.ders(file)
    assert judges.openssl_verify(file, ca.root) == ""
    assert judges.certtool_verify(file, ca.root) == ""
    assert judges.lint_certificate(leaf) == set()
    assert judges.lint_pair(intermediate, leaf) == set()


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(("--kty", "EC"), id="P-256"),
        pytest.param(("--kty", "EC", "--curve", "P-521"), id="P-521"),
        pytest.param(("--kty", "RSA", "--size", "2048"), id="RSA"),
        pytest.param(("--kty", "OKP"), id="Ed25519"),
        pytest.param(("--san", "10.1.2.3", "--san", "jane@example.com"), id="names"),
        pytest.param(("--san", "2001:db8::1", "--san", "https://a.example/x"), id="addresses"),
        pytest.param(("--not-after", "5m"), id="short"),
    ],
)
def test_leaves(ca: Appliance, flags: tuple[str, ...]) -> None:
    judge(ca, issued(ca, "leaf.example.com", *flags)[0])


def test_what_is_renewed_and_rekeyed(ca: Appliance) -> None:
    crt, key = issued(ca, "again.example.com")
    for again in ("renew", "rekey"):
        ok(ca, "ca", again, "--force", str(crt), str(key))
        judge(ca, crt)


def test_the_authorities_themselves(ca: Appliance) -> None:
    (root,) = judges.ders(ca.root)
    (intermediate,) = judges.ders(ca.steppath / "certs/intermediate_ca.crt")
    assert judges.lint_certificate(root) == set()
    assert judges.lint_certificate(intermediate) == set()
    assert judges.lint_pair(root, intermediate) == set()


def test_the_judges_object_to_what_is_wrong(ca: Appliance, tmp_path: Path) -> None:
    """A judge that accepts everything would prove nothing."""
    crt, _ = issued(ca, "wrong.example.com")
    leaf, intermediate = judges.ders(crt)
    forged = leaf[:-1] + bytes([leaf[-1] ^ 1])
    assert judges.lint_pair(intermediate, forged) != set()
    other = tmp_path / "other.crt"
    ok(
        ca, "certificate", "create", "Other", str(other), str(tmp_path / "k"), "--profile",
        "root-ca", "--no-password", "--insecure",
    )  # fmt: skip
    assert judges.openssl_verify(crt, other) != ""
    assert judges.certtool_verify(crt, other) != ""
