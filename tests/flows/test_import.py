"""A step-ca with an embedded database is imported and served on: its clients notice nothing."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.appliance import HEARTH, PASSWORD, environment, free_port
from tests.support.terminal import PATIENCE

pytestmark = pytest.mark.reference

ADMIN = ("--provisioner", "admin", "--provisioner-password-file", "password")
DATABASES = {"badgerv2": "db", "bbolt": "ca.bolt"}


@dataclass(slots=True, kw_only=True)
class World:
    """A step directory, the programs that serve it, and the step client."""

    folder: Path
    steppath: Path
    challenges: int = field(default_factory=free_port)

    @property
    def config(self) -> Path:
        return self.steppath / "config" / "ca.json"

    def run(self, program: str, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*(HEARTH if program == "hearth" else [program]), *words],
            cwd=self.folder,
            env=environment(self.steppath),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            start_new_session=True,
        )

    def ok(self, *words: str, program: str = "step") -> str:
        ended = self.run(program, *words)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def refused(self, *words: str) -> str:
        ended = self.run("step", *words)
        assert ended.returncode != 0
        return ended.stderr

    def serial(self, name: str) -> int:
        return x509.load_pem_x509_certificate((self.folder / name).read_bytes()).serial_number

    @contextmanager
    def served(self, *command: str, killed: bool = False) -> Iterator[Path]:
        """Serve until the block ends, or is `killed` then; gives the log."""
        log = self.folder / "log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [*command, str(self.config), "--password-file", "password", "--insecure"]
                + ["--acme-http-port", str(self.challenges)],
                cwd=self.folder,
                env=environment(self.steppath),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        try:
            deadline = time.monotonic() + PATIENCE
            while self.run("step", "ca", "health").returncode != 0:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield log
        finally:
            if killed:
                process.kill()
            else:
                process.terminate()
            process.wait(PATIENCE)


@pytest.fixture(params=DATABASES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    (tmp_path / "password").write_text(PASSWORD)
    made = World(folder=tmp_path, steppath=tmp_path / "step")
    made.ok(
        "ca", "init", "--ssh", "--acme", "--name", "Moving", "--dns", "localhost",
        "--address", f"127.0.0.1:{free_port()}", "--provisioner", "admin",
        "--deployment-type", "standalone", "--password-file", "password",
    )  # fmt: skip
    config = json.loads(made.config.read_text())
    place = tmp_path / "step" / DATABASES[request.param]
    config["db"] = {"type": request.param, "dataSource": str(place)}
    config["authority"]["disableIssuedAtCheck"] = True  # so that it is use that refuses a token
    config["crl"] = {"enabled": True, "generateOnRevoke": True}
    made.config.write_text(json.dumps(config))
    return made


def certificate(name: str, *flags: str) -> tuple[str, ...]:
    return ("ca", "certificate", name, f"{name}.crt", f"{name}.key", "--force", *flags)


def acme(world: World, name: str) -> None:
    world.ok(
        *certificate(name, "--provisioner", "acme", "--standalone", "--http-listen",
                     f"127.0.0.1:{world.challenges}")
    )  # fmt: skip


def fill(world: World, *, killed: bool = False) -> str:
    """A day's work of step-ca; gives a token that was used."""
    with world.served("step-ca", killed=killed):
        for name in ("kept", "revoked", "rekeyed"):
            world.ok(*certificate(name, *ADMIN))
        world.ok("ca", "renew", "--force", "kept.crt", "kept.key")
        world.ok("ca", "revoke", "--cert", "revoked.crt", "--key", "revoked.key")
        token = world.ok(
            "ca", "token", "once", "--password-file", "password", "--provisioner", "admin"
        ).strip()
        world.ok(*certificate("once", "--token", token))
        acme(world, "localhost")
        unprotected = ("--no-password", "--insecure", "--no-agent", "--force")
        world.ok("ssh", "certificate", "jane@home", "user", *unprotected, *ADMIN)
        world.ok("ssh", "certificate", "box.home", "box", "--host", *unprotected, *ADMIN)
    return token


def goes_on(world: World, token: str) -> None:
    """Renewals, revocations, one-time tokens, ACME and SSH are as if nothing had happened."""
    world.ok("ca", "renew", "--force", "kept.crt", "kept.key")
    world.ok("ca", "renew", "--force", "--mtls=false", "localhost.crt", "localhost.key")
    world.ok("ca", "rekey", "--force", "rekeyed.crt", "rekeyed.key")
    world.refused("ca", "renew", "--force", "revoked.crt", "revoked.key")
    world.refused(*certificate("once", "--token", token))
    acme(world, "localhost")
    world.ok("ssh", "renew", "--force", "box-cert.pub", "box")
    assert "box.home" in world.ok("ssh", "hosts")
    listed = world.ok("certs", "list", "--format", "json", program="hearth")
    found = {int(each["serial"]): each for each in json.loads(listed)["certificates"]}
    assert found[world.serial("revoked.crt")]["state"] == "revoked"
    assert len(found) == 10  # 5, and one of them anew, by step-ca; then 3 and one by ACME
    world.ok("ca", "revoke", "--cert", "rekeyed.crt", "--key", "rekeyed.key")


def test_beside_the_old_database(world: World) -> None:
    """Before the import, the server says what it does not know, and how it may come to know it."""
    token = fill(world)
    with world.served(*HEARTH, "serve") as log:
        assert f"until `hearth import {world.config} --database-only` has" in log.read_text()
    said = world.ok("import", str(world.folder / "step"), "--database-only", program="hearth")
    assert "rows written and compared" in said
    with world.served(*HEARTH, "serve") as log:
        assert "not known here" not in log.read_text()
        goes_on(world, token)
    assert "the token was used before" in log.read_text()


def test_to_a_new_place_after_step_ca_was_killed(world: World) -> None:
    """What it acknowledged is in its log, if not in its tables."""
    token = fill(world, killed=True)
    old, new = world.folder / "step", world.folder / "new"
    before = {file: file.read_bytes() for file in old.rglob("*") if file.is_file()}
    world.ok("import", "step", "--to", "new", program="hearth")
    assert {file: file.read_bytes() for file in old.rglob("*") if file.is_file()} == before
    world.steppath = new
    with world.served(*HEARTH, "serve") as log:
        goes_on(world, token)
    assert "the token was used before" in log.read_text()


def test_a_running_step_ca_is_not_disturbed(world: World) -> None:
    with world.served("step-ca"):
        refused = world.run("hearth", "import", "step", "--database-only")
        assert refused.returncode == 1
        assert "is in use" in refused.stderr
        world.ok(*certificate("kept", *ADMIN))
