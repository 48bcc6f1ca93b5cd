"""Our client's certificates by ACME, from a server as strict as RFC 8555 lets one be."""

import json
import os
import re
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.cli.main import main
from appliance.client.csr import KeyKind, generate_key, signing_request
from appliance.formats import base64url, pem
from appliance.issuance.acme import certificate_ids
from appliance.issuance.parsed import parse
from tests.support import stepca
from tests.support.acme import AcmeServer, acme_server
from tests.support.appliance import HEARTH

NAMES = ("a.example.com", "b.example.com")


@pytest.fixture(scope="module")
def running() -> Iterator[AcmeServer]:
    with acme_server() as server:
        yield server


@pytest.fixture
def server(running: AcmeServer) -> Iterator[AcmeServer]:
    """The server as it is at first; whatever a test does, the client must have obeyed the RFC."""
    running.bad_nonces, running.looks, running.external, running.window = 0, 0, {}, None
    running.offered = AcmeServer().offered
    for kept in (running.faults, running.orders, running.accounts, running.records):
        kept.clear()
    running.revoked.clear()
    running.replaceable = True
    running.http_port = stepca.free_port()
    yield running
    assert running.faults == []


@dataclass(frozen=True, slots=True)
class Client:
    """A person in a folder who trusts the server's root."""

    server: AcmeServer
    capfd: pytest.CaptureFixture[str]

    def run(self, command: str, *args: str, code: int = 0) -> str:
        """Run a command of `hearth ca`; give what it told."""
        listen = f"127.0.0.1:{self.server.http_port}"
        flags = ["--acme", self.server.directory, "--root", "root.pem", "--http-listen", listen]
        status = main(["ca", command, *args, *flags])
        told = self.capfd.readouterr().err
        assert status == code, told
        return told

    def revoke(self, *args: str, code: int = 0) -> str:
        flags = ["--acme", self.server.directory, "--root", "root.pem"]
        status = main(["ca", "revoke", *args, *flags])
        told = self.capfd.readouterr().err
        assert status == code, told
        return told

    def certificate(self, *args: str, code: int = 0) -> str:
        return self.run("certificate", NAMES[0], "a.crt", "a.key", *args, code=code)


