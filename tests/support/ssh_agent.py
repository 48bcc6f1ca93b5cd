"""A real ssh-agent, for as long as a test needs it."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running() -> Iterator[Path]:
    """Start ssh-agent and give its socket; below a short path, as sockets need it."""
    folder = Path(tempfile.mkdtemp(prefix="agent-"))
    socket = folder / "s"
    process = subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(socket)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not socket.exists():
            assert process.poll() is None, "ssh-agent does not start"
            assert time.monotonic() < deadline, "ssh-agent does not start"
            time.sleep(0.01)
        yield socket
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder)


def listed(socket: Path) -> list[str]:
    """Ask ssh-add what an agent holds: one `TYPE BASE64 COMMENT` each."""
    done = subprocess.run(
        ["ssh-add", "-L"],
        env={"SSH_AUTH_SOCK": str(socket)}, capture_output=True, text=True, timeout=10, check=False,
    )  # fmt: skip
    return done.stdout.splitlines() if done.returncode == 0 else []
