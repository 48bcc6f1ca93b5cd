"""A TPM in software, and the token that tpm2-pkcs11 makes of it."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PIN, SO_PIN = "123456", "sopin1"
LABEL = "tpm"
MODULES = sorted(Path("/usr/lib").glob("*/pkcs11/libtpm2_pkcs11.so"))
PROGRAMS = ("swtpm", "tpm2_flushcontext", "pkcs11-tool")
_RUNNING = 0.02


class Tpm:
    """There is no resource manager: what a client leaves in the chip has to be flushed."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self.module = str(MODULES[0])

    def uri(self, rest: str = "") -> str:
        return f"pkcs11:module-path={self.module};token={LABEL}{rest}"

    def flush(self) -> None:
        """Throw transient objects and sessions out."""
        for kind in ("-t", "-l", "-s"):
            subprocess.run(["tpm2_flushcontext", kind], check=True, capture_output=True)

    def initialise(self) -> None:
        """Make the token."""
        for words in (
            ("--slot-index", "0", "--init-token", "--label", LABEL),
            ("--token-label", LABEL, "--init-pin", "--pin", PIN),
        ):
            subprocess.run(
                ["pkcs11-tool", "--module", self.module, *words, "--so-pin", SO_PIN],
                check=True,
                capture_output=True,
            )
            self.flush()


@contextmanager
def tpm(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tpm]:
    """Run one; clients find it by environment variables, as the module does in its worker."""
    missing = [each for each in PROGRAMS if shutil.which(each) is None]
    if missing or not MODULES:
        if os.environ.get("CI"):
            pytest.fail("packaging/setup.sh test installs swtpm and tpm2-pkcs11: not here")
        pytest.skip(f"needs {', '.join([*missing, 'tpm2-pkcs11'])}")
    state, store = directory / "state", directory / "store"
    for each in (state, store):
        each.mkdir(parents=True)
    port = _two_free_ports()
    process = subprocess.Popen(
        ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}"]
        + ["--ctrl", f"type=tcp,port={port + 1}", "--server", f"type=tcp,port={port}"]
        + ["--flags", "not-need-init,startup-clear"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    reached = f"swtpm:host=127.0.0.1,port={port}"
    monkeypatch.setenv("TPM2TOOLS_TCTI", reached)
    monkeypatch.setenv("TPM2_PKCS11_TCTI", reached)
    monkeypatch.setenv("TPM2_PKCS11_STORE", str(store))
    try:
        _wait_for(port + 1)
        made = Tpm(process)
        made.initialise()
        yield made
    finally:
        process.kill()
        process.wait()


def _two_free_ports() -> int:
    """The client finds the control port one above the other."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def _wait_for(port: int) -> None:
    end = time.monotonic() + 60
    while True:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < end, "swtpm does not listen"
        time.sleep(_RUNNING)