@pytest.fixture
def client(
    server: AcmeServer,
    steppath: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Client:
    monkeypatch.chdir(tmp_path)
    Path("root.pem").write_text(server.root.pem)
    return Client(server, capfd)


def _names(name: str) -> list[str]:
    leaf = x509.load_pem_x509_certificates(Path(name).read_bytes())[0]
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [str(each.value) for each in found.value]


def _hook(folder: Path, records: Path) -> str:
    """Write a command that keeps TXT records in a file."""
    script = folder / "hook.py"
    script.write_text(
        "import sys\n"
        f"with open({str(records)!r}, 'a') as file:\n"
        "    print(*sys.argv[1:], file=file)\n"
        "sys.exit(3 if 'fails' in sys.argv[2] else 0)\n"
    )
    return f"{sys.executable} {script}"


class TestStandalone:
    def test_every_name_and_the_subject_are_proved(self, client: Client) -> None:
        told = client.certificate("--san", NAMES[1], "--san", "10.0.0.7")
        assert client.server.orders[0]["identifiers"] == [
            {"type": "dns", "value": NAMES[1]},
            {"type": "ip", "value": "10.0.0.7"},
            {"type": "dns", "value": NAMES[0]},
        ]
        assert sorted(_names("a.crt")) == ["10.0.0.7", *NAMES]
        assert f"Using Standalone Mode HTTP challenge to validate {NAMES[0]}\n" in told
        assert "Certificate: a.crt" in told
        assert len(pem.certificates(Path("a.crt").read_bytes())) == 2
        assert stat.S_IMODE(Path("a.key").stat().st_mode) == 0o600

    def test_no_times_are_asked_for_unless_wanted(self, client: Client) -> None:
        client.certificate()
        client.certificate("--force", "--not-before", "2030-01-01T00:00:00Z", "--not-after", "1h")
        assert set(client.server.orders[0]) == {"identifiers"}
        assert client.server.orders[1]["notBefore"] == "2030-01-01T00:00:00Z"
        assert client.server.orders[1]["notAfter"].endswith("Z")

    def test_bad_nonces_are_retried(self, client: Client) -> None:
        """RFC 8555 section 6.5: the client retries with the nonce of the error."""
        client.server.bad_nonces = 3
        client.certificate()

    def test_a_server_that_takes_no_nonce_is_given_up(self, client: Client) -> None:
        client.server.bad_nonces = 100
        assert "takes none of the nonces" in client.certificate(code=1)

    def test_what_takes_long_is_waited_for(self, client: Client) -> None:
        client.server.looks = 3
        client.certificate()

    def test_what_the_server_saw_is_told(self, client: Client) -> None:
        listening = client.server.http_port
        client.server.http_port = stepca.free_port()
        flags = ["--acme", client.server.directory, "--root", "root.pem"]
        args = ["certificate", NAMES[0], "a.crt", "a.key", *flags]
        assert main(["ca", *args, "--http-listen", f"127.0.0.1:{listening}"]) == 1
        told = client.capfd.readouterr().err
        assert f"unable to validate {NAMES[0]}: saw 'Connection refused'" in told
        assert not Path("a.key").exists()

    def test_a_port_that_is_taken_is_told_with_what_to_do(self, client: Client) -> None:
        port = client.server.url.rpartition(":")[2]
        client.server.http_port = int(port)
        told = client.certificate(code=1)
        assert f"cannot listen on 127.0.0.1:{port} for the CA's validation" in told
        assert "--webroot" in told


class TestWebroot:
    def test_the_file_is_there_while_it_is_needed(self, client: Client, tmp_path: Path) -> None:
        (tmp_path / "www").mkdir()
        words = [sys.executable, "-m", "http.server", str(client.server.http_port)]
        where = ["--bind", "127.0.0.1", "--directory", str(tmp_path / "www")]
        with subprocess.Popen([*words, *where], stderr=subprocess.PIPE) as web:
            try:
                _until_listening(client.server.http_port)
                told = client.certificate("--webroot", "www")
            finally:
                web.terminate()
        assert f"Using Webroot Mode HTTP challenge to validate {NAMES[0]}\n" in told
        served = tmp_path / "www/.well-known/acme-challenge"
        assert list(served.iterdir()) == []
        assert stat.S_IMODE(served.stat().st_mode) == 0o755

    def test_a_directory_that_is_missing_is_told(self, client: Client) -> None:
        assert "webroot directory none does not exist" in client.certificate(
            "--webroot", "none", code=1
        )


class TestDns:
    def test_wildcards_are_proved_by_a_command(self, client: Client, tmp_path: Path) -> None:
        """RFC 8555 section 8.4: both names have their record at the same place."""
        records = tmp_path / "records"

        class Records(list[tuple[str, str]]):
            def __contains__(self, wanted: object) -> bool:
                assert isinstance(wanted, tuple)
                return f"add {wanted[0]} {wanted[1]}" in records.read_text().splitlines()

        client.server.records = Records()
        hook = _hook(tmp_path, records)
        client.run(
            "certificate", "*.example.com", "w.crt", "w.key", "--san", "*.example.com",
            "--san", "example.com", "--dns-hook", hook,
        )  # fmt: skip
        assert sorted(_names("w.crt")) == ["*.example.com", "example.com"]
        lines = [line.split() for line in records.read_text().splitlines()]
        assert [verb for verb, *_ in lines] == ["add", "remove", "add", "remove"]
        assert {name for _, name, _ in lines} == {"_acme-challenge.example.com"}

    def test_where_dns_01_is_not_offered_the_account_s_own_record_proves(
        self, client: Client, tmp_path: Path
    ) -> None:
        """draft-ietf-acme-dns-account-label."""
        records = tmp_path / "records"

        class Records(list[tuple[str, str]]):
            def __contains__(self, wanted: object) -> bool:
                assert isinstance(wanted, tuple)
                return f"add {wanted[0]} {wanted[1]}" in records.read_text().splitlines()

        client.server.records = Records()
        client.server.offered = ("http-01", "dns-account-01")
        hook = _hook(tmp_path, records)
        client.run("certificate", "*.example.com", "w.crt", "w.key", "--dns-hook", hook)
        assert _names("w.crt") == ["*.example.com"]
        added = records.read_text().split()[1]
        assert re.fullmatch(r"_[a-z2-7]{16}\._acme-challenge\.example\.com", added)

    def test_a_command_that_fails_ends_the_order(self, client: Client, tmp_path: Path) -> None:
        hook = _hook(tmp_path, tmp_path / "records")
        told = client.run("certificate", "fails", "a.crt", "a.key", "--dns-hook", hook, code=1)
        assert "_acme-challenge.fails failed: exit status 3" in told
        assert not Path("a.crt").exists()


class TestAccounts:
    def test_one_account_is_kept_for_a_directory(self, client: Client, steppath: Path) -> None:
        client.certificate("--contact", "me@example.com")
        client.certificate("--force")
        assert [each["contact"] for each in client.server.accounts.values()] == [
            ["mailto:me@example.com"]
        ]
        kept = list((steppath / "acme").iterdir())
        assert len(kept) == 1
        assert stat.S_IMODE(kept[0].stat().st_mode) == 0o600
        assert json.loads(kept[0].read_text())["directory"] == client.server.directory

    def test_a_broken_file_is_told(self, client: Client, steppath: Path) -> None:
        client.certificate()
        kept = next(iter((steppath / "acme").iterdir()))
        kept.write_text("{}")
        told = client.certificate("--force", code=1)
        assert f"{kept}: does not hold the key of an ACME account; remove it" in told

    def test_an_external_account_is_bound(self, client: Client) -> None:
        """RFC 8555 section 7.3.4."""
        client.server.external = {"key-1": os.urandom(32)}
        Path("eab").write_text(base64url.encode(client.server.external["key-1"]) + "\n")
        told = client.certificate(code=1)
        assert "give --eab-key-id and --eab-key" in told
        client.certificate("--eab-key-id", "key-1", "--eab-key", "eab")
        client.certificate("--force")

    def test_a_key_that_is_none_is_told_without_it(self, client: Client) -> None:
        Path("eab").write_text("not a key!")
        told = client.certificate("--eab-key-id", "k", "--eab-key", "eab", code=1)
        assert "eab does not hold a key for --eab-key-id" in told
        assert "not a key" not in told


class TestChoices:
    def test_the_chain_to_the_preferred_issuer_is_taken(self, client: Client) -> None:
        client.certificate("--preferred-chain", "Other Root")
        chain = pem.certificates(Path("a.crt").read_bytes())
        assert chain[1] == client.server.other.der
        told = client.certificate("--force", "--preferred-chain", "None", code=1)
        assert "no chain of the CA leads to 'None', they lead to: ACME Root, Other Root" in told

    def test_a_profile_is_asked_for(self, client: Client) -> None:
        client.certificate("--acme-profile", "short")
        assert client.server.orders[0]["profile"] == "short"

    def test_a_ca_without_the_challenge_says_which_it_has(self, client: Client) -> None:
        client.server.offered = ("dns-01", "tls-alpn-01")
        told = client.certificate(code=1)
        assert "by http-01: the CA offers dns-01, tls-alpn-01" in told


def test_a_signing_request_is_ordered_by_its_names(client: Client) -> None:
    key = generate_key(KeyKind(kty="EC", curve="P-256"))
    csr = signing_request(key, NAMES[0], NAMES)
    Path("a.csr").write_text(pem.encode("CERTIFICATE REQUEST", csr))
    client.run("sign", "a.csr", "a.crt")
    assert sorted(_names("a.crt")) == list(NAMES)
    leaf = pem.certificates(Path("a.crt").read_bytes())[0]
    assert x509.load_der_x509_certificate(leaf).public_key() == key.public_key()


class TestRevoking:
    """RFC 8555 section 7.6: by the account, or by the certificate's own key."""

    @pytest.mark.parametrize("by_account", [True, False])
    def test_a_certificate_is_revoked(self, client: Client, by_account: bool) -> None:
        client.certificate()
        key = [] if by_account else ["--key", "a.key"]
        told = client.revoke("--cert", "a.crt", "--reasonCode", "KeyCompromise", *key)
        serial = parse(pem.certificates(Path("a.crt").read_bytes())[0]).serial
        assert told == f"Certificate with Serial Number {serial} has been revoked.\n"
        assert client.server.revoked == {serial: (1, by_account)}
        assert "(alreadyRevoked)" in client.revoke("--cert", "a.crt", *key, code=1)
        client.server.faults.clear()

    def test_what_is_missing_is_told(self, client: Client) -> None:
        Path("a.crt").write_text(client.server.root.pem)
        assert "give the certificate's key with --key" in client.revoke("--cert", "a.crt", code=1)
        assert "the certificate is named by --cert" in client.revoke("123", code=1)


class TestRenewing:
    """`hearth ca renew --acme`, and when the CA wishes it (RFC 9773)."""

    def test_the_same_names_and_key_are_ordered_again(self, client: Client) -> None:
        client.certificate("--san", NAMES[1])
        before = pem.certificates(Path("a.crt").read_bytes())[0]
        client.server.window = (datetime.now(UTC), datetime.now(UTC))
        told = client.run("renew", "a.crt", "a.key", "--force")
        assert "Your certificate has been saved in a.crt." in told
        after = pem.certificates(Path("a.crt").read_bytes())[0]
        assert _names("a.crt") == [NAMES[1], NAMES[0]]
        assert parse(after).public_key_info == parse(before).public_key_info
        assert client.server.orders[1]["replaces"] == certificate_ids.write(parse(before))

    def test_a_refused_replacement_is_ordered_as_a_new_one(self, client: Client) -> None:
        client.certificate()
        client.server.window = (datetime.now(UTC), datetime.now(UTC))
        client.server.replaceable = False
        client.run("renew", "a.crt", "a.key", "--force")
        assert [each.get("replaces", "") != "" for each in client.server.orders] == [
            False, True, False,
        ]  # fmt: skip

    def test_the_daemon_renews_when_the_ca_asks_for_it(self, client: Client) -> None:
        client.certificate()
        now = datetime.now(UTC)
        client.server.window = (now - timedelta(hours=2), now - timedelta(hours=1))
        listen = f"127.0.0.1:{client.server.http_port}"
        flags = ["--acme", client.server.directory, "--root", "root.pem", "--http-listen", listen]
        words = [*HEARTH, "ca", "renew", "--daemon", "a.crt", "a.key", *flags]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as daemon:
            assert daemon.stdout is not None
            lines: list[str] = []
            for line in daemon.stdout:
                lines.append(line)
                if "certificate renewed" in line:
                    client.server.window = (now + timedelta(hours=1), now + timedelta(hours=1))
                if len(lines) == 4:
                    daemon.terminate()
        assert "first renewal in " in lines[0]
        assert "the CA asks for the renewal in 0s" in lines[1]
        assert f"{NAMES[0]} certificate renewed" in lines[2]
        assert "the CA asks for the renewal in " in lines[3]


def test_certificates_are_named_as_the_rfc_does() -> None:
    """RFC 9773 section 4.1 has this example."""
    key_id = bytes.fromhex("69885b6b87464041e1b37b847ba0ae2cde01c8d4")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(0x87654321)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
        .add_extension(x509.AuthorityKeyIdentifier(key_id, None, None), critical=False)
        .sign(key, hashes.SHA256())
    )
    found = certificate_ids.write(parse(made.public_bytes(serialization.Encoding.DER)))
    assert found == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"


def _until_listening(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("the web server does not listen")
