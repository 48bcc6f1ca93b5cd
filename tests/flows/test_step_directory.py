"""An existing directory made by the reference's `ca init` is served as it is, to the real step."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.appliance import HEARTH, PASSWORD, environment, free_port
from tests.support.terminal import PATIENCE

pytestmark = pytest.mark.reference


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """What `step ca init --ssh --acme` makes: badger database, SSH keys, templates."""
    (tmp_path / "password").write_text(PASSWORD)
    made = step(
        tmp_path, "ca", "init", "--ssh", "--acme", "--name", "Reference", "--dns", "localhost",
        "--address", f"127.0.0.1:{free_port()}", "--provisioner", "admin",
        "--deployment-type", "standalone", "--password-file", "password",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return tmp_path


def step(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["step", *arguments],
        cwd=directory,
        env=environment(directory / "step"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        start_new_session=True,
    )


@pytest.fixture
def log(directory: Path) -> Iterator[list[str]]:
    """Serve it; the log's lines up to readiness are in the list, all of them after the end."""
    started = subprocess.Popen(
        [*HEARTH, "serve", "--password-file", str(directory / "password")],
        env=environment(directory / "step"),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert started.stderr is not None
    lines: list[str] = []
    with started:
        for line in started.stderr:
            lines.append(line)
            if "Serving HTTPS on" in line:
                break
        yield lines
        started.terminate()
        lines += started.stderr
        assert started.wait(PATIENCE) == 0


def test_steps_own_directory_works_as_it_is(directory: Path, log: list[str]) -> None:
    theirs = [path for path in (directory / "step").rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in theirs if "db.leveldb" not in path.parts}
    start = "".join(log)
    assert "is step-ca's and is left as it is" in start
    assert "does not serve" not in start
    assert step(directory, "ca", "health").stdout == "ok\n"
    got = step(
        directory, "ca", "certificate", "localhost", "a.crt", "a.key",
        "--provisioner", "admin", "--provisioner-password-file", "password",
    )  # fmt: skip
    assert got.returncode == 0, got.stderr
    renewed = step(directory, "ca", "renew", "--force", "a.crt", "a.key")
    assert renewed.returncode == 0, renewed.stderr
    revoked = step(directory, "ca", "revoke", "--cert", "a.crt", "--key", "a.key")
    assert revoked.returncode == 0, revoked.stderr
    assert step(directory, "ca", "renew", "--force", "a.crt", "a.key").returncode == 1
    for path, content in before.items():
        assert path.read_bytes() == content, path


def test_its_provisioners_are_listed_as_step_ca_lists_them(directory: Path, log: list[str]) -> None:
    ours = step(directory, "ca", "provisioner", "list").stdout
    stored = (directory / "step" / "config" / "ca.json").read_text()
    assert '"type": "SSHPOP"' in ours
    for kind in ("JWK", "ACME", "SSHPOP"):
        assert f'"type": "{kind}"' in stored
        assert f'"type": "{kind}"' in ours
