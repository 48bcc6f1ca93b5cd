"""SSH certificates for people at a terminal or a browser, and for machines with credentials."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from appliance.formats import keyfile
from appliance.formats.ssh import authorized, keys
from appliance.formats.ssh.certificate import SshCertificate
from appliance.model.secret import Password
from appliance.model.ssh import CertificateType
from tests.authority import credential_scenarios as scenarios
from tests.flows.test_credentials import nebula_key, scenarios_clock
from tests.support import nebula, ssh_agent
from tests.support.appliance import HEARTH, PASSWORD, Appliance, environment
from tests.support.idp import Idp, idp
from tests.support.shell import named
from tests.support.terminal import on_terminal

BROWSER = """#!/bin/sh
exec {python} -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=10)' "$1"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A CA, an identity provider, a person's agent and folder."""

    appliance: Appliance
    provider: Idp
    socket: Path
    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        """The person's environment, with the browser first on PATH."""
        known = environment(self.appliance.steppath)
        path = f"{self.folder / 'bin'}:{known['PATH']}"
        return {**known, "PATH": path, "SSH_AUTH_SOCK": str(self.socket)}

    def run(
        self, *words: str, program: list[str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command without a terminal."""
        return subprocess.run(
            [*(program or HEARTH), *words],
            env=self.environ, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=60, check=False, start_new_session=True,
        )  # fmt: skip

    def ok(self, *words: str) -> str:
        """Run a command that goes well; give what it told."""
        ended = self.run(*words)
        assert ended.returncode == 0, ended.stderr
        return ended.stderr

    def held(self) -> list[tuple[SshCertificate, str]]:
        """Give the certificates in the agent, and their comments."""
        found = [authorized.read(line.encode()) for line in ssh_agent.listed(self.socket)]
        return [(each, comment) for each, comment in found if isinstance(each, SshCertificate)]

    def certificate(self, name: str) -> SshCertificate:
        """Read a file."""
        held, _ = authorized.read((self.folder / name).read_bytes())
        assert isinstance(held, SshCertificate)
        return held


def _entries(provider: Idp) -> list[dict[str, Any]]:
    """Give provisioners for people, for Nebula's hosts and for pods, which may grant SSH."""
    others = {each["name"]: each for each in scenarios.credential_provisioners()}
    chosen = [provider.entry(name="people"), others["nebula"], others["k8s"]]
    return [{**each, "claims": {"enableSSHCA": True}} for each in chosen]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("person")
    (folder / "bin").mkdir()
    browser = folder / "bin" / "xdg-open"
    browser.write_text(BROWSER.format(python=os.path.realpath("/proc/self/exe")))
    browser.chmod(0o755)
    (folder / "pw").write_text(PASSWORD)
    appliance = Appliance(tmp_path_factory.mktemp("ca"), "--ssh")
    with idp() as provider, ssh_agent.running() as socket:
        document = json.loads(appliance.ca_json.read_text())
        document["authority"]["provisioners"] += _entries(provider)
        appliance.ca_json.write_text(json.dumps(document))
        appliance.start()
        try:
            yield World(appliance=appliance, provider=provider, socket=socket, folder=folder)
        finally:
            appliance.stop()


@pytest.fixture
def agent(world: World) -> None:
    """Nothing in the agent yet."""
    world.ok("ssh", "logout", "--all")


@pytest.mark.usefixtures("agent")
def test_people_log_in_with_a_browser(world: World) -> None:
    said = world.ok("ssh", "login", "--provisioner", "people", "--comment", "me")
    assert "Your default web browser has been opened to visit:" in said
    ((held, comment),) = world.held()
    assert (held.key_id, held.principals, comment) == (
        "jane@example.com", ("jane", "jane@example.com"), "me"
    )  # fmt: skip
    said = world.ok("ssh", "login", "--provisioner", "people", "--comment", "me")
    assert "already present in the SSH agent" in said


@pytest.mark.usefixtures("agent")
def test_people_log_in_on_another_device(world: World) -> None:
    world.provider.pending = 1
    said = world.ok("ssh", "login", "jane@example.com", "--provisioner", "people", "--console")
    assert "enter the code:\nWDJB-MJHT\n" in said
    assert [comment for _, comment in world.held()] == ["jane@example.com"]


def test_a_host_of_a_nebula_network_gets_a_certificate(world: World) -> None:
    host = nebula.holder(
        "host.example", authority=scenarios.NEBULA_CA, networks=["10.1.2.3/24"], **scenarios.V1
    )
    (world.folder / "nebula.crt").write_text(host.text)
    (world.folder / "nebula.key").write_text(nebula_key(host.key))
    flags = ("--nebula-cert", "nebula.crt", "--nebula-key", "nebula.key", "--host")
    world.ok("ssh", "certificate", "host.example", "hk", *flags, "--no-password", "--insecure")
    made = world.certificate("hk-cert.pub")
    assert (made.type, made.principals) == (CertificateType.HOST, ("host.example",))


def test_a_service_account_gets_a_certificate(world: World) -> None:
    (world.folder / "account").write_text(scenarios.account_token(scenarios_clock()) + "\n")
    flags = ("--k8ssa-token-path", "account", "--no-password", "--insecure", "--no-agent")
    world.ok("ssh", "certificate", "pod", "pk", *flags, "-n", "pod")
    assert world.certificate("pk-cert.pub").principals == ("pod",)


def test_the_password_of_a_new_key_is_asked_for(world: World) -> None:
    flags = ["--provisioner", "admin", "--min-password-length", "8", "--no-agent"]
    command = [*HEARTH, "ssh", "certificate", "jane", "asked", *flags]
    with on_terminal(command, cwd=world.folder, environ=world.environ) as terminal:
        terminal.wait_for("Please enter the password to decrypt the provisioner key: ")
        terminal.type(PASSWORD + "\n")
        question = "encrypt the private key (must be at least 8 characters): "
        terminal.wait_for(question)
        terminal.type("short\n")
        terminal.wait_for("The password must have at least 8 characters.")
        terminal.wait_for(question)
        terminal.type("long enough\n")
        terminal.wait_for("asked-cert.pub")
        assert terminal.end() == 0
    assert "long enough" not in terminal.screen
    content = (world.folder / "asked").read_bytes()
    key = keyfile.load_private_key(content, Password(b"long enough"))
    assert keys.of_key(key.public_key()) == world.certificate("asked-cert.pub").key
    with pytest.raises(keyfile.PasswordNeeded):
        keyfile.load_private_key(content, None)


@pytest.mark.usefixtures("agent")
def test_who_does_not_say_who_is_asked(world: World) -> None:
    flags = ["--provisioner", "admin", "--provisioner-password-file", "pw"]
    command = [*HEARTH, "ssh", "login", *flags]
    with on_terminal(command, cwd=world.folder, environ=world.environ) as terminal:
        terminal.wait_for("What user principal would you like to use? (e.g. alice):")
        terminal.type("jane\n")
        assert terminal.end() == 0
    assert [held.key_id for held, _ in world.held()] == ["jane"]


def test_step_is_the_same_program(world: World, tmp_path: Path) -> None:
    programs = named(tmp_path / "names", "step")
    shown = world.run("ssh", "list", program=[str(programs / "step")])
    assert shown.returncode == 0
    assert world.run("ssh", "list").stdout == shown.stdout
    helped = world.run("ssh", "login", "--help", program=[str(programs / "step")]).stdout
    assert helped.startswith("Usage: step ssh login [<identity>] [flags]")
