"""The real step client's SSH commands against our server, and its files and ours side by side."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import ssh_agent
from tests.support.appliance import HEARTH, Appliance, environment

pytestmark = pytest.mark.reference

OPEN = ("--no-password", "--insecure", "--force")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with both programs, an agent and a folder."""

    folder: Path
    appliance: Appliance
    socket: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program, without a terminal."""
        return subprocess.run(
            words,
            cwd=self.folder,
            env=environment(self.folder / "step") | {"SSH_AUTH_SOCK": str(self.socket)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            start_new_session=True,
        )

    def step(self, *words: str, code: int = 0) -> str:
        """Run step; give what it printed, and told."""
        ended = self.run("step", *words)
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    def hearth(self, *words: str, code: int = 0) -> str:
        """Run ours."""
        ended = self.run(*HEARTH, *words)
        assert ended.returncode == code, ended.stderr
        return ended.stdout

    @property
    def admin(self) -> tuple[str, ...]:
        """The provisioner and its password."""
        password = str(self.appliance.password_file)
        return ("--provisioner", "admin", "--provisioner-password-file", password)

    def shown(self, name: str) -> str:
        """Let ssh-keygen show a certificate."""
        return self.run("ssh-keygen", "-L", "-f", name).stdout

    def serial(self, name: str) -> str:
        """Give a certificate's serial number."""
        return self.shown(name).split("Serial: ")[1].split()[0]


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    appliance = Appliance(tmp_path_factory.mktemp("ca"), "--ssh").start()
    with ssh_agent.running() as socket:
        made = Person(folder=tmp_path_factory.mktemp("client"), appliance=appliance, socket=socket)
        fingerprint = made.step("certificate", "fingerprint", str(appliance.root)).strip()
        made.step("ca", "bootstrap", "--ca-url", appliance.url, "--fingerprint", fingerprint)
        yield made
    appliance.stop()


@pytest.mark.parametrize(
    "flags",
    [(), ("--kty", "EC", "--crv", "P-521"), ("--kty", "OKP"), ("--kty", "RSA", "--size", "3072")],
)
def test_user_certificates_of_every_key(person: Person, flags: tuple[str, ...]) -> None:
    person.step("ssh", "certificate", *OPEN, *person.admin, *flags, "jane@example.com", "u")
    assert "jane@example.com" in person.shown("u-cert.pub")
    assert (
        person.hearth("ssh", "inspect", "u-cert.pub").splitlines()[:8]
        == person.step("ssh", "inspect", "u-cert.pub").splitlines()[:8]
    )


def test_principals_times_and_an_existing_key(person: Person) -> None:
    person.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "own")
    flags = ("--principal", "ops", "--not-after", "1h", "--sign", "--force")
    person.step("ssh", "certificate", *flags, *person.admin, "jane", "own.pub")
    shown = person.shown("own-cert.pub")
    assert "ops" in shown
    assert "                jane\n" not in shown


def test_a_host_renews_rekeys_and_is_revoked(person: Person) -> None:
    given = ("--host", "--host-id", "machine", *OPEN, *person.admin, "h.test", "h")
    person.step("ssh", "certificate", *given)
    serials = [person.serial("h-cert.pub")]
    person.step("ssh", "renew", "--force", "h-cert.pub", "h")
    serials.append(person.serial("h-cert.pub"))
    person.step("ssh", "rekey", *OPEN, "h-cert.pub", "h")
    serials.append(person.serial("h-cert.pub"))
    assert len(set(serials)) == 3
    person.step("ssh", "needs-renewal", "h-cert.pub", code=1)
    person.step("ssh", "revoke", "--sshpop-cert", "h-cert.pub", "--sshpop-key", "h")
    person.step("ssh", "renew", "--force", "h-cert.pub", "h", code=1)


def test_revocation_by_serial_number(person: Person) -> None:
    person.step("ssh", "certificate", "--host", *OPEN, *person.admin, "r.test", "r")
    flags = ("--reason", "lost", "--reasonCode", "KeyCompromise")
    person.step("ssh", "revoke", *person.admin, *flags, person.serial("r-cert.pub"))
    person.step("ssh", "renew", "--force", "r-cert.pub", "r", code=1)
    person.hearth("ssh", "renew", "--force", "r-cert.pub", "r", code=1)


def test_tokens_of_either_serve_the_other(person: Person) -> None:
    flags = ("--ssh", "--principal", "jane", "--cert-not-after", "30m")
    token = person.step("ca", "token", *flags, *person.admin, "t").splitlines()[0]
    person.hearth("ssh", "certificate", "t", "t1", *OPEN, "-n", "jane", "--token", token)
    token = person.hearth("ca", "token", *flags, *person.admin, "t").strip()
    person.step("ssh", "certificate", *OPEN, "--principal", "jane", "--token", token, "t", "t2")
    for name in ("t1-cert.pub", "t2-cert.pub"):
        assert "                jane\n" in person.shown(name)


def test_login_list_and_logout_share_the_agent(person: Person) -> None:
    person.step("ssh", "logout", "--all")
    person.step("ssh", "login", *person.admin, "jane")
    assert "already present" in person.step("ssh", "login", *person.admin, "jane")
    assert person.hearth("ssh", "list") == person.step("ssh", "list")
    assert person.hearth("ssh", "logout", "jane") == "Identity removed: jane\n"
    person.hearth("ssh", "login", *person.admin, "joe")
    assert person.step("ssh", "list", "--raw") == person.hearth("ssh", "list", "--raw")
    assert "already present" in person.step("ssh", "login", *person.admin, "joe")
    assert person.step("ssh", "logout") == "Identity removed.\n"


def test_keys_with_passwords_open_for_either(person: Person) -> None:
    """What one program sealed, the other renews with."""
    (person.folder / "secret").write_text("a long secret\n")
    sealed, opened = ("--password-file", "secret"), ("--provisioner-password-file", "secret")
    flags = ("--host", "--force", *sealed, *person.admin)
    person.hearth("ssh", "certificate", "p.test", "p1", *flags)
    person.step("ssh", "renew", "--force", *opened, "p1-cert.pub", "p1")
    person.step("ssh", "certificate", *flags, "p.test", "p2")
    person.hearth("ssh", "renew", "--force", *opened, "p2-cert.pub", "p2")


def test_a_user_is_created(person: Person) -> None:
    person.step(
        "ssh", "certificate", "--add-user", *OPEN, *person.admin, "--principal", "j", "j", "a"
    )
    assert "force-command" in person.shown("a-provisioner-cert.pub")
