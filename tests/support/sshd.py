"""A real sshd of the current user's, with a configuration of its own, and ssh to knock at it."""

import getpass
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.appliance import free_port

ME = getpass.getuser()
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
_FIXED = """
ListenAddress 127.0.0.1
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile none
LogLevel VERBOSE
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sshd:
    """A server that runs, and the folder with its files."""

    folder: Path
    port: int

    @property
    def log(self) -> str:
        """What it has told so far."""
        return (self.folder / "sshd.log").read_text()


@contextmanager
def running(folder: Path, *lines: str) -> Iterator[Sshd]:
    """Start a server with these lines in sshd_config, until the block ends."""
    assert SSHD is not None, "sshd is not installed: sh packaging/setup.sh test"
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    port = free_port()
    config = folder / "sshd_config"
    config.write_text("\n".join([f"Port {port}", _FIXED, *lines, ""]))
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    server = Sshd(folder=folder, port=port)
    try:
        deadline = time.monotonic() + 60
        while "Server listening" not in server.log:
            assert process.poll() is None, server.log
            assert time.monotonic() < deadline, server.log
            time.sleep(0.02)
        yield server
    finally:
        process.terminate()
        process.wait(10)


def ssh(
    *arguments: str | Path, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ssh without a terminal, and with no configuration but what the arguments say."""
    return subprocess.run(
        ["ssh", *map(str, arguments)],
        env=dict(environ or {"PATH": os.environ["PATH"]}),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
