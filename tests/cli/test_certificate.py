"""`certificate …` without a CA: what goes in, what comes out, and the exit codes."""

import contextlib
import json
import shutil
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509

from appliance.cli.main import main
from appliance.formats import pem

GOLDEN = Path(__file__).parent.parent / "formats" / "golden" / "inspect"
OPEN = ("--no-password", "--insecure")

Hearth = Callable[..., str]


@pytest.fixture
def hearth(
    tmp_path: Path,
    steppath: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Hearth:
    """Run a command in an empty folder; give what it printed, on both streams when it failed."""
    del steppath
    monkeypatch.chdir(tmp_path)
    (tmp_path / "password").write_text("secret word\n")

    def run(*args: str, code: int = 0) -> str:
        status = main(args)
        printed = capsys.readouterr()
        assert status == code, printed
        return printed.out if code == 0 else printed.out + printed.err

    return run


@pytest.fixture
def hierarchy(hearth: Hearth) -> None:
    """A root, an intermediate and a leaf, made by the commands under test."""
    create = ("certificate", "create", *OPEN)
    hearth(*create, "Root", "root.crt", "root.key", "--profile", "root-ca")
    by_root = ("--ca", "root.crt", "--ca-key", "root.key")
    hearth(*create, "CA", "ca.crt", "ca.key", "--profile", "intermediate-ca", *by_root)
    by_ca = ("--ca", "ca.crt", "--ca-key", "ca.key", "--bundle", "--san", "localhost")
    hearth(*create, "leaf", "leaf.crt", "leaf.key", *by_ca, "--san", "127.0.0.1")


def loaded(name: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(Path(name).read_bytes())


# ---- inspect


@pytest.mark.parametrize(
    ("flags", "suffix"),
    [((), "txt"), (("--short",), "short"), (("--format", "json"), "json")],
)
def test_inspect_shows_the_first_certificate(
    hearth: Hearth, flags: tuple[str, ...], suffix: str
) -> None:
    shown = hearth("certificate", "inspect", *flags, str(GOLDEN / "leaf-and-root.pem"))
    expected = (GOLDEN / f"leaf-and-root.{suffix}").read_text()
    assert shown == expected


def test_inspect_shows_the_bundle(hearth: Hearth) -> None:
    file = str(GOLDEN / "leaf-and-root.pem")
    shown = hearth("certificate", "inspect", "--bundle", "--format", "json", file)
    assert shown == (GOLDEN / "leaf-and-root.bundle.json").read_text()
    assert hearth("certificate", "inspect", "--bundle", file).count("Certificate:\n") == 2
    repeated = hearth("certificate", "inspect", "--bundle", "--format", "pem", file)
    assert repeated == Path(file).read_text()


@pytest.mark.parametrize(("flags", "suffix"), [((), "txt"), (("--format", "json"), "json")])
def test_inspect_shows_a_request(hearth: Hearth, flags: tuple[str, ...], suffix: str) -> None:
    shown = hearth("certificate", "inspect", str(GOLDEN / "request-ec.pem"), *flags)
    assert shown == (GOLDEN / f"request-ec.{suffix}").read_text()
    again = hearth("certificate", "inspect", str(GOLDEN / "request-ec.pem"), "--format", "pem")
    assert again == (GOLDEN / "request-ec.pem").read_text()


def test_inspect_reads_der(hearth: Hearth, tmp_path: Path) -> None:
    for name, label in (("root-ec", "CERTIFICATE"), ("request-ec", "CERTIFICATE REQUEST")):
        octets = pem.first((GOLDEN / f"{name}.pem").read_bytes(), label)
        (tmp_path / "x.der").write_bytes(octets)
        assert hearth("certificate", "inspect", "x.der") == (GOLDEN / f"{name}.txt").read_text()


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (("inspect", "missing.crt"), "open missing.crt failed: no such file"),
        (("inspect", "password"), "does not contain any valid CERTIFICATE"),
        (("inspect", "--format", "xml", "x"), "invalid value 'xml' for flag '--format'"),
        (("inspect", "--short", "--format", "json", "x"), "'--short' is incompatible"),
        (("inspect", "https://"), "error parsing URL"),
        (("inspect", "https://127.0.0.1:1"), "failed to connect: 127.0.0.1:1"),
        (("fingerprint", "--sha1", "x"), "requires the '--insecure' flag"),
        (("fingerprint", "--format", "emoji", "x"), "emoji are not supported"),
        (("fingerprint", "--format", "x", "x"), "'x' is not a valid fingerprint format"),
        (("format", "password"), "error parsing DER format"),
        (("verify", "password"), "contains no PEM certificate blocks"),
        (("verify", "--verify-crl", "x"), "open x failed: no such file"),
        (("create", "a", "b"), "missing positional argument <key-file>"),
        (("create", "a", "b", "b"), "cannot be equal"),
        (("create", "a", "b", "c", "--no-password"), "requires the '--insecure' flag"),
        (("create", "a", "b", "c"), "'--profile leaf' requires the '--ca' flag"),
        (("create", "a", "b", "c", "--ca", "x"), "requires the '--ca-key' flag"),
        (("create", "a", "b", "c", "--profile", "x"), "options are leaf, intermediate-ca"),
        (("create", "a", "b", "c", "--profile", "self-signed"), "requires the '--subtle' flag"),
        (("create", "a", "b", "c", "--profile", "root-ca", "--ca", "x"), "incompatible"),
        (("create", "a", "b", "c", "--profile", "root-ca", "--bundle"), "incompatible"),
        (("create", "a", "b", "c", "--csr", "--bundle"), "incompatible with '--csr'"),
        (("create", "a", "b", "c", "--csr", "--not-after", "1h"), "'--not-after' is incompatible"),
        (("create", "a", "b", "c", "--csr", "--profile", "root-ca"), "incompatible"),
        (("create", "a", "b", "c", "--csr", "--skip-csr-signature"), "incompatible"),
        (("create", "a", "b", "c", "--profile", "root-ca", "--not-after", "1d"), "--not-after"),
        (
            ("create", "a", "b", "c", "--profile", "root-ca", "--not-after", "-1h"),
            "already expired",
        ),
        (
            ("create", "a", "b", "c", "--csr", "--kty", "RSA", "--size", "1024"),
            "at least 2048 unless '--insecure'",
        ),
        (("create", "a", "b", "--csr", "--key", "x", "--kty", "RSA"), "incompatible with 'kty'"),
        (("create", "a", "b", "c", "--template", "x"), "open x failed: no such file"),
        (("create", "a", "b", "--csr", "--kms", "x", "--key", "y"), "no type of key manager"),
    ],
)
def test_what_is_wrong_is_said(hearth: Hearth, args: tuple[str, ...], what: str) -> None:
    assert what in hearth("certificate", *args, code=1)


