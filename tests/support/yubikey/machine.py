"""A machine of its own with USB ports: real pcscd and virtual YubiKeys in private namespaces.

    python -m tests.support.yubikey.machine FOLDER SERIAL:VERSION …

It is started by `computer.py` below unshare. pcscd's socket is FOLDER/pcscd.comm: the way in from
outside. Each line of standard input is an order in JSON, each line of output its answer; at the
end of the input everything ends.
"""

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.support.yubikey.card import Card
from tests.support.yubikey.memory import Memory
from tests.support.yubikey.reader import Reader

FIRST_PORT = 0x8C7B  # vpcd has two slots, on this port and the next, on all addresses
_READER = f"""FRIENDLYNAME "Yubico YubiKey OTP+FIDO+CCID"
DEVICENAME   /dev/null:{FIRST_PORT:#x}
LIBPATH      /usr/lib/pcsc/drivers/serial/libifdvpcd.so
CHANNELID    {FIRST_PORT:#x}
"""


class Finger:
    """Touches at once, or when told to; within the YubiKey's time or not at all."""

    def __init__(self) -> None:
        self.waits = False
        self.patience = 15.0
        self.touched = threading.Event()

    def __call__(self, slot: int) -> bool:
        if not self.waits:
            return True
        touched = self.touched.wait(self.patience)
        self.touched.clear()
        return touched


class Machine:
    """pcscd, and the cards in its readers."""

    def __init__(self, folder: Path, cards: list[tuple[int, tuple[int, int, int]]]) -> None:
        self._folder = folder
        self._configuration = folder / "readers"
        self._configuration.mkdir(exist_ok=True)
        (self._configuration / "vpcd").write_text(_READER)
        self._socket = folder / "pcscd.comm"
        self.finger = Finger()
        self.readers = [
            Reader(Card(serial, version, touch=self.finger), FIRST_PORT + number)
            for number, (serial, version) in enumerate(cards)
        ]
        self._plugged = [True] * len(cards)
        self._pcscd: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start pcscd and plug in what is plugged."""
        for left in ("pcscd.pid", "pcscd.comm"):  # by one that was killed
            (self._folder / left).unlink(missing_ok=True)
        command = ["/usr/sbin/pcscd", "-f", "-c", str(self._configuration)]
        self._pcscd = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 60
        while not _answers(self._socket) and time.monotonic() < end:
            time.sleep(0.01)
        for reader, plugged in zip(self.readers, self._plugged, strict=True):
            if plugged:
                reader.plug()

    def kill(self) -> None:
        """Kill pcscd without warning."""
        if self._pcscd is not None:
            self._pcscd.send_signal(signal.SIGKILL)
            self._pcscd.wait()
        for reader in self.readers:
            reader.unplug()

    def obey(self, order: dict[str, Any]) -> Any:
        """Do what was asked; give what can be written as JSON."""
        number = order.get("card", 0)
        reader = self.readers[number]
        match order["do"]:
            case "plug":
                reader.plug()
                self._plugged[number] = True
            case "unplug":
                reader.unplug()
                self._plugged[number] = False
            case "kill":
                self.kill()
            case "start":
                self.start()
            case "stop":  # as a daemon that hangs
                self._signal(signal.SIGSTOP)
            case "continue":
                self._signal(signal.SIGCONT)
            case "delay":
                reader.delay = order["seconds"]
            case "finger":
                self.finger.waits = order["waits"]
                self.finger.patience = order["patience"]
                self.finger.touched.clear()
            case "touch":
                self.finger.touched.set()
            case "fail":
                reader.card.fault = _failing(order["ins"], order["word"], order["times"])
            case "pass":
                reader.card.fault = None
            case "memory":
                return asdict(reader.card.memory)
            case "factory":
                reader.card.piv.memory = reader.card.piv._new(Memory())
                reader.card.seen.clear()
            case "seen":
                seen = [[command.hex(), answer.hex()] for command, answer in reader.card.seen]
                reader.card.seen.clear()
                return seen
            case unknown:
                raise ValueError(unknown)
        return None

    def _signal(self, number: signal.Signals) -> None:
        if self._pcscd is not None:
            self._pcscd.send_signal(number)


def _say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _failing(ins: int, word: int, times: int) -> Any:
    left = times

    def fault(apdu: bytes) -> bytes | None:
        nonlocal left
        if left and apdu[1] == ins:
            left -= 1
            return word.to_bytes(2)
        return None

    return fault


def _answers(file: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as attempt:
        try:
            attempt.connect(str(file))
        except OSError:
            return False
        return True


def _settle(folder: Path) -> None:
    """Make the namespaces habitable: a /run of our own, the loopback interface up."""
    for command in (
        ["mount", "-t", "tmpfs", "tmpfs", "/run"],
        ["mkdir", "/run/pcscd"],
        ["mount", "--bind", str(folder), "/run/pcscd"],
    ):
        subprocess.run(command, check=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up = struct.pack("16sh", b"lo", 0x49)  # IFF_UP, IFF_LOOPBACK, IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, up)  # SIOCSIFFLAGS


def main(arguments: list[str]) -> None:
    """Run until the input ends."""
    folder = Path(arguments[0])
    cards = []
    for each in arguments[1:]:
        serial, version = each.split(":")
        major, minor, patch = map(int, version.split("."))
        cards.append((int(serial), (major, minor, patch)))
    _settle(folder)
    machine = Machine(folder, cards)
    machine.start()
    _say("ready")
    for line in sys.stdin:
        _say(machine.obey(json.loads(line)))
    machine.kill()


if __name__ == "__main__":
    os.chdir("/")
    main(sys.argv[1:])
