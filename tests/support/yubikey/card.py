"""A virtual YubiKey: management, OTP and PIV applications behind one chip."""

import threading
from collections.abc import Callable
from pathlib import Path

from tests.support.yubikey import piv
from tests.support.yubikey.memory import Memory
from tests.support.yubikey.piv import Piv
from tests.support.yubikey.tlv import (
    BAD_PARAMETER,
    NO_CLASS,
    NO_COMMAND,
    NO_FILE,
    Command,
    Status,
    command,
    tlv,
)

ATR = bytes.fromhex("3BFD1300008131FE158073C021C057597562694B657940")  # a YubiKey 5 at USB
_MANAGEMENT = bytes.fromhex("a000000527471117")
_OTP = bytes.fromhex("a0000005272001")

Fault = Callable[[bytes], bytes | BaseException | None]
"""Sees each APDU before the card: may answer it, raise, or let it pass (None)."""


class Card:
    """The card itself, from APDU to answer; knows no reader."""

    def __init__(
        self,
        serial: int = 12345678,
        version: tuple[int, int, int] = (5, 4, 3),
        *,
        file: Path | None = None,
        touch: Callable[[int], bool] = lambda slot: True,
    ) -> None:
        memory = Memory.read(file) if file and file.exists() else None
        self.serial, self.version = serial, version
        self.piv = Piv(serial, version, memory, touch)
        if file and memory is None:
            self.piv.memory.file = str(file)
            self.piv.memory.write()
        self.fault: Fault | None = None
        self.seen: list[tuple[bytes, bytes]] = []  # commands and their answers
        self._turn = threading.Lock()
        self.reset()

    @property
    def memory(self) -> Memory:
        """What it keeps without power."""
        return self.piv.memory

    def reset(self) -> None:
        """Lose power for a moment."""
        self._selected = ""
        self._chain = self._rest = b""
        self.piv.forget()

    def transmit(self, apdu: bytes) -> bytes:
        """Answer a command with data and status word."""
        with self._turn:
            answer = self.fault(apdu) if self.fault else None
            if isinstance(answer, BaseException):
                raise answer
            if answer is None:
                answer = self._answered(apdu)
            self.seen.append((apdu, answer))
            return answer

    def _answered(self, apdu: bytes) -> bytes:
        try:
            asked = command(apdu)
            if asked.ins == 0xC0:
                return self._page(self._rest, asked)
            self._rest = b""
            self._chain += asked.data
            if asked.cla & 0x10:
                return b"\x90\x00"
            data, self._chain = self._chain, b""
            whole = Command(asked.cla & 0xEF, asked.ins, asked.p1, asked.p2, data, asked.extended)
            return self._page(self._dispatched(whole) or b"", asked)
        except Status as status:
            self._chain = b""
            return status.word.to_bytes(2)

    def _page(self, data: bytes, asked: Command) -> bytes:
        size = 3072 if asked.extended else 256
        self._rest = data[size:]
        if self._rest:
            return data[:size] + bytes([0x61, min(len(self._rest), 0xFF)])
        return data + b"\x90\x00"

    def _dispatched(self, asked: Command) -> bytes | None:
        if asked.cla:
            raise Status(NO_CLASS)
        if asked.ins == 0xA4 and asked.p1 == 4:
            return self._select(asked.data)
        if self._selected == "piv":
            return self.piv.answer(asked)
        if self._selected == "management" and asked.ins == 0x1D:
            return self._configuration(asked.p1)
        if self._selected == "otp" and asked.ins == 0x01 and asked.p1 == 0x10:
            return self.serial.to_bytes(4)
        raise Status(NO_COMMAND)

    def _select(self, application: bytes) -> bytes:
        if application and piv.AID.startswith(application[:5]):
            if self._selected != "piv":
                self.piv.forget()
            self._selected = "piv"
            return self.piv.select()
        if application not in (_MANAGEMENT, _OTP):
            raise Status(NO_FILE)
        self.piv.forget()
        if application == _OTP:
            self._selected = "otp"
            return bytes(self.version) + bytes(3)
        self._selected = "management"
        return b"Virtual mgr - FW version " + ".".join(map(str, self.version)).encode()

    def _configuration(self, page: int) -> bytes:
        if page:
            raise Status(BAD_PARAMETER)
        enabled = (0x3F).to_bytes(2)  # OTP U2F OPENPGP PIV OATH FIDO2 over USB
        body = (
            tlv(1, enabled)
            + tlv(2, self.serial.to_bytes(4))
            + tlv(3, enabled)
            + tlv(4, b"\1")
            + tlv(5, bytes(self.version))
            + tlv(10, b"\0")
        )
        return bytes([len(body)]) + body