# ---- create, verify


@pytest.mark.usefixtures("hierarchy")
def test_a_hierarchy_holds(hearth: Hearth) -> None:
    assert hearth("certificate", "verify", "leaf.crt", "--roots", "root.crt") == ""
    said = hearth(
        "certificate", "verify", "-v", "leaf.crt", "--roots", "root.crt", "--host", "127.0.0.1"
    )
    assert said.splitlines() == [
        "certificate validated against roots",
        "certificate host name validated",
        "certificate is valid",
    ]
    wrong = hearth(
        "certificate", "verify", "leaf.crt", "--roots", "root.crt", "--host", "x", code=1
    )
    assert "failed to verify certificate: certificate is valid for localhost, not x" in wrong
    unknown = hearth("certificate", "verify", "leaf.crt", "--roots", "leaf.key,leaf.crt")
    assert unknown == ""
    assert "unknown authority" in hearth("certificate", "verify", "leaf.crt", code=1)


@pytest.mark.usefixtures("hierarchy")
def test_roots_come_from_a_file_files_or_a_folder(hearth: Hearth) -> None:
    roots = Path("roots")
    roots.mkdir()
    shutil.copy("root.crt", roots)
    shutil.copy("root.key", roots)
    for given in ("roots", "root.key, root.crt"):
        hearth("certificate", "verify", "leaf.crt", "--roots", given)
    assert "no certificate found" in hearth(
        "certificate", "verify", "leaf.crt", "--roots", "root.key", code=1
    )


@pytest.mark.usefixtures("hierarchy")
def test_files_are_private_and_not_overwritten(hearth: Hearth) -> None:
    assert Path("leaf.key").stat().st_mode & 0o777 == 0o600
    before = Path("root.key").read_bytes()
    create = ("certificate", "create", *OPEN, "Root", "root.crt", "root.key")
    assert "root.crt" in hearth(*create, "--profile", "root-ca", code=1)  # nobody to ask
    assert Path("root.key").read_bytes() == before
    hearth(*create, "--profile", "root-ca", "--force")
    assert Path("root.key").read_bytes() != before


