"""Commands whose output is new each time: requests signed, packages, messages, words, contexts."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from appliance.cli import trust_store
from appliance.cli.main import main
from tests.cli.record_step import copy_of_inputs

Hearth = Callable[..., str]
OPEN = ("--no-password", "--insecure")


@pytest.fixture
def hearth(
    tmp_path: Path,
    steppath: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> Hearth:
    """Run a command among the inputs; give its standard output, or all of it when it fails."""
    del steppath
    work = tmp_path / "work"
    work.mkdir()
    copy_of_inputs(work)
    monkeypatch.chdir(work)

    def run(*args: str, code: int = 0, given: bytes = b"") -> str:
        reading, writing = os.pipe()
        os.write(writing, given)
        os.close(writing)
        with os.fdopen(reading, "rb") as stream:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(stream, "utf-8"))
            status = main(args)
        out, err = capfdbinary.readouterr()
        assert status == code, (out, err)
        return (out if code == 0 else out + err).decode("utf-8", "surrogateescape")

    return run


class TestSigning:
    def sign(self, hearth: Hearth, *flags: str) -> x509.Certificate:
        text = hearth("certificate", "sign", "leaf.csr", "root.crt", "ec.key", *flags)
        return x509.load_pem_x509_certificate(text.encode())

    def test_a_leaf_has_the_names_and_the_key_of_the_request(self, hearth: Hearth) -> None:
        made = self.sign(hearth)
        request = x509.load_pem_x509_csr(Path("leaf.csr").read_bytes())
        assert made.public_key() == request.public_key()
        assert made.subject == request.subject
        names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["leaf.example.com"]
        root = x509.load_pem_x509_certificate(Path("root.crt").read_bytes())
        made.verify_directly_issued_by(root)
        assert (made.not_valid_after_utc - made.not_valid_before_utc).days == 1

    def test_an_intermediate_has_its_path_length(self, hearth: Hearth) -> None:
        made = self.sign(hearth, "--profile", "intermediate-ca")
        constraints = made.extensions.get_extension_for_class(x509.BasicConstraints).value
        assert (constraints.ca, constraints.path_length) == (True, 0)
        assert (made.not_valid_after_utc - made.not_valid_before_utc).days == 3650

    def test_a_common_name_becomes_a_name_unless_it_shall_not(self, hearth: Hearth) -> None:
        create = ("certificate", "create", "--csr", "--key", "ec.key", "--template", "t.tpl")
        Path("t.tpl").write_text('{"subject": {{ toJson .Subject }}}')
        hearth(*create, "only.example.com", "o.csr")
        for flags, named in (((), True), (("--omit-cn-san",), False)):
            text = hearth("certificate", "sign", "o.csr", "root.crt", "ec.key", *flags)
            made = x509.load_pem_x509_certificate(text.encode())
            found = [each.oid for each in made.extensions]
            assert (x509.SubjectAlternativeName.oid in found) is named

    def test_a_template_sees_what_is_set(self, hearth: Hearth) -> None:
        Path("t.tpl").write_text(
            '{"subject": {"commonName": {{ toJson .Subject.CommonName }},'
            ' "organization": {{ toJson .Insecure.User.o }}}, "sans": {{ toJson .SANs }}}'
        )
        made = self.sign(hearth, "--template", "t.tpl", "--set", "o=House")
        assert made.subject.rfc4514_string() == "CN=leaf.example.com,O=House"

    def test_the_profile_csr_changes_nothing(self, hearth: Hearth) -> None:
        made = self.sign(hearth, "--profile", "csr", "--bundle")
        names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["leaf.example.com"]
        found = [each.oid for each in made.extensions]
        assert x509.ExtendedKeyUsage.oid not in found

    @pytest.mark.parametrize(
        ("args", "says"),
        [
            (("leaf.csr", "okp.crt", "okp.key"), "not a certificate authority"),
            (("leaf.csr", "root.crt", "okp.key"), "is not that of root.crt"),
            (("message", "root.crt", "ec.key"), "error parsing message"),
            (("leaf.csr", "root.crt", "nix", "--kms", "x"), "no type of key manager"),
            (("leaf.csr", "root.crt", "ec.key", "--not-after", "never"), "invalid value 'never'"),
            (
                ("leaf.csr", "root.crt", "ec.key", "--profile", "leaf", "--template", "x"),
                "incompatible",
            ),
        ],
    )
    def test_mistakes(self, hearth: Hearth, args: tuple[str, ...], says: str) -> None:
        assert says in hearth("certificate", "sign", *args, code=1)


class TestPackages:
    @pytest.mark.parametrize("flags", [(), ("--legacy",)])
    @pytest.mark.parametrize("password", [True, False])
    def test_openssl_reads_what_is_packed(
        self, hearth: Hearth, flags: tuple[str, ...], password: bool
    ) -> None:
        lock = ("--password-file", "password") if password else OPEN
        pack = ("certificate", "p12", "o.p12", "leaf.crt", "ec.key", "--ca", "root.crt")
        hearth(*pack, *lock, *flags)
        legacy = ["-legacy"] if flags else []
        opened = subprocess.run(
            ["openssl", "pkcs12", "-in", "o.p12", "-nodes", *legacy]
            + ["-passin", "file:password" if password else "pass:"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert opened.count("BEGIN CERTIFICATE") == 2
        assert "BEGIN PRIVATE KEY" in opened
        secret = b"secret word" if password else None
        loaded = pkcs12.load_pkcs12(Path("o.p12").read_bytes(), secret)
        assert loaded.cert is not None
        assert Path("o.p12").stat().st_mode & 0o777 == 0o600

    def test_certificates_alone_are_a_store_to_trust(self, hearth: Hearth) -> None:
        hearth("certificate", "p12", "t.p12", "--ca", "root.crt", "--password-file", "password")
        loaded = pkcs12.load_pkcs12(Path("t.p12").read_bytes(), b"secret word")
        assert loaded.key is None
        assert len(loaded.additional_certs) == 1

    def test_a_foreign_key_is_refused(self, hearth: Hearth) -> None:
        said = hearth("certificate", "p12", "o.p12", "leaf.crt", "okp.key", *OPEN, code=1)
        assert "do not belong together" in said
        assert not Path("o.p12").exists()


class TestMessages:
    @pytest.mark.parametrize("kind", ["ec", "p521", "okp", "rsa"])
    @pytest.mark.parametrize("flags", [(), ("--pss",), ("--alg", "sha384")])
    def test_what_is_signed_holds(self, hearth: Hearth, kind: str, flags: tuple[str, ...]) -> None:
        made = hearth("crypto", "key", "sign", "--key", f"{kind}.key", *flags, "message").strip()
        verify = ("crypto", "key", "verify", "--key", f"{kind}.pub", *flags, "--signature", made)
        assert hearth(*verify, "message") == "true\n"
        assert "false" in hearth(*verify, "password", code=1)

    @pytest.mark.parametrize("kind", ["ec", "p384", "p521", "okp", "rsa", "oct"])
    def test_tokens_and_messages_are_verified(self, hearth: Hearth, kind: str) -> None:
        alg = {"rsa": ("--alg", "PS256"), "oct": ("--alg", "HS512")}.get(kind, ())
        public = f"{kind}.pub" if kind != "oct" else "k.jwk"
        if kind == "oct":
            create = ("crypto", "jwk", "create", "p.jwk", "k.jwk", "--kty", "oct")
            hearth(*create, "--alg", "HS512", *OPEN)
        key = f"{kind}.key" if kind != "oct" else "k.jwk"
        made = hearth("crypto", "jws", "sign", "--key", key, *alg, "message")
        verify = ("crypto", "jws", "verify", "--key", public, *alg)
        assert hearth(*verify, given=made.encode()) == "A message.\n"
        changed = made.replace(".", "x.", 1) if made[10] == "x" else made[:-6] + "AAAAA\n"
        hearth(*verify, given=changed.encode(), code=1)

    @pytest.mark.parametrize(
        ("kind", "algorithms"),
        [
            ("ec", ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW")),
            ("rsa", ("RSA1_5", "RSA-OAEP", "RSA-OAEP-256")),
            ("oct", ("A256KW", "A256GCMKW", "dir")),
        ],
    )
    def test_what_is_encrypted_opens_for_its_key_only(
        self, hearth: Hearth, kind: str, algorithms: tuple[str, ...]
    ) -> None:
        foreign = "p384.key" if kind == "ec" else "ec.key"
        for number, alg in enumerate(algorithms):
            if kind == "oct":
                use = ("--use", "enc", "--alg", alg, "--force", *OPEN)
                hearth("crypto", "jwk", "create", "p", "k.jwk", "--kty", "oct", *use)
            public, private = ("k.jwk",) * 2 if kind == "oct" else (f"{kind}.pub", f"{kind}.key")
            for enc in ("A256GCM", "A128CBC-HS256") if alg != "dir" else ("A256GCM",):
                encrypt = ("crypto", "jwe", "encrypt", "--key", public, "--alg", alg, "--enc", enc)
                sealed = hearth(*encrypt, given=b"hello\xff").encode()
                decrypt = ("crypto", "jwe", "decrypt", "--key", private)
                if number == 0:
                    compact = hearth("crypto", "jose", "format", given=sealed).encode()
                    assert compact.count(b".") == 4
                    sealed = compact
                assert hearth(*decrypt, given=sealed) == "hello\udcff"
                hearth("crypto", "jwe", "decrypt", "--key", foreign, given=sealed, code=1)

    def test_a_payload_that_is_no_json_is_told(self, hearth: Hearth) -> None:
        given = Path("ec.jws").read_bytes()
        assert "not JSON" in hearth("crypto", "jwt", "inspect", "--insecure", given=given, code=1)


class TestPasswordsAndChance:
    @pytest.mark.parametrize("method", ["bcrypt", "scrypt", "argon2i", "argon2id"])
    def test_a_password_has_its_hash(self, hearth: Hearth, method: str) -> None:
        made = hearth("crypto", "kdf", "hash", "--alg", method, given=b"word").strip()
        compare = ("crypto", "kdf", "compare", made)
        assert hearth(*compare, given=b"word") == "ok\n"
        assert "fail" in hearth(*compare, given=b"other", code=1)
        assert "--insecure" in hearth(*compare, "word", code=1)
        assert hearth(*compare, "word", "--insecure") == "ok\n"

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("x", "must begin with '$'"),
            ("$2a$10$73EPXSX148BO6fNUh6OEJee2", "not one of bcrypt"),
            ("$2a$31$73EPXSX148BO6fNUh6OEJe" + "a" * 31, "16 is the most"),
            ("$md5$x", "unsupported hash method"),
            ("$scrypt$ln=99,r=8,p=1$AAAA$AAAA", "invalid parameter 'ln=99'"),
            ("$scrypt$ln=1,r=8,p=1$AAAA$!", "not base64"),
            ("$argon2id$v=1$m=64,t=1,p=4$AAAA$AAAA", "another version"),
        ],
    )
    def test_hashes_that_cannot_be_read(self, hearth: Hearth, text: str, says: str) -> None:
        assert says in hearth("crypto", "kdf", "compare", text, given=b"x", code=1)

    def test_one_time_passwords_are_those_of_rfc_6238(self, hearth: Hearth) -> None:
        """Appendix B: the secret in base32, eight digits, at a time of its table."""
        Path("s").write_text("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n")
        verify = ("crypto", "otp", "verify", "--secret", "s", "--digits", "8", "--time")
        assert hearth(*verify, "2005-03-18T01:58:29Z", given=b"07081804\n") == "ok\n"
        assert "fail" in hearth(*verify, "2005-03-18T01:59:59Z", given=b"07081804", code=1)
        skewed = (*verify, "2005-03-18T01:58:59Z", "--skew", "1")
        assert hearth(*skewed, given=b"07081804") == "ok\n"

    def test_a_secret_with_its_uri(self, hearth: Hearth) -> None:
        generate = ("crypto", "otp", "generate", "--issuer", "My House", "--account", "a@b")
        uri = hearth(*generate, "--url", "--alg", "SHA256", "--period", "60").strip()
        assert uri.startswith("otpauth://totp/My%20House:a@b?algorithm=SHA256&digits=6&issuer=")
        Path("u").write_text(uri)
        assert "fail" in hearth("crypto", "otp", "verify", "--secret", "u", given=b"", code=1)
        assert len(hearth(*generate).strip()) == 32
        assert "draws no QR codes" in hearth(*generate, "--qr", "x.png", code=1)

    @pytest.mark.parametrize(
        ("args", "length", "letters"),
        [
            ((), 32, set(map(chr, range(33, 127)))),
            (("--format", "hex", "64"), 64, set("0123456789abcdef")),
            (("--format", "upper", "3"), 3, set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")),
            (("--format", "die"), 1, set("123456")),
            (("--format", "uuid"), 36, set("0123456789abcdef-")),
        ],
    )
    def test_random_text(
        self, hearth: Hearth, args: tuple[str, ...], length: int, letters: set[str]
    ) -> None:
        made = hearth("crypto", "rand", *args).removesuffix("\n")
        assert len(made) == length
        assert set(made) <= letters

    def test_random_words_and_primes(self, hearth: Hearth) -> None:
        Path("words").write_text("one\ntwo\n")
        words = hearth("crypto", "rand", "--dict", "words", "4").strip().split("-")
        assert len(words) == 4
        assert set(words) <= {"one", "two"}
        for bits in (2, 3, 64):
            prime = int(hearth("crypto", "rand", "--format", "prime", str(bits)))
            assert prime.bit_length() == bits
            assert all(prime % each for each in range(2, min(prime, 1000)))
        assert "greater than 0" in hearth("crypto", "rand", "0", code=1)
        assert "options are" in hearth("crypto", "rand", "--format", "x", code=1)


class TestKeys:
    @pytest.mark.parametrize("kty", ["EC", "RSA", "OKP", "oct"])
    def test_a_jwk_in_two_halves(self, hearth: Hearth, kty: str) -> None:
        alg = ("--alg", "RS256") if kty == "RSA" else ()
        hearth("crypto", "jwk", "create", "a.pub", "a.jwk", "--kty", kty, *alg, *OPEN)
        public, private = (json.loads(Path(name).read_text()) for name in ("a.pub", "a.jwk"))
        assert public.items() <= private.items()
        assert public["use"] == "sig"
        if kty != "oct":
            shown = hearth("crypto", "jwk", "thumbprint", given=Path("a.pub").read_bytes())
            assert public["kid"] == shown.strip()

    def test_a_jwk_under_a_password(self, hearth: Hearth) -> None:
        create = ("crypto", "jwk", "create", "a.pub", "a.jwk", "--password-file", "password")
        hearth(*create)
        sealed = Path("a.jwk").read_bytes()
        opened = hearth("crypto", "jwe", "decrypt", "--password-file", "password", given=sealed)
        assert json.loads(opened).items() > json.loads(Path("a.pub").read_text()).items()

    def test_openssh_keys_are_read_by_openssh_as_well(self, hearth: Hearth) -> None:
        for kind in ("ec", "okp"):
            convert = ("crypto", "key", "format", "--ssh", f"{kind}.key")
            Path("k").write_text(hearth(*convert, *OPEN))
            Path("k").chmod(0o600)
            again = hearth("crypto", "key", "public", "k")
            assert again == Path(f"{kind}.pub").read_text()
        sealed = hearth("crypto", "key", "format", "--ssh", "ec.key", "--password-file", "password")
        Path("k").write_text(sealed)
        again = hearth(
            "crypto", "key", "format", "--ssh", "k", *OPEN, "--password-file", "password"
        )
        line = hearth("crypto", "key", "format", "--ssh", "ec.pub")
        Path("k").write_text(again)
        shown = subprocess.run(["ssh-keygen", "-y", "-f", "k"], check=True, capture_output=True)
        assert shown.stdout.decode() == line

    def test_what_is_left_out_is_said(self, hearth: Hearth) -> None:
        for name in ("nacl", "winpe"):
            assert "this version" in hearth("crypto", name, "x", code=1)

    def test_a_set_keeps_what_is_not_known_of_it(self, hearth: Hearth) -> None:
        Path("s.json").write_text('{"keys": [], "note": 1}')
        hearth("crypto", "jwk", "keyset", "add", "s.json", given=Path("ec.jwk").read_bytes())
        kept = json.loads(Path("s.json").read_text())
        assert kept["note"] == 1
        assert len(kept["keys"]) == 1


class TestContexts:
    @pytest.fixture(autouse=True)
    def two(self, hearth: Hearth, steppath: Path) -> None:
        del hearth
        steppath.mkdir(exist_ok=True)
        entries = {name: {"authority": name, "profile": "mine"} for name in ("home", "Work", "zoo")}
        (steppath / "contexts.json").write_text(json.dumps(entries))
        (steppath / "current-context.json").write_text('{"context":"home"}')
        for name in ("authorities/home", "authorities/Work", "authorities/zoo", "profiles/mine"):
            (steppath / name).mkdir(parents=True)

    def test_the_current_one_comes_first(self, hearth: Hearth) -> None:
        assert hearth("context", "list") == "▶ home\nWork\nzoo\n"
        hearth("context", "select", "zoo")
        assert hearth("context", "list") == "▶ zoo\nhome\nWork\n"
        shown = hearth("context", "current", "--json")
        assert shown == '{"name":"zoo","authority":"zoo","profile":"mine"}\n'

    def test_what_others_use_stays(self, hearth: Hearth, steppath: Path) -> None:
        hearth("context", "remove", "Work", "--force")
        assert hearth("context", "list") == "▶ home\nzoo\n"
        assert not (steppath / "authorities/Work").exists()
        assert (steppath / "profiles/mine").exists()
        assert "cannot remove current" in hearth("context", "remove", "home", "-f", code=1)

    def test_nothing_outside_is_removed(self, hearth: Hearth, steppath: Path) -> None:
        entries = {"home": {"authority": "home", "profile": "mine"},
                   "bad": {"authority": "../..", "profile": "mine"}}  # fmt: skip
        (steppath / "contexts.json").write_text(json.dumps(entries))
        assert "by hand" in hearth("context", "remove", "bad", "-f", code=1)
        assert steppath.exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_every_shell(hearth: Hearth, shell: str) -> None:
    assert "_HEARTH_COMPLETE" in hearth("completion", shell)


def test_a_shell_completes_commands_and_flags() -> None:
    """Also where the line is not whole, and a flag still lacks its value."""
    program = "import sys; from appliance.cli.main import main; sys.argv[0] = 'hearth'; main()"
    for line, wanted in (
        ("hearth certificate f", {"fingerprint", "format"}),
        ("hearth ca token --pass", {"--password-file"}),
        ("hearth ca token x --ca-url", {"--ca-url"}),
    ):
        words = line.split()
        environ = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "_HEARTH_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        }
        answered = subprocess.run(
            [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True
        )
        offered = {each.split(",")[1] for each in answered.stdout.split()}
        assert wanted <= offered, answered.stderr


class TestTrust:
    @pytest.fixture(autouse=True)
    def store(
        self, hearth: Hearth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> trust_store.Store:
        """A store of this test's own, and a program that notes when it is called."""
        del hearth
        program = tmp_path / "update"
        program.write_text(f"#!/bin/sh\nls {tmp_path}/anchors > {tmp_path}/seen\n")
        program.chmod(0o755)
        made = trust_store.Store(
            directory=tmp_path / "anchors", suffix=".crt", update=(str(program),)
        )
        made.directory.mkdir()
        monkeypatch.setattr(trust_store, "STORES", (made,))
        return made

    def test_a_root_comes_and_goes(
        self, hearth: Hearth, store: trust_store.Store, tmp_path: Path
    ) -> None:
        said = hearth("certificate", "install", "root.crt")
        assert said.startswith("Certificate root.crt has been installed.\nX.509v3 Root CA")
        (file,) = store.directory.iterdir()
        root = x509.load_pem_x509_certificate(Path("root.crt").read_bytes())
        assert file.name == f"Root_{root.serial_number}.crt"
        assert file.read_text() == Path("root.crt").read_text()
        assert (tmp_path / "seen").read_text() == f"{file.name}\n"
        assert "has been removed" in hearth("certificate", "uninstall", "root.crt")
        assert (tmp_path / "seen").read_text() == ""

    def test_a_name_leads_nowhere_else(self, hearth: Hearth, store: trust_store.Store) -> None:
        hearth("certificate", "install", "root.crt", "--prefix", "../../x ")
        (file,) = store.directory.iterdir()
        assert file.name.startswith("_.._x_")

    @pytest.mark.parametrize(
        ("args", "says"),
        [
            (("leaf.crt",), "is not a root CA"),
            (("message",), "error reading message"),
            (("root.crt", "--java"), "keytool"),
        ],
    )
    def test_what_is_no_root(self, hearth: Hearth, args: tuple[str, ...], says: str) -> None:
        assert says in hearth("certificate", "install", *args, code=1)

    def test_a_system_without_a_store(self, hearth: Hearth, store: trust_store.Store) -> None:
        store.directory.rmdir()
        assert "by hand" in hearth("certificate", "install", "root.crt", code=1)

    def test_there_is_no_linter(self, hearth: Hearth) -> None:
        assert "pkilint" in hearth("certificate", "lint", "leaf.crt", code=1)
