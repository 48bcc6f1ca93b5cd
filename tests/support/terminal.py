"""A program on a terminal of its own, for the questions that it asks a person."""

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 60  # seconds until a test gives up


@dataclass(slots=True, kw_only=True)
class Terminal:
    """What stands on the screen, and the keyboard."""

    process: "subprocess.Popen[bytes]"
    fd: int
    screen: str = ""
    read: int = field(default=0)  # what of the screen has been waited for

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.fd, keys.encode())

    def wait_for(self, text: str) -> str:
        """Wait until the text appears after what was waited for before."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.screen.find(text, self.read)) < 0:
            assert time.monotonic() < deadline, f"{text!r} is not on {self.screen!r}"
            assert self._more(), f"{text!r} is not on {self.screen!r}, and the program ended"
        self.read = found + len(text)
        return self.screen

    def end(self) -> int:
        """Read on until the program ends; give its exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._more():
            assert time.monotonic() < deadline, f"no end: {self.screen!r}"
        return self.process.wait(PATIENCE)

    def _more(self) -> bool:
        ready, _, _ = select.select([self.fd], [], [], 0.5)
        if not ready:
            return self.process.poll() is None
        try:
            data = os.read(self.fd, 4096)
        except OSError:  # EIO: the other side is closed
            return False
        self.screen += data.decode("utf-8", "replace")
        return bool(data)


@contextmanager
def on_terminal(
    command: Sequence[str], *, cwd: Path, environ: Mapping[str, str]
) -> Iterator[Terminal]:
    """Run a program with a controlling terminal of its own."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environ),
            preexec_fn=lambda: _log_in(theirs),  # noqa: PLW1509 - no threads in the child
            close_fds=False,
        )
        os.close(theirs)
        theirs = -1
        try:
            yield Terminal(process=process, fd=ours)
        finally:
            process.kill()
            process.wait(PATIENCE)
    finally:
        os.close(ours)
        if theirs >= 0:
            os.close(theirs)


def _log_in(terminal: int) -> None:
    """Take the terminal, and signals as a login has them: who runs the tests may ignore some."""
    for each in (signal.SIGHUP, signal.SIGINT):
        signal.signal(each, signal.SIG_DFL)
    os.login_tty(terminal)