@pytest.mark.parametrize(
    ("profile", "days", "authority"),
    [("root-ca", 3650, 1), ("intermediate-ca", 3650, 0), ("leaf", 1, None)],
)
@pytest.mark.usefixtures("hierarchy")
def test_profiles(profile: str, days: int, authority: int | None) -> None:
    name = {"root-ca": "root.crt", "intermediate-ca": "ca.crt", "leaf": "leaf.crt"}[profile]
    made = loaded(name)[0]
    assert (made.not_valid_after_utc - made.not_valid_before_utc).days == days
    if authority is None:
        with pytest.raises(x509.ExtensionNotFound):
            made.extensions.get_extension_for_class(x509.BasicConstraints)
    else:
        constraints = made.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.value == x509.BasicConstraints(ca=True, path_length=authority)


@pytest.mark.parametrize("kind", [("RSA",), ("OKP",), ("EC", "--crv", "P-384")])
def test_kinds_of_keys(hearth: Hearth, kind: tuple[str, ...]) -> None:
    create = ("certificate", "create", *OPEN, "--force", "--kty", *kind)
    hearth(*create, "Root", "root.crt", "root.key", "--profile", "root-ca")
    by_root = ("--ca", "root.crt", "--ca-key", "root.key")
    hearth(*create, "leaf", "leaf.crt", "leaf.key", *by_root, "--not-after", "1h")
    hearth("certificate", "verify", "leaf.crt", "--roots", "root.crt", "--host", "leaf")
    usage = loaded("leaf.crt")[0].extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_encipherment == (kind == ("RSA",))


def test_a_self_signed_leaf(hearth: Hearth) -> None:
    create = ("certificate", "create", *OPEN, "--profile", "self-signed", "--subtle")
    hearth(*create, "localhost", "self.crt", "self.key", "--not-before", "-1h", "--not-after", "1h")
    hearth("certificate", "verify", "self.crt", "--roots", "self.crt", "--host", "localhost")
    made = loaded("self.crt")[0]
    assert (made.not_valid_after_utc - made.not_valid_before_utc).total_seconds() == 7200


def test_keys_are_encrypted_with_the_password_of_a_file(hearth: Hearth) -> None:
    create = ("certificate", "create", "--password-file", "password")
    hearth(*create, "Root", "root.crt", "root.key", "--profile", "root-ca")
    assert b"Proc-Type: 4,ENCRYPTED" in Path("root.key").read_bytes()
    by_root = ("--ca", "root.crt", "--ca-key", "root.key")
    hearth(*create, "leaf", "l.crt", "l.key", *by_root, "--ca-password-file", "password")
    Path("empty").write_text("\n")
    said = hearth(*create[:2], "x", "x.crt", "x.key", "--csr", "--password-file", "empty", code=1)
    assert "holds no password" in said
    assert not Path("x.key").exists()


def test_a_request_with_a_new_or_a_given_key(hearth: Hearth) -> None:
    create = ("certificate", "create", "--csr", *OPEN)
    hearth(*create, "foo.example.com", "foo.csr", "foo.key", "--san", "a", "--san", "10.0.0.1")
    request = x509.load_pem_x509_csr(Path("foo.csr").read_bytes())
    assert request.is_signature_valid
    sans = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sans.get_values_for_type(x509.DNSName) == ["a"]
    hearth(*create, "foo.example.com", "bar.csr", "--key", "foo.key")
    again = x509.load_pem_x509_csr(Path("bar.csr").read_bytes())
    assert again.public_key() == request.public_key()


@pytest.mark.usefixtures("hierarchy")
def test_a_certificate_for_a_public_key(hearth: Hearth) -> None:
    hearth("crypto", "keypair", "k.pub", "k.key", *OPEN)
    create = ("certificate", "create", *OPEN, "pub", "pub.crt", "--key", "k.pub")
    by_ca = ("--ca", "ca.crt", "--ca-key", "ca.key")
    assert "--skip-csr-signature" in hearth(*create, *by_ca, code=1)
    hearth(*create, *by_ca, "--skip-csr-signature")
    hearth("certificate", "verify", "pub.crt", "--roots", "ca.crt")
    itself = (*create, "--skip-csr-signature", "--profile", "root-ca", "--force")
    assert "needs a private key" in hearth(*itself, code=1)


@pytest.mark.usefixtures("hierarchy")
def test_a_key_of_another_ca_is_refused(hearth: Hearth) -> None:
    create = ("certificate", "create", *OPEN, "x", "x.crt", "x.key")
    assert "is not that of ca.crt" in hearth(
        *create, "--ca", "ca.crt", "--ca-key", "root.key", code=1
    )
    assert "more than one" in hearth(*create, "--ca", "leaf.crt", "--ca-key", "ca.key", code=1)
    assert not Path("x.key").exists()


# ---- fingerprint, format


