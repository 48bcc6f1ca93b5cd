"""A whole appliance in a process of its own, for tests that judge it from outside."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

from tests.support.in_process import Ended, hearth
from tests.support.load import Provisioner

PASSWORD = "a test's password"
HEARTH = [sys.executable, "-m", "appliance.cli.main"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(steppath: Path) -> dict[str, str]:
    """The process's environment with this step directory and no other STEP variable."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STEP")}
    return {**kept, "STEPPATH": str(steppath), "HOME": str(steppath.parent)}


class Appliance:
    """A CA made by `ca init` in `directory`, its password file, and the server when started.

    Beside the provisioner `admin` of init it has `load`, whose private key `self.load` holds.
    """

    def __init__(self, directory: Path, *init_flags: str, command: list[str] = HEARTH) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.command = command
        self.steppath = directory / "step"
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self.password_file = directory / "password"
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(PASSWORD)
        self.process: subprocess.Popen[bytes] | None = None
        self.log = directory / "log"
        made = self._made(
            "ca", "init", "--name", "Test", "--dns", "localhost,127.0.0.1",
            "--address", f"127.0.0.1:{self.port}", "--provisioner", "admin",
            "--deployment-type", "standalone", "--password-file", str(self.password_file),
            *init_flags,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        self.load = Provisioner.generate("load")
        document = json.loads(self.ca_json.read_text())
        document["authority"]["provisioners"].append(self.load.entry())
        self.ca_json.write_text(json.dumps(document, indent="\t"))

    @property
    def ca_json(self) -> Path:
        return self.steppath / "config" / "ca.json"

    @property
    def root(self) -> Path:
        return self.steppath / "certs" / "root_ca.crt"

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.root))

    def run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of ours to its end, with this CA's step directory and no terminal."""
        return subprocess.run(
            [*self.command, *arguments],
            env=environment(self.steppath),
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            start_new_session=True,
        )

    def _made(self, *arguments: str) -> "Ended | subprocess.CompletedProcess[str]":
        """Run a command that nobody judges: in this process, where it is not another program's."""
        if self.command != HEARTH:
            return self.run(*arguments)
        # In a thread, since a test may have an event loop of its own.
        with (
            patch.dict(os.environ, environment(self.steppath), clear=True),
            ThreadPoolExecutor(1) as thread,
        ):
            return thread.submit(hearth, *arguments).result()

    def start(self, *flags: str) -> "Appliance":
        """Begin, and wait until it answers and can be operated."""
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, "serve", str(self.ca_json)]
                + ["--password-file", str(self.password_file), *flags],
                env=environment(self.steppath),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while b"Serving HTTPS on " not in self.log.read_bytes()[before:] or not self.healthy():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not start:\n{self.log.read_text()}")
            time.sleep(0.02)
        return self

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(
                f"{self.url}/health", context=self.context(), timeout=5
            ) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def fetched(self, path: str) -> bytes:
        """What a GET gives."""
        with urllib.request.urlopen(
            f"{self.url}{path}", context=self.context(), timeout=5
        ) as answer:
            return bytes(answer.read())

    def memory(self) -> float:
        """Resident memory in MB."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    def kill(self) -> None:
        """End the server as a power cut would, as far as the process can tell."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self) -> int:
        """Ask the server to end; give its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self.process = None
        return code
