"""The client's SSH commands, through the same list against our own CA and against step-ca."""

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.main import main
from appliance.formats import jwt, keyfile
from appliance.formats.ssh import authorized, keys
from appliance.formats.ssh.certificate import SshCertificate
from appliance.model.secret import Password
from appliance.model.ssh import CertificateType
from tests.support import ssh_agent, stepca
from tests.support.appliance import PASSWORD, Appliance

ADMIN = ("--provisioner", "admin", "--provisioner-password-file", "pw")
OPEN = ("--no-password", "--insecure")
NOBODY = "/nonexistent/agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ca:
    """A CA to talk to: provisioners admin (JWK), x5c (X5C, of the CA's own root) and sshpop."""

    url: str
    root: Path


def _with_x5c(document: dict[str, Any], root: Path) -> dict[str, Any]:
    """Let certificates of the CA's own ask for others."""
    entry = {
        "type": "X5C",
        "name": "x5c",
        "roots": base64.b64encode(root.read_bytes()).decode(),
        "claims": {"enableSSHCA": True},
    }
    document["authority"]["provisioners"].append(entry)
    return document


@pytest.fixture(
    scope="module", params=["ours", pytest.param("step-ca", marks=pytest.mark.reference)]
)
def ca(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ca]:
    folder = tmp_path_factory.mktemp("ca")
    if request.param == "ours":
        appliance = Appliance(folder, "--ssh")
        document = json.loads(appliance.ca_json.read_text())
        appliance.ca_json.write_text(json.dumps(_with_x5c(document, appliance.root)))
        appliance.start()
        try:
            yield Ca(url=appliance.url, root=appliance.root)
        finally:
            appliance.stop()
        return
    (folder / "pw").write_text(PASSWORD)
    environ = os.environ | {"STEPPATH": str(folder), "HOME": str(folder)}
    flags = "--deployment-type standalone --name Test --dns localhost --dns 127.0.0.1 --ssh"
    given = "--address 127.0.0.1:0 --provisioner admin --password-file pw"
    command = ["step", "ca", "init", *flags.split(), *given.split()]
    subprocess.run(command, env=environ, cwd=folder, check=True, capture_output=True)
    root = folder / "certs/root_ca.crt"
    config = _with_x5c(json.loads((folder / "config/ca.json").read_text()), root)
    del config["templates"]  # they are where STEPPATH is, and the commands here use none
    with stepca.serving(folder / "run", config, password=PASSWORD) as reference:
        yield Ca(url=f"https://127.0.0.1:{reference.port}", root=root)


@pytest.fixture(scope="module")
def shared_agent() -> Iterator[Path]:
    with ssh_agent.running() as socket:
        yield socket