def test_fingerprints(hearth: Hearth) -> None:
    file = str(GOLDEN / "leaf-and-root.pem")
    expected = json.loads((GOLDEN / "leaf-and-root.bundle.json").read_text())
    prints = [each["fingerprint_sha256"] for each in expected]
    fingerprint = ("certificate", "fingerprint", file)
    assert hearth(*fingerprint) == f"{prints[0]}\n"
    assert hearth(*fingerprint, "--bundle") == f"0: {prints[0]}\n1: {prints[1]}\n"
    assert hearth(*fingerprint, "--sha1", "--insecure") == f"{expected[0]['fingerprint_sha1']}\n"
    raw = hearth(*fingerprint, "--format", "base64-url-raw").strip()
    assert len(raw) == 43
    assert (
        hearth(*fingerprint, "--format", "BASE64")
        .strip()
        .rstrip("=")
        .replace("+", "-")
        .replace("/", "_")
        == raw
    )
    assert len(hearth("certificate", "fingerprint", str(GOLDEN / "request-ec.pem")).strip()) == 64


@pytest.mark.parametrize("name", ["root-ec", "request-ec"])
def test_format_goes_both_ways(hearth: Hearth, name: str) -> None:
    source = GOLDEN / f"{name}.pem"
    hearth("certificate", "format", str(source), "--out", "x.der")
    assert Path("x.der").read_bytes() == pem.blocks(source.read_bytes())[0].der
    assert hearth("certificate", "format", "x.der") == source.read_text()


# ---- needs-renewal


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("fresh.crt",), 1),
        (("old.crt",), 0),
        (("old.crt", "--expires-in", "99%"), 1),
        (("fresh.crt", "--expires-in", "0%"), 0),
        (("fresh.crt", "--expires-in", "25h"), 0),
        (("fresh.crt", "--expires-in", "1h"), 1),
        (("fresh.crt", "--expires-in", "0s"), 1),
        (("missing.crt",), 2),
        (("password",), 255),
        (("fresh.crt", "--expires-in", "101%"), 255),
        (("fresh.crt", "--expires-in", "x%"), 255),
        (("fresh.crt", "--expires-in", "soon"), 255),
        (("https://127.0.0.1:1",), 255),
        ((), 255),
        (("fresh.crt", "--what"), 255),
        (("both.crt",), 1),
        (("both.crt", "--bundle"), 0),
    ],
)
def test_needs_renewal_answers_by_its_exit_code(
    hearth: Hearth, args: tuple[str, ...], code: int
) -> None:
    create = ("certificate", "create", *OPEN, "--profile", "self-signed", "--subtle", "x")
    hearth(*create, "fresh.crt", "fresh.key")
    hearth(*create, "old.crt", "old.key", "--not-before", "-70h", "--not-after", "30h")
    Path("both.crt").write_bytes(Path("fresh.crt").read_bytes() + Path("old.crt").read_bytes())
    said = hearth("certificate", "needs-renewal", *args, code=code)
    assert bool(said) == (code in (2, 255))
    if code < 2:
        words = hearth("certificate", "needs-renewal", "-v", *args, code=code)
        assert words == f"certificate {'needs' if code == 0 else 'does not need'} renewal\n"


# ---- servers


@contextlib.contextmanager
def server(certificate: str, key: str) -> Iterator[int]:
    """Accept TLS connections on a free port until told to stop."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.settimeout(5)
                with (
                    contextlib.suppress(OSError),
                    context.wrap_socket(connection, server_side=True) as tls,
                ):
                    tls.recv(1)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


@pytest.mark.usefixtures("hierarchy")
def test_a_server_shows_its_chain(hearth: Hearth) -> None:
    with server("leaf.crt", "leaf.key") as port:
        url, roots = f"https://localhost:{port}/path", ("--roots", "root.crt")
        shown = hearth("certificate", "inspect", "--bundle", "--format", "pem", url, *roots)
        assert shown == Path("leaf.crt").read_text()
        lone = hearth(
            "certificate", "inspect", "--format", "pem", f"TLS://127.0.0.1:{port}", *roots
        )
        assert Path("leaf.crt").read_text().startswith(lone)
        hearth("certificate", "verify", url, *roots)
        hearth("certificate", "needs-renewal", url, *roots, code=1)
        assert len(hearth("certificate", "fingerprint", url, *roots)) == 65
        named = hearth("certificate", "inspect", url, *roots, "--servername", "other", code=1)
        assert "not trusted" in named
        assert "not trusted" in hearth("certificate", "inspect", url, code=1)
        assert "Certificate:" in hearth("certificate", "inspect", url, "--insecure")
