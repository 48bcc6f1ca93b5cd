"""A real terminal that a test can read and type on: a tmux server of its own."""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

_PATIENCE = 60.0  # seconds; the machine may be busy


class Tmux:
    """One session with one shell. Its socket lies in a directory of the test."""

    def __init__(self, directory: Path, *, width: int = 80, height: int = 24) -> None:
        self._socket = directory / "tmux"
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", str(width), "-y", str(height),
            "env", "-i", f"PATH={os.environ['PATH']}", "TERM=screen-256color", "LANG=C.UTF-8",
            "PS1=ready> ", "/bin/sh",
        )  # fmt: skip
        self.until(lambda text: "ready>" in text)

    def run(self, command: list[str], environment: Mapping[str, str]) -> None:
        """Type a command line; `ended N` follows its end, N being its exit code."""
        variables = [f"{name}={environment[name]}" for name in ("STEPPATH", "HOME")]
        line = shlex.join(["env", *variables, *command])
        self.keys(f"clear; {line}; echo ended $?", "Enter")

    def keys(self, *keys: str) -> None:
        self._tmux("send-keys", "-t", "t", *keys)

    @property
    def text(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", "t")

    @property
    def is_cooked(self) -> bool:
        """Whether the terminal echoes and edits lines, as a shell's user needs it."""
        tty = self._tmux("display-message", "-p", "-t", "t", "#{pane_tty}").strip()
        flags = subprocess.run(
            ["stty", "-a", "-F", tty], check=True, capture_output=True, text=True
        ).stdout.split()
        alternate = self._tmux("display-message", "-p", "-t", "t", "#{alternate_on}").strip()
        return "icanon" in flags and "echo" in flags and alternate == "0"

    def resize(self, width: int, height: int) -> None:
        self._tmux("resize-window", "-t", "t", "-x", str(width), "-y", str(height))

    def until(self, holds: Callable[[str], bool]) -> str:
        """Wait until the screen is as wished, and give it."""
        deadline = time.monotonic() + _PATIENCE
        while not holds(text := self.text):
            assert time.monotonic() < deadline, f"it never held:\n{text}"
            time.sleep(0.1)
        return text

    def hang_up(self) -> None:
        """Take the terminal away, as a lost ssh connection does."""
        self._tmux("kill-server")

    def _tmux(self, *arguments: str) -> str:
        return subprocess.run(
            ["tmux", "-S", str(self._socket), *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=20,
        ).stdout


@contextmanager
def tmux(directory: Path) -> Iterator[Tmux]:
    """Give a terminal, and end what runs on it. Without tmux: skip, but never in CI."""
    if shutil.which("tmux") is None:
        if os.environ.get("CI"):
            pytest.fail("tmux is missing")
        pytest.skip("needs tmux")
    terminal = Tmux(directory)
    try:
        yield terminal
    finally:
        subprocess.run(
            ["tmux", "-S", str(directory / "tmux"), "kill-server"], capture_output=True, check=False
        )