@pytest.fixture
def agent(shared_agent: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A real agent that holds nothing yet."""
    monkeypatch.setenv("SSH_AUTH_SOCK", str(shared_agent))
    subprocess.run(["ssh-add", "-q", "-D"], check=True, timeout=10)
    return shared_agent


class Client:
    """A person with a CA in a folder, and no agent unless the test has one."""

    def __init__(self, ca: Ca, capfd: pytest.CaptureFixture[str]) -> None:
        self.ca, self.capfd = ca, capfd
        self.out = self.err = ""

    def run(self, *args: str, code: int = 0) -> str:
        """Run a command; give its standard output, and keep what it told."""
        status = main([*args])
        self.out, self.err = self.capfd.readouterr()
        assert status == code, self.err
        return self.out

    def ssh(self, *args: str) -> str:
        return self.run("ssh", *args)

    def refused(self, *args: str) -> str:
        """Run a command that must fail; give what it told."""
        assert self.run("ssh", *args, code=1) == ""
        return self.err

    def make(self, key_id: str, name: str, *args: str) -> SshCertificate:
        """Get a certificate with an open key."""
        self.ssh("certificate", key_id, name, *OPEN, *ADMIN, *args)
        return certificate(f"{name}-cert.pub")


@pytest.fixture
def client(
    ca: Ca,
    steppath: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Client:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SSH_AUTH_SOCK", NOBODY)
    Path("pw").write_text(PASSWORD + "\n")
    config = steppath / "config"
    config.mkdir(parents=True)
    (config / "defaults.json").write_text(json.dumps({"ca-url": ca.url, "root": str(ca.root)}))
    return Client(ca, capfd)


def certificate(name: str) -> SshCertificate:
    held, _ = authorized.read(Path(name).read_bytes())
    assert isinstance(held, SshCertificate)
    return held


def _mode(name: str) -> int:
    return Path(name).stat().st_mode & 0o777


def _keygen(*args: str) -> str:
    done = subprocess.run(
        ["ssh-keygen", *args], check=True, capture_output=True, text=True, timeout=30
    )
    return done.stdout


class TestCertificate:
    def test_a_new_key_goes_to_three_files(self, client: Client) -> None:
        made = client.make("jane@example.com", "id")
        assert made.type is CertificateType.USER
        assert made.key_id == "jane@example.com"
        assert made.principals == ("jane", "jane@example.com")
        assert (_mode("id"), _mode("id.pub"), _mode("id-cert.pub")) == (0o600, 0o644, 0o644)
        assert Path("id").read_text().startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
        assert Path("id.pub").read_text() == f"{made.key.line} jane@example.com\n"
        assert Path("id-cert.pub").read_text() == f"{made.line} jane@example.com\n"
        assert _keygen("-y", "-P", "", "-f", "id").strip() == made.key.line
        assert "user certificate" in _keygen("-L", "-f", "id-cert.pub")
        told = [line.split(" ", 1)[1] for line in client.err.splitlines()]
        assert told[2:5] == ["Private Key: id", "Public Key: id.pub", "Certificate: id-cert.pub"]

    def test_without_an_agent_the_files_are_there_all_the_same(self, client: Client) -> None:
        client.make("jane", "id")
        assert "✘ SSH Agent: error connecting with ssh-agent" in client.err
        client.make("jane", "other", "--no-agent")
        assert "Agent" not in client.err

    def test_the_key_is_encrypted_with_the_password_of_a_file(self, client: Client) -> None:
        Path("secret").write_text("a long secret\n")
        client.ssh("certificate", "jane", "id", *ADMIN, "--password-file", "secret")
        held = certificate("id-cert.pub")
        assert _keygen("-y", "-P", "a long secret", "-f", "id").strip() == held.key.line
        key = keyfile.load_private_key(Path("id").read_bytes(), Password(b"a long secret"))
        assert keys.of_key(key.public_key()) == held.key

    def test_a_password_that_is_too_short_gets_nothing(self, client: Client) -> None:
        Path("secret").write_text("short\n")
        given = ("--password-file", "secret", "--min-password-length", "8")
        assert "at least 8 characters" in client.refused(
            "certificate", "jane", "id", *ADMIN, *given
        )
        assert not list(Path().glob("id*"))

    @pytest.mark.parametrize(
        ("flags", "kind"),
        [
            ((), "ecdsa-sha2-nistp256"),
            (("--kty", "EC", "--crv", "P-384"), "ecdsa-sha2-nistp384"),
            (("--kty", "EC", "--curve", "P-521"), "ecdsa-sha2-nistp521"),
            (("--kty", "OKP"), "ssh-ed25519"),
            (("--kty", "RSA", "--size", "2048"), "ssh-rsa"),
        ],
    )
    def test_every_kind_of_key(
        self, client: Client, agent: Path, flags: tuple[str, ...], kind: str
    ) -> None:
        made = client.make("jane", "id", *flags)
        assert made.key.type == kind
        assert ssh_agent.listed(agent) == [f"{made.line} jane"]
        # The agent signs with it: what it was given is the key of the certificate.
        Path("text").write_text("text")
        subprocess.run(
            ["ssh-keygen", "-q", "-Y", "sign", "-n", "test", "-f", "id-cert.pub", "text"],
            check=True, timeout=20, capture_output=True,
        )  # fmt: skip

    def test_names_times_and_comment_as_asked(self, client: Client, agent: Path) -> None:
        flags = ("-n", "ops", "--principal", "dev", "--not-after", "2h", "--comment", "work")
        made = client.make("jane", "id", *flags)
        assert made.principals == ("ops", "dev")
        assert made.valid_before - made.valid_after == 2 * 3600 + 60
        assert ssh_agent.listed(agent) == [f"{made.line} work"]
        later = client.make("jane", "id2", "--not-before", "10m", "--not-after", "1h")
        assert later.valid_before - later.valid_after == 50 * 60

    def test_a_public_key_is_signed(self, client: Client, agent: Path) -> None:
        _keygen("-q", "-t", "ed25519", "-N", "", "-f", "own")
        given = ("certificate", "--sign", "jane", "own.pub", *ADMIN)
        client.ssh(*given)
        assert certificate("own-cert.pub").key.line == _keygen("-y", "-f", "own").rsplit(" ", 1)[0]
        assert ssh_agent.listed(agent) == []
        assert "Private Key" not in client.err
        client.ssh(*given, "--private-key", "own", "-f")
        assert ssh_agent.listed(agent) == [f"{certificate('own-cert.pub').line} jane"]

    def test_another_private_key_is_refused_before_anything_is_asked(self, client: Client) -> None:
        for name in ("own", "foreign"):
            _keygen("-q", "-t", "ed25519", "-N", "", "-f", name)
        given = ("--sign", "jane", "own.pub", *ADMIN, "--private-key", "foreign")
        assert "is not the private key of own.pub" in client.refused("certificate", *given)
        assert not Path("own-cert.pub").exists()

    def test_a_key_to_create_the_user_with(self, client: Client) -> None:
        client.make("jane.doe@example.com", "id", "--add-user", "-n", "janedoe")
        made = certificate("id-provisioner-cert.pub")
        assert made.key_id == "janedoe-provisioner"
        assert "force-command" in made.critical_options
        comment = Path("id-provisioner.pub").read_text().split()[2]
        assert comment == "janedoe-provisioner"
        assert _keygen("-y", "-f", "id-provisioner").strip() == made.key.line

    def test_a_token_brings_what_it_allows(self, client: Client) -> None:
        flags = ("--ssh", "-n", "jane", "--cert-not-after", "1h")
        token = client.run("ca", "token", "jane@example.com", *flags, *ADMIN).strip()
        said = jwt.split(token).claims
        assert said["aud"] == f"{client.ca.url}/1.0/ssh/sign"
        assert said["step"] == {
            "ssh": {
                "certType": "user",
                "keyID": "jane@example.com",
                "principals": ["jane"],
                "validAfter": "",
                "validBefore": "1h0m0s",
            }
        }
        given = ("jane@example.com", "id", *OPEN, "--token", token)
        client.ssh("certificate", *given, "--principal", "jane")
        made = certificate("id-cert.pub")
        assert made.principals == ("jane",)
        assert made.valid_before - made.valid_after == 3660
        assert client.refused("certificate", *given, "-f")  # it is used up

    def test_a_token_for_a_user_gets_no_host(self, client: Client) -> None:
        token = client.run("ca", "token", "h", "--ssh", *ADMIN).strip()
        assert client.refused("certificate", "h", "id", *OPEN, "--token", token, "--host")
        assert not list(Path().glob("id*"))

    def test_a_certificate_asks_for_one(self, client: Client) -> None:
        client.run("ca", "certificate", "box", "box.crt", "box.key", *ADMIN)
        given = ("--x5c-cert", "box.crt", "--x5c-key", "box.key")
        client.ssh("certificate", "box", "id", *OPEN, *given, "-n", "box")
        assert certificate("id-cert.pub").principals == ("box",)

    @pytest.mark.parametrize(
        ("args", "says"),
        [
            (("--no-password",), "requires the '--insecure' flag"),
            ((*OPEN, "--password-file", "pw"), "incompatible with '--password-file'"),
            ((*OPEN, "--min-password-length", "8"), "incompatible with '--min-password-length'"),
            (("--token", "x", "--provisioner-password-file", "pw"), "'--token' is incompatible"),
            (("--host", "--add-user"), "incompatible with '--add-user'"),
            (("--host-id", "machine"), "requires the '--host' flag"),
            (("--host", "--host-id", "seven"), "[ machine | <UUID> ]"),
            (("--add-user", "-n", "a", "-n", "b"), "more than one principal"),
            (("--not-after", "soon"), "'--not-after'"),
            (("--kty", "DSA"), "options are RSA, EC, OKP"),
            (("--size", "1024", "--kty", "RSA"), "at least 2048"),
            (("--offline",), "'--offline' is refused"),
            (("--kms", "awskms:", "--sign", "--private-key", "x"), "open id failed"),
            (("--sign",), "open id failed"),
        ],
    )
    def test_what_does_not_go_together_is_refused(
        self, client: Client, args: tuple[str, ...], says: str
    ) -> None:
        assert says in client.refused("certificate", "jane", "id", *args)
        assert not list(Path().glob("id*"))

    def test_files_are_not_overwritten_unasked(self, client: Client) -> None:
        Path("id.pub").write_text("mine")
        assert "overwrite id.pub" in client.refused("certificate", "j", "id", *OPEN, *ADMIN)
        assert Path("id.pub").read_text() == "mine"
        assert not Path("id").exists()


class TestHosts:
    def test_a_host_is_renewed_by_its_own_key(self, client: Client, agent: Path) -> None:
        made = client.make("host.example.com", "hk", "--host", "--host-id", "machine")
        assert (made.type, made.principals) == (CertificateType.HOST, ("host.example.com",))
        assert ssh_agent.listed(agent) == []
        client.ssh("renew", "hk-cert.pub", "hk", "--out", "new-cert.pub")
        renewed = certificate("new-cert.pub")
        assert renewed.serial != made.serial
        assert (renewed.key, renewed.principals) == (made.key, made.principals)
        assert Path("new-cert.pub").read_text().endswith(" host.example.com\n")
        client.ssh("renew", "-f", "hk-cert.pub", "hk")
        assert certificate("hk-cert.pub").serial not in (made.serial, renewed.serial)

    def test_a_key_with_a_password_renews(self, client: Client) -> None:
        Path("secret").write_text("a long secret\n")
        client.ssh("certificate", "h", "hk", *ADMIN, "--host", "--password-file", "secret")
        client.ssh("renew", "-f", "hk-cert.pub", "hk", "--provisioner-password-file", "secret")

    def test_a_host_gets_a_new_key(self, client: Client) -> None:
        made = client.make("h.example.com", "hk", "--host")
        client.ssh("rekey", "hk-cert.pub", "hk", "--out", "next", *OPEN)
        rekeyed = certificate("next-cert.pub")
        assert rekeyed.key != made.key
        assert rekeyed.principals == made.principals
        assert _keygen("-y", "-f", "next").strip() == rekeyed.key.line
        assert Path("next.pub").read_text() == f"{rekeyed.key.line} h.example.com\n"
        client.ssh("rekey", "next-cert.pub", "next", "-f", *OPEN)
        assert certificate("next-cert.pub").key.line == _keygen("-y", "-f", "next").strip()
        assert certificate("hk-cert.pub") == made

    def test_users_are_not_renewed(self, client: Client) -> None:
        client.make("jane", "id")
        before = Path("id-cert.pub").read_bytes()
        assert client.refused("renew", "-f", "id-cert.pub", "id")
        assert client.refused("rekey", "-f", "id-cert.pub", "id", *OPEN)
        assert Path("id-cert.pub").read_bytes() == before

    def test_a_foreign_key_cannot_renew(self, client: Client) -> None:
        client.make("h", "hk", "--host")
        client.make("h", "other", "--host")
        assert "do not belong together" in client.refused("renew", "-f", "hk-cert.pub", "other")

    @pytest.mark.parametrize("by", ["serial", "itself", "token"])
    def test_what_is_revoked_is_not_renewed(self, client: Client, by: str) -> None:
        serial = str(client.make("h", "hk", "--host").serial)
        match by:
            case "serial":
                client.ssh("revoke", serial, *ADMIN, "--reason", "lost", "--reasonCode", "1")
            case "itself":
                client.ssh("revoke", "--sshpop-cert", "hk-cert.pub", "--sshpop-key", "hk")
            case _:
                made = client.run("ca", "token", serial, "--ssh", "--revoke", *ADMIN)
                client.ssh("revoke", serial, "--token", made.strip())
        assert client.err.endswith(
            f"SSH Certificate with Serial Number {serial} has been revoked.\n"
        )
        assert client.refused("renew", "-f", "hk-cert.pub", "hk")

    def test_a_token_of_the_holder_renews_once(self, client: Client) -> None:
        made = client.make("h", "hk", "--host")
        holder = ("--sshpop-cert", "hk-cert.pub", "--sshpop-key", "hk")
        token = client.run("ca", "token", str(made.serial), "--ssh", "--rekey", *holder).strip()
        said = jwt.split(token)
        assert said.claims["aud"] == f"{client.ca.url}/1.0/ssh/rekey#sshpop/sshpop"
        assert said.header["sshpop"] == base64.b64encode(made.blob).decode()

    @pytest.mark.parametrize(
        ("args", "says"),
        [
            (("revoke",), "--sshpop-cert and --sshpop-key must be supplied"),
            (("revoke", "0x1f"), "not the serial number"),
            (("revoke", str(2**64)), "not the serial number"),
            (("revoke", "7", "--reasonCode", "11"), "out of bounds"),
            (("renew", "none", "none"), "open none failed"),
            (("renew", "pw", "none"), "no SSH key or certificate found"),
            (("rekey", "none", "none", "--no-password"), "requires the '--insecure' flag"),
            (("renew", "a"), "missing positional argument <ssh-key>"),
        ],
    )
    def test_mistakes_are_named(self, client: Client, args: tuple[str, ...], says: str) -> None:
        assert says in client.refused(*args)


class TestAgent:
    def test_log_in_once_and_out_again(self, client: Client, agent: Path) -> None:
        client.ssh("login", "jane", *ADMIN)
        assert client.err.endswith("SSH Agent: yes\n")
        (line,) = ssh_agent.listed(agent)
        held, comment = authorized.read(line.encode())
        assert isinstance(held, SshCertificate)
        assert (held.principals, comment) == (("jane",), "jane")
        client.ssh("login", "jane", *ADMIN)
        assert client.err == f"The key {line} is already present in the SSH agent.\n"
        client.ssh("login", "jane", *ADMIN, "-f")
        assert len(ssh_agent.listed(agent)) == 2
        assert client.ssh("logout", "jane") == "Identity removed: jane\n"
        assert client.ssh("logout") == "Identity not found.\n"
        assert client.ssh("list") == "The agent has no identities.\n"

    def test_a_token_says_who_logs_in(self, client: Client, agent: Path) -> None:
        made = client.run("ca", "token", "jane@example.com", "--ssh", "-n", "jane", *ADMIN).strip()
        client.ssh("login", "--token", made, "--comment", "work", "--kty", "OKP")
        held, comment = authorized.read(ssh_agent.listed(agent)[0].encode())
        assert isinstance(held, SshCertificate)
        assert (held.key_id, held.principals, comment) == ("jane@example.com", ("jane",), "work")

    def test_a_user_is_created_with_another_certificate(self, client: Client, agent: Path) -> None:
        client.ssh("login", "jane", *ADMIN, "--add-user")
        assert client.err.endswith("Add User Certificate: yes\n")
        found = [authorized.read(line.encode())[0] for line in ssh_agent.listed(agent)]
        assert {held.key_id for held in found if isinstance(held, SshCertificate)} == {
            "jane", "jane-provisioner"
        }  # fmt: skip

    def test_logging_out_leaves_what_is_not_the_ca_s(self, client: Client, agent: Path) -> None:
        client.ssh("login", "jane", *ADMIN)
        _keygen("-q", "-t", "ed25519", "-N", "", "-C", "own", "-f", "own")
        _keygen("-q", "-t", "ed25519", "-N", "", "-f", "their_ca")
        _keygen("-q", "-s", "their_ca", "-I", "x", "-n", "jane", "own.pub")
        subprocess.run(["ssh-add", "-q", "own"], check=True, timeout=10)
        assert len(ssh_agent.listed(agent)) == 3  # the key, and its certificate of another CA
        assert client.ssh("logout") == "Identity removed.\n"
        assert len(ssh_agent.listed(agent)) == 2
        assert client.ssh("logout", "own") == "Identity not found: own\n"
        assert client.ssh("logout", "--all", "own") == "All identities removed: own\n"
        client.ssh("login", "jane", *ADMIN)
        assert client.ssh("logout", "--all") == "All identities removed.\n"
        assert ssh_agent.listed(agent) == []

    def test_the_list_is_that_of_ssh_add(self, client: Client, agent: Path) -> None:
        client.ssh("login", "jane", *ADMIN)
        client.ssh("login", "joe", *ADMIN)
        assert client.ssh("list", "--raw").splitlines() == ssh_agent.listed(agent)
        told = subprocess.run(["ssh-add", "-l"], check=True, capture_output=True, text=True)
        assert client.ssh("list") == told.stdout
        assert re.fullmatch(r"256 SHA256:\S{43} joe \(ECDSA-CERT\)\n", client.ssh("list", "joe"))
        assert client.ssh("list", "nobody") == ""

    @pytest.mark.parametrize("command", ["login", "logout", "list"])
    def test_without_an_agent_nothing_goes(
        self, client: Client, command: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert NOBODY in client.refused(command)
        monkeypatch.delenv("SSH_AUTH_SOCK")
        assert "SSH_AUTH_SOCK is not set" in client.refused(command)

    def test_where_the_ca_is_silent_certificates_are_taken_for_its_own(
        self, client: Client, agent: Path
    ) -> None:
        client.ssh("login", "jane", *ADMIN)
        _keygen("-q", "-t", "ed25519", "-N", "", "-C", "own", "-f", "own")
        subprocess.run(["ssh-add", "-q", "own"], check=True, timeout=10)
        url = "https://127.0.0.1:1"
        assert client.ssh("logout", "--ca-url", url) == "Identity removed.\n"
        assert [line.split()[2] for line in ssh_agent.listed(agent)] == ["own"]
