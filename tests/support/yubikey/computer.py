"""Where a test has its virtual YubiKeys: starts the machine, tells it what to do.

This process reaches its pcscd through PCSCLITE_CSOCK_NAME, which the PC/SC library reads once:
one machine a test process, at one path.
"""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from smartcard import scard

REPOSITORY = Path(__file__).resolve().parents[3]
SERIAL = 12345678
SECOND_SERIAL = 87654321
PCSCD = Path("/usr/sbin/pcscd")
VPCD = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
_SOCKET = "PCSCLITE_CSOCK_NAME"


class Computer:
    """The machine's control, and the cards in it (0 and 1)."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process = process
        self.folder = folder
        self.environment = {**os.environ, _SOCKET: str(folder / "pcscd.comm")}

    def tell(self, do: str, **how: Any) -> Any:
        """Give an order and wait until it is done."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError
        self._process.stdin.write(json.dumps({"do": do, **how}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def unplug(self, card: int = 0) -> None:
        self.tell("unplug", card=card)

    def plug(self, card: int = 0) -> None:
        self.tell("plug", card=card)

    def wait_for_cards(self, count: int, patience: float = 10.0) -> None:
        """Wait until pcscd has noticed so many cards: it looks twice a second."""
        status, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
        assert status == scard.SCARD_S_SUCCESS, scard.SCardGetErrorMessage(status)
        end = time.monotonic() + patience
        try:
            while True:
                _, names = scard.SCardListReaders(context, [])
                asked = [(name, scard.SCARD_STATE_UNAWARE) for name in names or []]
                _, states = scard.SCardGetStatusChange(context, 0, asked)
                present = sum(bool(state & scard.SCARD_STATE_PRESENT) for _, state, _ in states)
                if present == count:
                    return
                assert time.monotonic() < end, f"{present} of {count} cards"
                time.sleep(0.02)
        finally:
            scard.SCardReleaseContext(context)

    def tries_left(self, card: int = 0) -> int:
        return int(self.tell("memory", card=card)["pin_tries"]["left"])

    def commands(self, card: int = 0) -> list[int]:
        """The instructions that the card got since last asked."""
        return [int(apdu[2:4], 16) for apdu, _ in self.tell("seen", card=card)]

    def run(self, *command: str, check: bool = True) -> str:
        """Run another program that uses the same pcscd; give its output."""
        done = subprocess.run(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stdout
        return done.stdout


@contextmanager
def computer(*versions: str) -> Iterator[Computer]:
    """Run a machine with YubiKeys of these firmware versions; skips where there is no pcscd."""
    missing = [str(file) for file in (PCSCD, VPCD) if not file.exists()]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"{' and '.join(missing)} not installed (packaging/setup.sh test does)")
    folder = Path(os.environ.get(_SOCKET, "/nowhere/x")).parent
    if not folder.is_dir():
        folder = Path(tempfile.mkdtemp(prefix="hearth-pcsc-"))
        folder.chmod(0o755)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ[_SOCKET] = str(folder / "pcscd.comm")
    serials = (SERIAL, SECOND_SERIAL)
    cards = [f"{serial}:{version}" for serial, version in zip(serials, versions, strict=False)]
    as_root = os.geteuid() == 0
    process = subprocess.Popen(
        [
            *("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"),
            *(() if as_root else ("--map-root-user",)),
            *(sys.executable, "-m", "tests.support.yubikey.machine", str(folder), *cards),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == "ready"
        machine = Computer(process, folder)
        machine.wait_for_cards(len(versions))
        yield machine
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(10)
        finally:
            process.kill()
            if process.stdout is not None:
                process.stdout.close()
