"""OpenSSH on both ends: sshd and ssh trust each other by certificates of ours, and nothing else."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.formats.ssh import authorized
from appliance.formats.ssh.certificate import SshCertificate
from tests.support import ssh_agent, sshd
from tests.support.appliance import HEARTH, Appliance, environment
from tests.support.sshd import ME, Sshd

ADMIN = ("--provisioner", "admin", "--provisioner-password-file")
OPEN = ("--no-password", "--insecure")
HOST = "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A CA, an sshd that trusts it, and the folder of a person who does."""

    ca: Appliance
    server: Sshd
    folder: Path

    def hearth(self, *arguments: str | Path, agent: Path | None = None, code: int = 0) -> str:
        """Run a command of ours in the folder; give its standard output."""
        environ = environment(self.ca.steppath)
        environ["SSH_AUTH_SOCK"] = str(agent or "/nonexistent/agent")
        ended = subprocess.run(
            [*HEARTH, *map(str, arguments)],
            cwd=self.folder, env=environ, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert ended.returncode == code, ended.stderr
        return ended.stdout

    def certified(self, name: str, *flags: str, key_id: str = ME) -> Path:
        """Get a user's certificate for a new key; give the key's file."""
        self.hearth(
            "ssh", "certificate", key_id, name, *OPEN, *ADMIN, self.ca.password_file, "--no-agent",
            "--force", *flags,
        )  # fmt: skip
        return self.folder / name

    def serial(self, key: Path) -> int:
        held, _ = authorized.read((self.folder / f"{key.name}-cert.pub").read_bytes())
        assert isinstance(held, SshCertificate)
        return held.serial

    def revoke(self, serial: int) -> None:
        self.hearth("ssh", "revoke", str(serial), *ADMIN, self.ca.password_file)

    def knock(
        self, *options: str | Path, agent: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Log in and run a command there."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        if agent:
            environ["SSH_AUTH_SOCK"] = str(agent)
        return sshd.ssh(
            "-F", "/dev/null", "-p", str(self.server.port), "-l", ME,
            "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
            "-o", "GlobalKnownHostsFile=/dev/null",
            "-o", f"UserKnownHostsFile={self.folder / 'known_hosts'}",
            *options, HOST, "echo in as $(id -un)",
            environ=environ,
        )  # fmt: skip

    def enters(self, key: Path, *options: str) -> bool:
        """Say whether a key with its certificate opens the door."""
        ended = self.knock("-i", key, "-o", "IdentitiesOnly=yes", *options)
        if ended.returncode == 0:
            assert ended.stdout == f"in as {ME}\n"
            return True
        assert "Permission denied (publickey)" in ended.stderr, ended.stderr
        return False


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("sshd")
    ca = Appliance(folder / "ca", "--ssh")
    document = json.loads(ca.ca_json.read_text())
    for entry in document["authority"]["provisioners"]:
        entry["claims"] = {"enableSSHCA": True, "minUserSSHCertDuration": "1s"}
    ca.ca_json.write_text(json.dumps(document))
    ca.start()
    place = folder / "host"
    place.mkdir()
    try:
        prepared = World(ca=ca, server=Sshd(folder=place, port=0), folder=place)
        (place / "ca.pub").write_text(prepared.hearth("ssh", "config", "--roots"))
        known = prepared.hearth("ssh", "config", "--host", "--roots")
        (place / "known_hosts").write_text(
            "".join(f"@cert-authority * {line}\n" for line in known.splitlines())
        )
        prepared.hearth(
            "ssh", "certificate", "--host", HOST, "host_key", *OPEN, *ADMIN, ca.password_file,
        )  # fmt: skip
        prepared.hearth("ssh", "krl", "--out", "revoked.krl")
        with sshd.running(
            place,
            f"HostKey {place}/host_key",
            f"HostCertificate {place}/host_key-cert.pub",
            f"TrustedUserCAKeys {place}/ca.pub",
            f"RevokedKeys {place}/revoked.krl",
        ) as server:
            yield World(ca=ca, server=server, folder=place)
    finally:
        ca.stop()


def test_a_certificate_in_files_opens_the_door(world: World) -> None:
    assert world.enters(world.certified("by_file"))


def test_ssh_login_and_the_agent_open_the_door(world: World) -> None:
    with ssh_agent.running() as agent:
        assert world.knock(agent=agent).returncode != 0
        world.hearth("ssh", "login", ME, *ADMIN, world.ca.password_file, agent=agent)
        ended = world.knock(agent=agent)
        assert (ended.returncode, ended.stdout) == (0, f"in as {ME}\n"), ended.stderr


def test_a_host_is_known_by_its_certificate_alone(world: World) -> None:
    """No question is asked, and neither its key nor another name would do."""
    key = world.certified("to_host")
    assert world.enters(key)
    other = world.knock("-i", key, "-o", "HostKeyAlias=other.example.com")
    assert other.returncode != 0
    assert "Certificate invalid: name is not a listed principal" in other.stderr
    plain = world.knock("-i", key, "-o", "HostKeyAlgorithms=ecdsa-sha2-nistp256")
    assert plain.returncode != 0
    assert "Host key verification failed" in plain.stderr


def test_a_certificate_for_somebody_else_is_refused(world: World) -> None:
    assert not world.enters(world.certified("mallory", key_id="mallory"))
    assert "name is not a listed principal" in world.server.log


def test_a_certificate_that_has_expired_is_refused(world: World) -> None:
    key = world.certified("brief", "--not-after", "2s")
    time.sleep(2.5)
    assert not world.enters(key)
    assert "Certificate invalid: expired" in world.server.log


def test_a_certificate_of_another_ca_is_refused(world: World, tmp_path: Path) -> None:
    key = world.certified("foreign")
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "ca")]
    subprocess.run(make, check=True)
    sign = ["ssh-keygen", "-q", "-s", str(tmp_path / "ca"), "-I", ME, "-n", ME, f"{key}.pub"]
    subprocess.run(sign, check=True)
    assert not world.enters(key)


