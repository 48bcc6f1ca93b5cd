"""The client's commands, through the same list against our own CA and against step-ca."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509

from appliance.cli.main import main
from appliance.client.csr import KeyKind, generate_key, signing_request
from appliance.formats import jwt, keyfile, pem
from appliance.model.secret import Password
from tests.support import stepca
from tests.support.online import PASSWORD, jwk_provisioner, online
from tests.support.terminal import on_terminal
from tests.support.web import Pki

HEARTH = [sys.executable, "-c", "import sys; from appliance.cli.main import main; sys.exit(main())"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ca:
    """A CA to talk to: provisioners jane (JWK) and one of another type, acme or none."""

    url: str
    fingerprint: str


@pytest.fixture(
    scope="module", params=["ours", pytest.param("step-ca", marks=pytest.mark.reference)]
)
def ca(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ca]:
    if request.param == "ours":
        with online(jwk_provisioner(), {"type": "ACME", "name": "acme"}) as ours:
            yield Ca(url=ours.url, fingerprint=ours.fingerprint)
        return
    folder = tmp_path_factory.mktemp("reference")
    (folder / "pw").write_text(PASSWORD)
    environ = os.environ | {"STEPPATH": str(folder), "HOME": str(folder)}
    flags = "--deployment-type standalone --name Test --dns localhost --dns 127.0.0.1 --acme"
    given = "--address 127.0.0.1:0 --provisioner jane --password-file pw"
    command = ["step", "ca", "init", *flags.split(), *given.split()]
    subprocess.run(command, env=environ, cwd=folder, check=True, capture_output=True)
    config = json.loads((folder / "config/ca.json").read_text())
    root = pem.certificates((folder / "certs/root_ca.crt").read_bytes())[0]
    with stepca.serving(folder / "run", config, password=PASSWORD) as reference:
        fingerprint = hashlib.sha256(root).hexdigest()
        yield Ca(url=f"https://127.0.0.1:{reference.port}", fingerprint=fingerprint)


class Client:
    """A bootstrapped person in a folder."""

    def __init__(self, ca: Ca, capfd: pytest.CaptureFixture[str]) -> None:
        self.ca, self.capfd = ca, capfd
        self.out = self.err = ""

    def run(self, *args: str, code: int = 0) -> str:
        """Run a command; give its standard output, and keep what it told."""
        status = main(["ca", *args])
        self.out, self.err = self.capfd.readouterr()
        assert status == code, self.err
        return self.out

    def refused(self, *args: str) -> str:
        """Run a command that must fail; give what it told."""
        assert self.run(*args, code=1) == ""
        return self.err

    def token(self, subject: str, *args: str) -> str:
        """Make a token without being asked."""
        return self.run("token", subject, *args, *JANE).strip()


JANE = ("--provisioner", "jane", "--provisioner-password-file", "pw")


@pytest.fixture
def client(
    ca: Ca,
    steppath: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Client:
    monkeypatch.chdir(tmp_path)
    Path("pw").write_text(PASSWORD + "\n")
    made = Client(ca, capfd)
    made.run("bootstrap", "--ca-url", ca.url, "--fingerprint", ca.fingerprint)
    return made


def _leaf(name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificates(Path(name).read_bytes())[0]


def _names(name: str) -> set[str]:
    extension = _leaf(name).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return {str(general.value) for general in extension.value}


def _mode(name: str | Path) -> int:
    return Path(name).stat().st_mode & 0o777


class TestTrust:
    def test_bootstrap_leaves_what_step_leaves(self, client: Client, steppath: Path) -> None:
        root, defaults = steppath / "certs/root_ca.crt", steppath / "config/defaults.json"
        assert client.err.splitlines() == [
            f"The root certificate has been saved in {root}.",
            f"The authority configuration has been saved in {defaults}.",
        ]
        assert json.loads(defaults.read_text()) == {
            "ca-url": client.ca.url,
            "fingerprint": client.ca.fingerprint,
            "root": str(root),
        }
        assert (_mode(root), _mode(defaults), _mode(steppath)) == (0o600, 0o644, 0o700)

    def test_a_wrong_fingerprint_changes_nothing(self, client: Client, steppath: Path) -> None:
        before = (steppath / "config/defaults.json").read_text()
        url = client.ca.url
        said = client.refused("bootstrap", "-f", "--ca-url", url, "--fingerprint", "0" * 64)
        assert "was not found" in said
        assert (steppath / "config/defaults.json").read_text() == before

    def test_contexts_keep_several_cas_apart(self, client: Client, steppath: Path) -> None:
        given = ("--ca-url", client.ca.url, "--fingerprint", client.ca.fingerprint)
        client.run("bootstrap", *given, "--context", "home", "--redirect-url", "https://x/")
        assert client.err.splitlines()[2].endswith("profiles/home/config/defaults.json.")
        client.run("bootstrap", *given, "--authority", "work", "--profile", "mina", "-f")
        assert json.loads((steppath / "contexts.json").read_text()) == {
            "home": {"profile": "home", "authority": "home"},
            "work": {"profile": "mina", "authority": "work"},
        }
        assert json.loads((steppath / "current-context.json").read_text()) == {"context": "work"}
        assert (steppath / "profiles/mina/config/defaults.json").read_text() == "{}"
        assert client.run("health") == client.run("health", "--context", "home") == "ok\n"
        assert "no context 'other'" in client.refused("health", "--context", "other")

    def test_health_roots_and_federation(self, client: Client) -> None:
        assert client.run("health") == "ok\n"
        root = client.run("root")
        assert client.run("roots") == client.run("federation") == root
        client.run("roots", "roots.pem")
        assert client.err == "The root certificate bundle has been saved in roots.pem.\n"
        client.run("federation", "fed.pem")
        assert client.err == "The federation certificate bundle has been saved in fed.pem.\n"
        client.run("root", "root.pem")
        assert client.err == "The root certificate has been saved in root.pem.\n"
        assert Path("root.pem").read_text() == Path("roots.pem").read_text() == root
        assert _mode("root.pem") == 0o600

    def test_provisioners(self, client: Client) -> None:
        entries = json.loads(client.run("provisioner", "list"))
        assert [(entry["type"], entry["name"]) for entry in entries] == [
            ("JWK", "jane"),
            ("ACME", "acme"),
        ]


class TestIssuing:
    def test_a_certificate_with_its_key(self, client: Client) -> None:
        client.run("certificate", "web.example.com", "web.crt", "web.key", *JANE)
        kid = json.loads(client.run("provisioner", "list"))[0]["key"]["kid"]
        client.run("certificate", "-f", "web.example.com", "web.crt", "web.key", *JANE)
        assert client.err.splitlines() == [
            f"✔ Provisioner: jane (JWK) [kid: {kid}]",
            f"✔ CA: {client.ca.url}",
            "✔ Certificate: web.crt",
            "✔ Private Key: web.key",
        ]
        assert _names("web.crt") == {"web.example.com"}
        assert len(pem.certificates(Path("web.crt").read_bytes())) == 2
        key = keyfile.load_private_key(Path("web.key").read_bytes(), None)
        assert key.public_key() == _leaf("web.crt").public_key()
        assert (_mode("web.crt"), _mode("web.key")) == (0o600, 0o600)

    @pytest.mark.parametrize(
        ("flags", "label"),
        [
            (("--kty", "RSA", "--size", "2048"), "RSA PRIVATE KEY"),
            (("--kty", "OKP", "--curve", "Ed25519"), "PRIVATE KEY"),
            (("--kty", "EC", "--crv", "P-384"), "EC PRIVATE KEY"),
        ],
    )
    def test_every_kind_of_key(self, client: Client, flags: tuple[str, ...], label: str) -> None:
        client.run("certificate", "a.example.com", "a.crt", "a.key", *flags, *JANE)
        assert Path("a.key").read_text().startswith(f"-----BEGIN {label}-----")
        client.run("renew", "-f", "a.crt", "a.key")
        client.run("renew", "-f", "--mtls=false", "a.crt", "a.key")

    def test_names_and_times_of_a_certificate(self, client: Client) -> None:
        names = ("db.example.com", "10.0.0.7", "2001:db8::7", "a@example.com", "spiffe://x/db")
        sans = [part for name in names for part in ("--san", name)]
        times = ("--not-before", "10m", "--not-after", "30m")
        client.run("certificate", "db.example.com", "a.crt", "a.key", *sans, *times, *JANE)
        leaf = _leaf("a.crt")
        assert _names("a.crt") == set(names)
        assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).total_seconds() == 1800

    def test_a_token_gets_one_certificate(self, client: Client) -> None:
        token = client.token("web.example.com", "--san", "w.example.com")
        claims = jwt.split(token).claims
        assert claims["sans"] == ["w.example.com"]
        assert claims["sha"] == client.ca.fingerprint
        args = ("--token", token, "web.example.com", "a.crt", "a.key")
        client.run("certificate", *args)
        assert client.err.splitlines()[0] == f"✔ CA: {client.ca.url}"
        assert _names("a.crt") == {"w.example.com"}
        said = client.refused("certificate", "-f", *args)
        assert "(request id " in said
        assert "do not match" in client.refused(
            "certificate", "-f", "--token", token, "other", "a.crt", "a.key"
        )

    def test_a_token_needs_no_configuration(
        self, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        token = client.token("web.example.com")
        monkeypatch.setenv("STEPPATH", str(tmp_path / "other"))
        client.run("certificate", "--token", token, "web.example.com", "a.crt", "a.key")
        assert "requires the '--ca-url' flag" in client.refused("health")
        said = client.refused("certificate", "x", "x.crt", "x.key")
        assert "flag '--ca-url' is required unless the '--token' flag is provided" in said

    def test_a_signing_request(self, client: Client) -> None:
        key = generate_key(KeyKind(kty="EC", curve="P-256"))
        der = signing_request(key, "b.example.com", ["b.example.com", "10.0.0.1"])
        Path("b.csr").write_text(pem.encode("CERTIFICATE REQUEST", der))
        client.run("sign", "b.csr", "b.crt", *JANE)
        assert client.err.splitlines()[-1] == "✔ Certificate: b.crt"
        assert _leaf("b.crt").public_key() == key.public_key()
        assert _names("b.crt") == {"b.example.com", "10.0.0.1"}
        token = client.token("b.example.com", "--cnf-file", "b.csr", "--san", "b.example.com")
        said = client.refused("sign", "-f", "--token", token, "b.csr", "b.crt")
        assert "10.0.0.1" in said
        assert "do not match" in client.refused(
            "sign", "-f", "--token", client.token("x"), "b.csr", "b.crt"
        )

    def test_a_token_bound_to_another_request_is_refused(self, client: Client) -> None:
        key = generate_key(KeyKind(kty="OKP"))
        der = signing_request(key, "b.example.com", ["b.example.com"])
        Path("b.csr").write_text(pem.encode("CERTIFICATE REQUEST", der))
        token = client.token("b.example.com", "--cnf", "AAAA")
        client.refused("sign", "--token", token, "b.csr", "b.crt")
        assert not Path("b.crt").exists()

    def test_what_the_ca_does_not_allow_is_told_in_its_words(self, client: Client) -> None:
        said = client.refused(
            "certificate", "a.example.com", "a.crt", "a.key", "--not-after", "48h", *JANE
        )
        assert "48h1m0s" in said
        assert not Path("a.crt").exists()
        assert not Path("a.key").exists()

    @pytest.mark.parametrize(
        ("args", "says"),
        [
            (("--provisioner", "nobody"), "'nobody' for flag '--provisioner'; the CA has: jane"),
            (("--provisioner", "jane", "--password-file", "wrong"), "password does not decrypt"),
            (("--provisioner", "jane", "--password-file", "none"), "open none failed: no such"),
            (("--not-after", "1x"), "invalid value '1x' for flag '--not-after'"),
            (("--offline",), "there is no such file"),
            (("--offline", "--token", "abc"), "'--offline' is incompatible with '--token'"),
            (("--acme", "http://x"), "ACME is spoken over https only"),
            (("--acme", "https://x", "--offline"), "offline mode and ACME are mutually exclusive"),
            (("--acme", "https://x", "--standalone", "--webroot", "w"), "mutually exclusive"),
            (("--acme", "https://x", "--http-listen", "80"), "write it as host:port or :port"),
            (("--acme", "https://x", "--eab-key-id", "k"), "requires the '--eab-key' flag"),
            (("--acme", "https://x", "--set", "a=b"), "'--set' is incompatible with ACME"),
            (("--acme", "https://x", "--san", "a@b"), "are not supported for ACME flow"),
            (("--acme", "https://x", "--san", "*.a.example.com"), "validated by DNS alone"),
            (("--attestation-uri", "x"), "'--attestation-uri' is refused"),
        ],
    )
    def test_mistakes_leave_no_file(self, client: Client, args: tuple[str, ...], says: str) -> None:
        Path("wrong").write_text("wrong")
        assert says in client.refused("certificate", "a.example.com", "a.crt", "a.key", *args)
        assert not Path("a.crt").exists()
        assert not Path("a.key").exists()


class TestTokens:
    def test_a_token_goes_to_a_file(self, client: Client) -> None:
        client.run("token", "a.example.com", "--output-file", "t", *JANE)
        assert jwt.split(Path("t").read_text()).claims["sub"] == "a.example.com"
        assert _mode("t") == 0o600

    def test_data_for_templates_is_json_where_it_can_be(self, client: Client) -> None:
        Path("set.json").write_text('{"a": [1], "b": "c"}')
        args = ("--set", "b=2", "--set", "d=e=f", "--set-file", "set.json")
        claims = jwt.split(client.token("a.example.com", *args)).claims
        assert claims["user"] == {"a": [1], "b": 2, "d": "e=f"}
        assert "write it as key=value" in client.refused("token", "a", "--set", "x", *JANE)

    def test_a_token_made_offline_is_accepted(self, client: Client) -> None:
        """With the provisioner's key at hand, the CA is not asked."""
        private = Path("jane.jwe")
        entry = json.loads(client.run("provisioner", "list"))[0]
        private.write_text(entry["encryptedKey"])
        kid = entry["key"]["kid"]
        args = ("--offline", "--key", "jane.jwe", "--kid", kid, *JANE)
        token = client.run("token", "a.example.com", *args).strip()
        client.run("certificate", "--token", token, "a.example.com", "a.crt", "a.key")
        said = client.refused("token", "a", "--offline")
        assert "'--offline' requires the '--provisioner' flag" in said

    def test_a_token_of_ca_json_alone(self, client: Client, steppath: Path) -> None:
        entry = json.loads(client.run("provisioner", "list"))[0]
        config = {
            "root": str(steppath / "certs/root_ca.crt"),
            "dnsNames": ["127.0.0.1"],
            "authority": {"provisioners": [entry]},
        }
        (steppath / "config/ca.json").write_text(json.dumps(config))
        token = client.run("token", "a.example.com", "--offline", *JANE).strip()
        assert jwt.split(token).claims["aud"] == "https://127.0.0.1/sign"
        args = ("--token", token, "a.example.com", "a.crt", "a.key")
        client.run("certificate", "--ca-url", client.ca.url, *args)
        (steppath / "config/ca.json").write_text("{}")
        assert "config/ca.json" in client.refused("token", "a", "--offline", *JANE)

    @pytest.mark.parametrize(
        ("args", "says"),
        [
            (("--revoke", "--san", "a"), "'--san' is incompatible with '--revoke'"),
            (("--cnf", "a", "--cnf-file", "b"), "incompatible with '--cnf'"),
            (("--not-after", "2h"), "too long"),
            (("--ssh", "--san", "a"), "'--ssh' is incompatible with '--san'"),
            (("--host",), "'--host' requires the '--ssh' flag"),
            (("--principal", "a"), "'--principal' requires the '--ssh' flag"),
            (("--ssh", "--cert-not-after", "x"), "flag '--cert-not-after'"),
            (("--renew",), "requires the '--x5c-cert' flag"),
            (("--offline", "--set", "a=b"), "'--offline' is incompatible with '--set'"),
        ],
    )
    def test_what_does_not_go_together_is_refused(
        self, client: Client, args: tuple[str, ...], says: str
    ) -> None:
        assert says in client.refused("token", "a.example.com", *args, *JANE)


