"""Readers and the cards in them, by PC/SC: which are there, one for ourselves, and what changes.

A card is held exclusively and within a transaction: another program could otherwise sign with a
key whose PIN we gave. When we let it go, or are killed, the card is reset and forgets the PIN.
The calls block, and let other threads run; each thread brings its own context.
"""

import ctypes
import enum
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from types import ModuleType
from typing import Final, final

from yubikit.core import TRANSPORT
from yubikit.core.smartcard import SmartCardConnection

_LIBRARY: Final = "libpcsclite.so.1"
_NOTIFICATION: Final = "\\\\?PnP?\\Notification"  # a pseudo reader: tells of new readers
_CHANGED: Final = 0x0002
_PRESENT: Final = 0x0020


class Trouble(enum.Enum):
    """What a failure means for the card."""

    NO_SERVICE = "no service"
    GONE = "gone"
    RESET = "reset"
    IN_USE = "in use"
    FAILED = "failed"


_TROUBLES: Final = {
    Trouble.NO_SERVICE: {0x80100001, 0x80100003, 0x80100013, 0x8010001D, 0x8010001E},
    Trouble.GONE: {
        *(0x80100009, 0x8010000C, 0x80100017, 0x8010002E),
        *(0x80100066, 0x80100067, 0x80100069),
    },
    Trouble.RESET: {0x80100068},
    Trouble.IN_USE: {0x8010000B},
}


class CardFault(Exception):  # never leaves the driver
    """PC/SC did not do what it was asked for."""

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(text)
        self.trouble = trouble
        self.text = text


Readers = Mapping[str, int]
"""Names of readers, and the state of each as PC/SC last told it."""


def has_card(state: int) -> bool:
    """Say whether a reader's state tells of a card."""
    return bool(state & _PRESENT)


def look(known: Readers, patience: float) -> Readers:
    """Give the readers, at once when they are not as `known`, or else after so many seconds.

    Raises CardFault.
    """
    with _context() as context:
        _, names = _scard().SCardListReaders(context, [])
        asked = [(name, known.get(name, 0)) for name in names or []]
        expected = [*asked, (_NOTIFICATION, len(asked) << 16)]
        if set(known) != set(names or []):
            patience = 0
        status, states = _scard().SCardGetStatusChange(context, int(patience * 1000), expected)
        if _unsigned(status) != 0x8010000A:  # that nothing changed in time is no failure
            _check(status)
        return {name: state & ~_CHANGED for name, state, _ in states if name != _NOTIFICATION}


@final
class Connection(SmartCardConnection):
    """A card of our own, until it is closed."""

    def __init__(self, reader: str) -> None:
        """Connect to the card in a reader. Raises CardFault."""
        scard = _scard()
        self._open = False
        self._context = _established()
        try:
            either = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
            status, self._card, self._protocol = scard.SCardConnect(
                self._context, reader, scard.SCARD_SHARE_EXCLUSIVE, either
            )
            _check(status)
            self._open = True
            _check(scard.SCardBeginTransaction(self._card))
            status, _, _, _, answer_to_reset = scard.SCardStatus(self._card)
            _check(status)
        except BaseException:
            self.close()
            raise
        usb = len(answer_to_reset) > 1 and answer_to_reset[1] & 0xF0 == 0xF0
        self._transport = TRANSPORT.USB if usb else TRANSPORT.NFC

    @property
    def transport(self) -> TRANSPORT:
        """How the card is reached: at USB it takes long commands."""
        return self._transport

    def send_and_receive(self, apdu: bytes) -> tuple[bytes, int]:
        """Give data and status word. Raises CardFault."""
        status, answer = _scard().SCardTransmit(self._card, self._protocol, list(apdu))
        _check(status)
        if len(answer) < 2:
            raise CardFault(Trouble.GONE, "the card's answer is cut off")
        octets = bytes(each & 0xFF for each in answer)
        return octets[:-2], int.from_bytes(octets[-2:])

    def close(self) -> None:
        """Let go of the card, which is reset. Never raises."""
        scard = _scard()
        if self._open:
            self._open = False
            scard.SCardDisconnect(self._card, scard.SCARD_RESET_CARD)
        if self._context is not None:
            scard.SCardReleaseContext(self._context)
            self._context = None


@cache
def _library() -> ModuleType:
    ctypes.CDLL(_LIBRARY)  # looked for first: the module would write to standard output
    from smartcard import scard  # noqa: PLC0415 - a machine without tokens need not have PC/SC

    module: ModuleType = scard
    return module


def _scard() -> ModuleType:
    try:
        return _library()
    except OSError as error:
        raise CardFault(
            Trouble.NO_SERVICE, f"{_LIBRARY} is not installed (Debian: libpcsclite1, pcscd)"
        ) from error


def _established() -> int | None:
    scard = _scard()
    status, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    _check(status)
    number: int = context
    return number


@contextmanager
def _context() -> Iterator[int | None]:
    context = _established()
    try:
        yield context
    finally:
        with suppress(CardFault):
            _scard().SCardReleaseContext(context)


def _check(status: int) -> None:
    code = _unsigned(status)
    if code == 0:
        return
    trouble = next((each for each, codes in _TROUBLES.items() if code in codes), Trouble.FAILED)
    text = str(_scard().SCardGetErrorMessage(status)).rstrip(".")
    raise CardFault(trouble, f"{text} ({code:#010x})")


def _unsigned(status: int) -> int:
    return status & 0xFFFFFFFF
