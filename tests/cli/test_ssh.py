"""What is shown of SSH keys and certificates: as step shows it, recorded by record_ssh.py."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from appliance.cli.main import main
from appliance.formats.ssh import authorized
from appliance.formats.ssh.certificate import FOREVER, SshCertificate
from tests.support import ssh_agent

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parent / "golden" / "ssh.json").read_text(encoding="utf-8")
)
# What never ends is never due here; step takes its end for the year 1 and renews it for ever.
OURS = {f"forever-cert.pub {limit}": [1, ""] for limit in ("1h", "-1h")}


@pytest.fixture(autouse=True)
def folder(steppath: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The recorded files, in the time zone of the recording."""
    monkeypatch.chdir(tmp_path)
    for name, text in GOLDEN["files"].items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/St_Johns")
        time.tzset()
        yield tmp_path
    time.tzset()


def run(capfd: pytest.CaptureFixture[str], *words: str) -> list[Any]:
    code = main(["ssh", *words])
    return [code, capfd.readouterr().out]


def _in_order(text: str) -> list[str]:
    """Sort options: step shows them in another order each time."""
    lines = text.splitlines()
    titles = [i for i, line in enumerate(lines) if "Options: " in line or "Extensions: " in line]
    for place in titles:
        end = next(i for i in range(place + 1, len(lines)) if not lines[i].startswith(" " * 16))
        lines[place + 1 : end] = sorted(lines[place + 1 : end])
    return lines


@pytest.mark.parametrize("case", GOLDEN["inspect"])
def test_certificates_are_shown_as_step_shows_them(
    case: str, capfd: pytest.CaptureFixture[str]
) -> None:
    name, form = case.split()
    code, text = run(capfd, "inspect", name, "--format", form)
    expected_code, expected = GOLDEN["inspect"][case]
    assert (code, _in_order(text)) == (expected_code, _in_order(expected))


@pytest.mark.parametrize("case", GOLDEN["fingerprint"])
def test_fingerprints_are_step_s(case: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "fingerprint", *case.split()) == GOLDEN["fingerprint"][case]


@pytest.mark.parametrize("case", GOLDEN["needs-renewal"])
def test_what_is_due_is_due_for_step(case: str, capfd: pytest.CaptureFixture[str]) -> None:
    name, limit = case.split(" ")
    flags = [f"--expires-in={limit}"] if limit else []
    done = run(capfd, "needs-renewal", "-v", *flags, name)
    assert done == OURS.get(case, GOLDEN["needs-renewal"][case])


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An agent that holds what the recorded one held."""
    folder = tmp_path_factory.mktemp("keys")
    with ssh_agent.running() as socket:
        for name, text in GOLDEN["agent"].items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
        for name in ("ecdsa256", "rsa2048"):
            command = ["ssh-add", "-q", str(folder / name)]
            subprocess.run(command, env={"SSH_AUTH_SOCK": str(socket)}, check=True, timeout=10)
        yield socket


@pytest.mark.parametrize("case", [case for case in GOLDEN["list"] if case != "(empty)"])
def test_the_agent_s_keys_are_listed_as_step_lists_them(
    case: str, capfd: pytest.CaptureFixture[str], agent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
    subject = case.replace("--raw", "").strip()
    words = [*(["--raw"] if "--raw" in case else []), *([subject] if subject else [])]
    assert run(capfd, "list", *words) == GOLDEN["list"][case]


def test_an_empty_agent_is_told_as_step_tells_it(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ssh_agent.running() as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        assert run(capfd, "list") == GOLDEN["list"]["(empty)"]


@pytest.mark.parametrize("command", ["inspect", "fingerprint", "needs-renewal"])
def test_standard_input_is_read_by_default(
    command: str, folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, named = run(capfd, command, "user-cert.pub")
    with (folder / "user-cert.pub").open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        _, read = run(capfd, command)
    assert read == named.replace("user-cert.pub:", "-:")


def test_times_beyond_the_calendar_are_shown_in_seconds(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    held, _ = authorized.read((folder / "user-cert.pub").read_bytes())
    assert isinstance(held, SshCertificate)
    far = replace(held, valid_before=FOREVER - 1)
    Path("far.pub").write_text(f"{far.line}\n")
    assert f"to @{FOREVER - 1}\n" in run(capfd, "inspect", "far.pub")[1]
    assert json.loads(run(capfd, "inspect", "far.pub", "--format", "json")[1])["ValidBefore"] == (
        f"@{FOREVER - 1}"
    )


def test_unknown_forms_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "inspect", "user-cert.pub", "--format", "pem") == [1, ""]
    assert run(capfd, "fingerprint", "user-cert.pub", "--format", "roman") == [1, ""]
