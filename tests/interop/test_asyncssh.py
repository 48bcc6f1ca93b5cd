"""A second implementation of SSH takes what OpenSSH takes, and refuses what it refuses."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from tests.support.appliance import HEARTH, Appliance, environment

WHO = "anna"
HOST = "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A CA, and a folder with the files of a host and of a person."""

    ca: Appliance
    folder: Path

    def hearth(self, *arguments: str) -> str:
        """Run a command of ours in the folder."""
        ended = subprocess.run(
            [*HEARTH, *arguments],
            cwd=self.folder, env=environment(self.ca.steppath), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def certified(self, key_id: str, name: str, *flags: str) -> None:
        self.hearth(
            "ssh", "certificate", key_id, name, "--no-password", "--insecure", "--no-agent",
            "--provisioner", "admin", "--provisioner-password-file", str(self.ca.password_file),
            *flags,
        )  # fmt: skip

    async def log_in(self, key: str, user: str = WHO) -> str:
        """Serve, knock, and give what is answered to the one who was let in."""

        def greet(process: "asyncssh.SSHServerProcess[str]") -> None:
            process.stdout.write(f"hello {process.get_extra_info('username')}")
            process.exit(0)

        file = str(self.folder / key)
        server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[str(self.folder / "host")],
            server_host_certs=[str(self.folder / "host-cert.pub")],
            authorized_client_keys=str(self.folder / "authorized"),
            process_factory=greet,
        )
        said = ""
        async with server:
            connection = await asyncssh.connect(
                HOST,
                server.get_port(),
                username=user,
                known_hosts=str(self.folder / "known_hosts"),
                client_keys=[(file, f"{file}-cert.pub")],
                agent_path=None,
                config=None,
            )
            try:
                said = str((await connection.run()).stdout)
            finally:
                connection.close()
                await connection.wait_closed()
        return said


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("asyncssh")
    ca = Appliance(folder / "ca", "--ssh")
    document = json.loads(ca.ca_json.read_text())
    document["authority"]["claims"] = {"enableSSHCA": True}
    ca.ca_json.write_text(json.dumps(document))
    ca.start()
    try:
        made = World(ca=ca, folder=folder)
        known = made.hearth("ssh", "config", "--host", "--roots").strip()
        trusted = made.hearth("ssh", "config", "--roots").strip()
        (folder / "known_hosts").write_text(f"@cert-authority * {known}\n")
        (folder / "authorized").write_text(f"cert-authority {trusted}\n")
        made.certified(HOST, "host", "--host")
        yield made
    finally:
        ca.stop()


@pytest.mark.parametrize("kind", ["EC", "RSA"])
def test_both_ends_trust_our_certificates(kind: str, world: World) -> None:
    world.certified(WHO, f"of_{kind}", "--kty", kind)
    assert asyncio.run(world.log_in(f"of_{kind}")) == f"hello {WHO}"


def test_another_name_than_the_certificates_is_refused(world: World) -> None:
    world.certified(WHO, "named")
    with pytest.raises(asyncssh.PermissionDenied):
        asyncio.run(world.log_in("named", user="root"))


def test_a_hosts_certificate_lets_no_user_in(world: World) -> None:
    world.certified(WHO, "as_host", "--host")
    with pytest.raises(asyncssh.PermissionDenied):
        asyncio.run(world.log_in("as_host"))