def test_a_hosts_certificate_is_none_for_users(world: World) -> None:
    key = world.certified("as_host", "--host")
    assert not world.enters(key)


@pytest.mark.parametrize("kind", ["RSA", "OKP"])
def test_other_kinds_of_keys_open_the_door(kind: str, world: World) -> None:
    assert world.enters(world.certified(f"of_{kind}", "--kty", kind))


def test_who_is_revoked_is_refused_once_the_list_is_fetched(world: World) -> None:
    """And nobody else is; sshd reads the file at each login."""
    revoked, other = world.certified("revoked"), world.certified("other")
    assert world.enters(revoked)
    world.revoke(world.serial(revoked))
    assert world.enters(revoked)  # sshd cannot know yet
    world.hearth("ssh", "krl", "--out", "revoked.krl")
    assert not world.enters(revoked)
    assert "revoked by file" in world.server.log
    assert world.enters(other)
    asked = subprocess.run(
        ["ssh-keygen", "-Q", "-f", "revoked.krl", "revoked-cert.pub", "other-cert.pub"],
        cwd=world.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert asked.stdout.splitlines()[0].endswith("REVOKED")
    assert asked.stdout.splitlines()[1].endswith("ok")


def test_a_revoked_host_is_refused_by_who_has_the_list(world: World) -> None:
    """ssh's RevokedHostKeys takes the same list."""
    key = world.certified("to_revoked")
    world.hearth(
        "ssh", "certificate", "--host", HOST, "old_key", *OPEN, *ADMIN, world.ca.password_file,
        "--force",
    )  # fmt: skip
    world.revoke(world.serial(world.folder / "old_key"))
    world.hearth("ssh", "krl", "--out", "hosts.krl")
    place = world.folder / "old"
    place.mkdir()
    with sshd.running(
        place,
        f"HostKey {world.folder}/old_key",
        f"HostCertificate {world.folder}/old_key-cert.pub",
        f"TrustedUserCAKeys {world.folder}/ca.pub",
    ) as old:
        there = ("-i", key, "-o", f"Port={old.port}")
        listed = f"RevokedHostKeys={world.folder}/hosts.krl"
        moved = World(ca=world.ca, server=old, folder=world.folder)
        assert moved.knock(*there).returncode == 0
        refused = moved.knock(*there, "-o", listed)
        assert refused.returncode != 0
        assert "revoked" in refused.stderr
    assert world.knock("-i", key, "-o", listed).returncode == 0


def test_a_list_that_cannot_be_had_leaves_the_old_one(world: World) -> None:
    """A cut off list would lock everybody out."""
    world.hearth("ssh", "krl", "--out", "kept.krl")
    before = (world.folder / "kept.krl").stat()
    world.hearth("ssh", "krl", "--out", "kept.krl", "--ca-url", "https://127.0.0.1:1", code=1)
    world.hearth("ssh", "krl", "--out", "kept.krl")  # the same one is not written again
    after = (world.folder / "kept.krl").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert after.st_mode & 0o777 == 0o644
