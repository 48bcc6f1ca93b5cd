"""Commands run in the test's own process, where a process of its own would only cost its start."""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.cli.main import main


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, as a process would tell."""

    returncode: int
    stdout: str
    stderr: str


def at_home(monkeypatch: pytest.MonkeyPatch, steppath: Path) -> None:
    """Let commands find this step directory, and nothing of who runs the tests."""
    monkeypatch.setenv("STEPPATH", str(steppath))
    monkeypatch.setenv("HOME", str(steppath.parent))


def hearth(*arguments: str | Path) -> Ended:
    """Run a command to its end."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([*map(str, arguments)])
    return Ended(code, out.getvalue(), err.getvalue())


def ok(*arguments: str | Path) -> str:
    """Run a command that has to succeed, and give all that it says."""
    ended = hearth(*arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout + ended.stderr