class TestRenewing:
    @pytest.fixture(autouse=True)
    def certificate(self, client: Client) -> None:
        client.run("certificate", "web.example.com", "web.crt", "web.key", *JANE)

    @pytest.mark.parametrize("flags", [(), ("--mtls=false",)])
    def test_a_renewed_certificate_has_the_same_names_and_key(
        self, client: Client, flags: tuple[str, ...]
    ) -> None:
        before = _leaf("web.crt")
        client.run("renew", "--force", *flags, "web.crt", "web.key")
        assert client.err == "Your certificate has been saved in web.crt.\n"
        after = _leaf("web.crt")
        assert after.serial_number != before.serial_number
        assert after.subject == before.subject
        assert after.public_key() == before.public_key()

    def test_out_leaves_the_old_file(self, client: Client) -> None:
        before = Path("web.crt").read_bytes()
        client.run("renew", "--out", "new.crt", "web.crt", "web.key")
        assert Path("web.crt").read_bytes() == before
        assert _leaf("new.crt").subject == _leaf("web.crt").subject

    def test_it_is_too_early(self, client: Client) -> None:
        before = Path("web.crt").read_bytes()
        client.run("renew", "--force", "--expires-in", "8h", "web.crt", "web.key")
        assert re.fullmatch(
            r"certificate not renewed: expires in (24h0m0s|23h59m5\ds)\n", client.err
        )
        assert Path("web.crt").read_bytes() == before

    def test_a_token_renews_it(self, client: Client) -> None:
        args = ("--renew", "--x5c-cert", "web.crt", "--x5c-key", "web.key")
        token = jwt.split(client.run("token", "web.example.com", *args).strip())
        assert token.claims["aud"] == f"{client.ca.url}/1.0/renew"
        assert "common name of the certificate" in client.refused("token", "x", *args)

    def test_a_command_and_a_signal_follow(self, client: Client) -> None:
        caught = []
        before = signal.signal(signal.SIGUSR1, lambda number, frame: caught.append(number))
        try:
            Path("pid").write_text(f"{os.getpid()}\n")
            number = str(int(signal.SIGUSR1))
            follow = ("--pid-file", "pid", "--signal", number, "--exec", "echo 'two words'")
            assert client.run("renew", "-f", "web.crt", "web.key", *follow) == "two words\n"
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert caught == [signal.SIGUSR1]
        said = client.refused("renew", "-f", "web.crt", "web.key", "--exec", "false")
        assert "exec false failed: exit status 1" in said

    @pytest.mark.parametrize(
        ("args", "says"),
        [
            (("--expires-in", "25h"), "must be lower than the certificate's validity period"),
            (("--daemon", "--renew-period", "25h"), "must be lower"),
            (("--renew-period", "1h"), "requires the '--daemon' flag"),
            (("--expires-in", "1h", "--renew-period", "1h"), "is incompatible"),
            (("--expires-in", "soon"), "invalid value 'soon'"),
            (("--expires-in", "-1h"), "it is negative"),
            (("--pid", "0"), "invalid value '0' for flag '--pid'"),
            (("--pid", "1", "--pid-file", "x"), "mutually exclusive"),
            (("--pid-file", "web.crt"), "does not hold a process id"),
            (("--pid-file", "none"), "open none failed"),
            (("--signal", "0"), "invalid value '0' for flag '--signal'"),
            (("--exec", "a 'b"), "cannot be taken apart"),
            (("--mtls=perhaps",), "write true or false"),
            (("--offline",), "there is no such file"),
            (("--offline", "--daemon"), "'--daemon' is incompatible with '--offline'"),
        ],
    )
    def test_mistakes_are_told_before_anything_is_done(
        self, client: Client, args: tuple[str, ...], says: str
    ) -> None:
        before = Path("web.crt").read_bytes()
        assert says in client.refused("renew", "-f", "web.crt", "web.key", *args)
        assert Path("web.crt").read_bytes() == before

    def test_an_encrypted_key_opens_with_its_password(self, client: Client) -> None:
        key = keyfile.load_private_key(Path("web.key").read_bytes(), None)
        locked = keyfile.dump_private_key(
            key, Password(b"locked"), entropy=os.urandom(keyfile.ENTROPY)
        )
        Path("web.key").write_bytes(locked)
        Path("right").write_text("locked\n")
        client.run("renew", "-f", "web.crt", "web.key", "--password-file", "right")
        said = client.refused("renew", "-f", "web.crt", "web.key", "--password-file", "pw")
        assert "error reading web.key: the password does not decrypt" in said

    def test_a_certificate_of_another_ca_is_not_renewed(self, client: Client) -> None:
        foreign = Pki.generate()
        leaf = foreign.intermediate.issue("web.example.com")
        Path("f.crt").write_text(leaf.pem + foreign.intermediate.pem)
        Path("f.key").write_text(leaf.key_pem)
        said = client.refused("renew", "-f", "f.crt", "f.key")
        assert "the server ended the TLS handshake: unknown ca" in said
        client.refused("renew", "-f", "--mtls=false", "f.crt", "f.key")

    def test_a_key_of_another_certificate_is_refused(self, client: Client) -> None:
        client.run("certificate", "b.example.com", "b.crt", "b.key", *JANE)
        assert "do not belong together" in client.refused("renew", "-f", "web.crt", "b.key")

    def test_a_revoked_certificate_is_not_renewed(self, client: Client) -> None:
        client.run("revoke", "--cert", "web.crt", "--key", "web.key")
        serial = _leaf("web.crt").serial_number
        assert client.err.splitlines() == [
            f"✔ CA: {client.ca.url}",
            f"Certificate with Serial Number {serial} has been revoked.",
        ]
        for flags in ((), ("--mtls=false",)):
            assert "(request id " in client.refused("renew", "-f", *flags, "web.crt", "web.key")
        said = client.refused("revoke", "--cert", "web.crt", "--key", "web.key")
        assert "already revoked" in said

    @pytest.mark.parametrize("form", ["{:d}", "{:#x}", "{:#o}"])
    def test_a_token_revokes_by_serial_number(self, client: Client, form: str) -> None:
        serial = _leaf("web.crt").serial_number
        token = client.token(str(serial), "--revoke")
        reason = ("--reason", "lost", "--reasonCode", "key Compromise")
        client.run("revoke", form.format(serial), "--token", token, *reason)
        assert f"Number {serial} has been revoked" in client.err
        client.refused("renew", "-f", "web.crt", "web.key")

    @pytest.mark.parametrize(
        ("args", "says"),
        [
            (("zz",), "not a valid serial number"),
            ((), "missing <serial-number>"),
            (("5", "--reasonCode", "11"), "out of bounds"),
            (("5", "--reasonCode", "boredom"), "unrecognized revocation reason code"),
            (("5", "--cert", "web.crt", "--key", "web.key"), "no serial number is expected"),
            (("--cert", "web.crt"), "'--cert' requires the '--key' flag"),
            (("--key", "web.key"), "'--key' requires the '--cert' flag"),
            (("5", "--token", "abc"), "error parsing flag '--token'"),
            (("5", "--offline"), "there is no such file"),
        ],
    )
    def test_what_cannot_be_revoked_is_told(
        self, client: Client, args: tuple[str, ...], says: str
    ) -> None:
        assert says in client.refused("revoke", *args)

    def test_the_daemon_renews_on_sighup_and_ends_on_sigterm(self, client: Client) -> None:
        before = _leaf("web.crt").serial_number
        command = [*HEARTH, "ca", "renew", "--daemon", "web.crt", "web.key", "--exec", "echo ran"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
            assert daemon.stdout is not None
            try:
                first = daemon.stdout.readline()
                stamp = r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d"
                assert re.fullmatch(rf"INFO: {stamp} first renewal in 1[456]h\d+m\d+s\n", first)
                daemon.send_signal(signal.SIGHUP)
                second = daemon.stdout.readline()
                renewed = "web.example.com certificate renewed, next in"
                assert re.fullmatch(rf"INFO: {stamp} {renewed} 1[456]h\d+m\d+s\n", second)
                assert daemon.stdout.readline() == "ran\n"
                daemon.send_signal(signal.SIGTERM)
                assert daemon.wait(10) == 0
            finally:
                daemon.kill()
        assert _leaf("web.crt").serial_number != before

    def test_a_signal_right_after_the_first_line_is_not_lost(self, client: Client) -> None:
        """Whoever reads that line may signal at once; the default action would end the daemon."""
        slow = (
            "import sys, time; from appliance.cli import main, renewing; log = renewing._log\n"
            "def told(level, text): log(level, text); time.sleep(0.3)\n"
            "renewing._log = told; sys.exit(main.main())"
        )
        command = [sys.executable, "-c", slow, "ca", "renew", "--daemon", "web.crt", "web.key"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
            assert daemon.stdout is not None
            try:
                assert "first renewal in" in daemon.stdout.readline()
                daemon.send_signal(signal.SIGHUP)
                assert "certificate renewed, next in" in daemon.stdout.readline()
                daemon.send_signal(signal.SIGTERM)
                assert daemon.wait(10) == 0
            finally:
                daemon.kill()

    def test_the_daemon_tells_a_failure_and_goes_on(self, client: Client) -> None:
        command = [*HEARTH, "ca", "renew", "--daemon", "--ca-url", "127.0.0.1:1"]
        before = Path("web.crt").read_bytes()
        with subprocess.Popen(
            [*command, "web.crt", "web.key"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as daemon:
            assert daemon.stdout is not None
            assert daemon.stderr is not None
            try:
                daemon.stdout.readline()
                daemon.send_signal(signal.SIGHUP)
                said = daemon.stderr.readline()
                assert re.match(r"ERROR: \S+ \S+ error renewing certificate: POST ", said)
                assert "connection refused" in said
                assert daemon.poll() is None
                daemon.send_signal(signal.SIGINT)
                assert daemon.wait(10) == 0
            finally:
                daemon.kill()
        assert Path("web.crt").read_bytes() == before


class TestOnATerminal:
    """What step asks a person, and how."""

    @pytest.fixture
    def environ(self, steppath: Path) -> dict[str, str]:
        return os.environ | {"TERM": "xterm", "NO_COLOR": "1"}

    def test_provisioner_and_password_are_asked_for(
        self, client: Client, tmp_path: Path, environ: dict[str, str]
    ) -> None:
        command = [*HEARTH, "ca", "certificate", "web.example.com", "web.crt", "web.key"]
        with on_terminal(command, cwd=tmp_path, environ=environ) as terminal:
            terminal.wait_for("? What provisioner key do you want to use?")
            terminal.wait_for("acme (ACME)")
            terminal.type("\x1b[B\x1bOAjk\r")  # down, up, down, up: typed ahead
            terminal.wait_for("✔ Provisioner: jane (JWK) [kid: ")
            terminal.wait_for("Please enter the password to decrypt the provisioner key: ")
            terminal.type(PASSWORD + "\n")
            terminal.wait_for("✔ Private Key: web.key")
            assert terminal.end() == 0
        assert PASSWORD not in terminal.screen
        assert _names("web.crt") == {"web.example.com"}

    @pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
    def test_a_file_is_overwritten_only_when_allowed(
        self, client: Client, tmp_path: Path, environ: dict[str, str], answer: str, code: int
    ) -> None:
        Path("root.pem").write_text("mine")
        command = [*HEARTH, "ca", "root", "root.pem"]
        with on_terminal(command, cwd=tmp_path, environ=environ) as terminal:
            terminal.wait_for("Would you like to overwrite root.pem [y/n]: ")
            terminal.type("perhaps\n")
            terminal.wait_for("[y/n]: ")
            terminal.type(f"{answer}\n")
            assert terminal.end() == code
        assert (Path("root.pem").read_text() == "mine") is (answer == "n")

    def test_ctrl_c_ends_a_question_and_restores_the_terminal(
        self, client: Client, tmp_path: Path, environ: dict[str, str]
    ) -> None:
        command = [*HEARTH, "ca", "token", "web.example.com"]
        with on_terminal(command, cwd=tmp_path, environ=environ) as terminal:
            terminal.wait_for("acme (ACME)")
            terminal.type("\x03")
            assert terminal.end() == 130
        with on_terminal([*command, "--issuer=jane"], cwd=tmp_path, environ=environ) as terminal:
            terminal.wait_for("provisioner key: ")
            terminal.type("\x03")
            assert terminal.end() == 130

    def test_without_a_terminal_the_flag_is_named(self, client: Client) -> None:
        for args, flag in (
            (["token", "a"], "--provisioner"),
            (["token", "a", "--issuer", "jane"], "--provisioner-password-file"),
            (["revoke", "5"], "--token"),
            (["root", "pw"], "--force"),
        ):
            done = subprocess.run(
                [*HEARTH, "ca", *args],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                start_new_session=True,
                check=False,
            )
            assert done.returncode == 1
            assert "there is no terminal to ask on" in done.stderr
            assert done.stderr.rstrip().endswith(f"with {flag}")


class TestRekeying:
    @pytest.fixture(autouse=True)
    def certificate(self, client: Client) -> None:
        client.run("certificate", "web.example.com", "web.crt", "web.key", *JANE)

    def key(self, name: str, password: bytes = b"") -> object:
        secret = Password(password) if password else None
        return keyfile.load_private_key(Path(name).read_bytes(), secret).public_key()

    def test_names_stay_and_the_key_changes(self, client: Client) -> None:
        before, names = _leaf("web.crt"), _names("web.crt")
        client.run("rekey", "--force", "web.crt", "web.key")
        assert client.err == "✔ Certificate: web.crt\n✔ Private Key: web.key\n"
        after = _leaf("web.crt")
        assert (after.subject, _names("web.crt")) == (before.subject, names)
        assert after.public_key() == self.key("web.key") != before.public_key()
        assert _mode("web.key") == 0o600
        client.run("renew", "--force", "web.crt", "web.key")

    def test_the_kind_of_the_key_is_chosen(self, client: Client) -> None:
        client.run("rekey", "-f", "web.crt", "web.key", "--kty", "OKP", "--curve", "Ed25519")
        assert "BEGIN PRIVATE KEY" in Path("web.key").read_text()
        assert "--kty RSA" in client.refused("rekey", "web.crt", "web.key", "--kty", "RSA",
                                             "--curve", "P-256")  # fmt: skip

    def test_the_old_files_stay_where_others_are_named(self, client: Client) -> None:
        before = Path("web.crt").read_bytes(), Path("web.key").read_bytes()
        client.run("rekey", "--out-cert", "n.crt", "--out-key", "n.key", "web.crt", "web.key")
        assert (Path("web.crt").read_bytes(), Path("web.key").read_bytes()) == before
        assert _leaf("n.crt").public_key() == self.key("n.key")

    def test_a_given_key_stays_where_it_is(self, client: Client) -> None:
        client.run("certificate", "b.example.com", "b.crt", "given.key", *JANE)
        before = Path("web.key").read_bytes()
        client.run("rekey", "-f", "--private-key", "given.key", "web.crt", "web.key")
        assert client.err == "✔ Certificate: web.crt\n"
        assert Path("web.key").read_bytes() == before
        assert _leaf("web.crt").public_key() == self.key("given.key")
        again = ("--private-key", "given.key", "--out-key", "copy.key", "--out-cert", "copy.crt")
        client.run("rekey", "-f", *again, "web.crt", "given.key")
        assert self.key("copy.key") == self.key("given.key")

    def test_a_password_outlives_the_key(self, client: Client) -> None:
        key = keyfile.load_private_key(Path("web.key").read_bytes(), None)
        entropy = os.urandom(keyfile.ENTROPY)
        locked = keyfile.dump_private_key(key, Password(b"locked"), entropy=entropy)
        Path("web.key").write_bytes(locked)
        Path("right").write_text("locked\n")
        client.run("rekey", "-f", "web.crt", "web.key", "--password-file", "right")
        assert self.key("web.key", b"locked") == _leaf("web.crt").public_key()
        with pytest.raises(keyfile.PasswordNeeded):
            self.key("web.key")

    def test_it_is_too_early(self, client: Client) -> None:
        before = Path("web.crt").read_bytes()
        client.run("rekey", "--force", "--expires-in", "8h", "web.crt", "web.key")
        assert client.err.startswith("certificate not rekeyed: expires in ")
        assert Path("web.crt").read_bytes() == before

    @pytest.mark.parametrize(
        ("args", "says"),
        [
            (("--daemon", "--rekey-period", "25h"), "must be lower"),
            (("--rekey-period", "1h"), "requires the '--daemon' flag"),
            (("--daemon", "--private-key", "web.key"), "incompatible with '--daemon'"),
            (("--private-key", "none.key"), "open none.key failed"),
            (("--out-key", "nowhere/x.key"), "nowhere/x.key cannot be written"),
            (("--kms", "awskms:", "--private-key", "x"), "keys in Amazon's KMS"),
            (("--kty", "oct"), "invalid value 'oct'"),
        ],
    )
    def test_mistakes_change_no_file(
        self, client: Client, args: tuple[str, ...], says: str
    ) -> None:
        before = Path("web.crt").read_bytes(), Path("web.key").read_bytes()
        assert says in client.refused("rekey", "-f", "web.crt", "web.key", *args)
        assert (Path("web.crt").read_bytes(), Path("web.key").read_bytes()) == before
        assert [each for each in Path().iterdir() if each.name.startswith(".")] == []

    def test_the_daemon_makes_a_new_key_each_time(self, client: Client) -> None:
        keys = [self.key("web.key")]
        command = [*HEARTH, "ca", "rekey", "--daemon", "web.crt", "web.key"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
            assert daemon.stdout is not None
            try:
                assert "first renewal in" in daemon.stdout.readline()
                for _ in range(2):
                    daemon.send_signal(signal.SIGHUP)
                    assert "certificate renewed, next in" in daemon.stdout.readline()
                    assert self.key("web.key") == _leaf("web.crt").public_key()
                    keys.append(self.key("web.key"))
                daemon.send_signal(signal.SIGTERM)
                assert daemon.wait(10) == 0
            finally:
                daemon.kill()
        assert keys[0] != keys[1] != keys[2]

    def test_the_encrypted_key_of_a_provisioner(self, client: Client) -> None:
        listed = json.loads(client.run("provisioner", "list"))
        entry = next(entry for entry in listed if entry["name"] == "jane")
        shown = client.run("provisioner", "jwe-key", entry["key"]["kid"])
        assert shown == entry["encryptedKey"] + "\n"
        client.refused("provisioner", "jwe-key", "none")
