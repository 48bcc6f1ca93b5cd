"""`make run`: a CA under a directory of its own, and commands that work as printed."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def running(var: Path) -> Iterator[str]:
    """The script behind make run, without a terminal; gives what it printed until it served."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STEP")}
    process = subprocess.Popen(
        [sys.executable, "packaging/run.py"],
        cwd=ROOT,
        env={**kept, "VAR": str(var)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    printed = ""
    try:
        for line in process.stdout:
            printed += line
            if "Serving HTTPS" in line:
                break
        yield printed
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
        process.stdout.close()


def printed_commands(text: str) -> list[list[str]]:
    return [
        shlex.split(line) for line in re.findall(r"^  (\.venv/bin/hearth .*)$", text, re.MULTILINE)
    ]


def test_the_three_commands_get_a_first_certificate_as_printed(tmp_path: Path) -> None:
    var, client = tmp_path / "var", tmp_path / "client"
    client.mkdir()
    with running(var) as printed:
        commands = printed_commands(printed)
        assert len(commands) == 3
        said = ""
        for _, *words in commands:
            ended = subprocess.run(
                [sys.executable, "-m", "appliance.cli.main", *words],
                cwd=client,
                env={**os.environ, "STEPPATH": str(client / "step"), "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            assert ended.returncode == 0, ended.stderr
            said = ended.stdout
        assert "Subject:     localhost" in said
    passwords = sorted((var / "passwords").iterdir())
    assert [file.stat().st_mode & 0o777 for file in passwords] == [0o600, 0o600]


def test_a_second_run_is_the_same_authority_at_the_same_address(tmp_path: Path) -> None:
    with running(tmp_path / "var") as first:
        pass
    with running(tmp_path / "var") as second:
        pass
    assert "Generating root certificate" in first
    assert "Generating root certificate" not in second
    assert printed_commands(first) == printed_commands(second)
