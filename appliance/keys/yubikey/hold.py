"""A YubiKey in our hands: found by its serial number, its PIN given through the guard.

Everything here blocks, and runs in one thread. A card is kept only while it has taken our PIN:
other programs may have it else, such as the one with which a person sets its PIN right.
"""

import threading
from collections import defaultdict
from typing import Final, final

from appliance.keys.pins import PinGuard
from appliance.keys.yubikey.card import OpenCard
from appliance.keys.yubikey.pcsc import CardFault, Connection, Trouble, has_card, look
from appliance.model.secret import Password
from appliance.model.tokens import TokenState
from appliance.ports.keys import TokenUnavailable

WAITING: Final = "the YubiKey waits for its PIN"
BLOCKED: Final = "the YubiKey's PIN is blocked: unblock it with its PUK"
MISSING: Final = "the YubiKey is not plugged in"
OTHER: Final = "another YubiKey is plugged in than the one that was configured"
SEVERAL: Final = "several YubiKeys are plugged in: say which one is meant, by serial="

_LOOKED_INTO: Final[defaultdict[str, threading.Lock]] = defaultdict(threading.Lock)
_OURS: Final[dict[str, str]] = {}  # serial numbers of the cards that are kept, by readers
_BRIEFLY: Final = 2.0  # seconds in which a token looks whose card it is


def is_yubikey(reader: str, state: int) -> bool:
    """Say whether there is a YubiKey in a reader, by its name: other cards are left alone."""
    return has_card(state) and "yubi" in reader.lower()


@final
class Hold:
    """The card, as far as it is there; `serial` is "" for the only one."""

    def __init__(self, serial: str, pin: Password | None, guard: PinGuard) -> None:
        self.pin = pin
        self.verified = False  # the card has our PIN
        self.abandoned = False  # nobody waits for this thread any more
        self.lost = False  # the monitor saw that the card is not in its reader any more
        self.reader = ""  # the one that the card is in, while we keep it
        self.firmware = ""
        self.found_serial = ""
        self.tries_left: int | None = None
        self._serial = serial
        self._guard = guard
        self._card: OpenCard | None = None

    def connected(self) -> OpenCard:
        """Give the card, found among those that are there. Raises CardFault, TokenUnavailable."""
        if self.lost:
            self.let_go()
        if self._card is None:
            self._card = self._found()
            self._learn(self._card)
        return self._card

    def let_go(self) -> None:
        """Close the card, which forgets the PIN."""
        card, self._card, self.verified = self._card, None, False
        if card is not None:
            _OURS.pop(self.reader, None)
            card.close()
        self.lost, self.reader = False, ""

    def prove(self) -> None:
        """Have the card know our PIN. Raises WrongPin, TokenUnavailable."""
        card = self.connected()
        if self.verified:
            return
        if self.pin is None:
            blocked = self.tries_left == 0
            raise TokenUnavailable(
                BLOCKED if blocked else WAITING,
                state=TokenState.BLOCKED if blocked else TokenState.PIN_NEEDED,
            )
        self._verify(card, self.pin, person=False, last_try=False)

    def prove_again(self) -> None:
        """Give the PIN once more, for a key that wants it each time.

        The card has taken it since it was connected, and is nobody else's: no try is at stake.
        """
        self.prove()
        if self.pin is not None:
            self.connected().verify(self.pin)

    def unlock(self, pin: Password, *, last_try: bool) -> None:
        """Give the card a PIN that a person typed. Raises WrongPin, TokenUnavailable."""
        self.let_go()
        self._verify(self.connected(), pin, person=True, last_try=last_try)
        self.pin = pin

    def has_forgotten(self) -> bool:
        """Say whether the card took our PIN and does not know it any more."""
        return self.verified and self._card is not None and not self._card.is_verified()

    def _verify(self, card: OpenCard, pin: Password, *, person: bool, last_try: bool) -> None:
        name = f"yubikey {card.serial}"
        try:
            with self._guard.attempt(name, pin, card.tries(), person=person, last_try=last_try):
                card.verify(pin)
            self.verified = True
        finally:
            self._learn(card)

    def _found(self) -> OpenCard:
        busy: CardFault | None = None
        others = []
        readers = [name for name, state in look({}, 0).items() if is_yubikey(name, state)]
        if len(readers) > 1 and not self._serial:
            raise TokenUnavailable(SEVERAL, state=TokenState.WRONG_TOKEN)  # a try could be lost
        for reader in readers:
            try:
                found = self._in_reader(reader)
            except CardFault as fault:
                if fault.trouble is not Trouble.IN_USE:
                    raise
                busy = fault
                continue
            if isinstance(found, OpenCard):
                return found
            others.append(found)
        if busy is not None:
            raise busy
        if others:
            raise TokenUnavailable(
                OTHER, state=TokenState.WRONG_TOKEN, detail=f"plugged in: {', '.join(others)}"
            )
        raise TokenUnavailable(MISSING, state=TokenState.ABSENT)

    def _in_reader(self, reader: str) -> OpenCard | str:
        """Give the card if it is ours, or the serial number of the other one. Raises CardFault.

        Tokens of this process do not get in each other's way: one looks at a time, and none at a
        card that another one keeps.
        """
        looked_into = _LOOKED_INTO[reader]
        alone = looked_into.acquire(timeout=_BRIEFLY)
        try:
            kept = _OURS.get(reader, self._serial)
            if self._serial and kept != self._serial:
                return kept
            card = _opened(reader)
            if self._serial in ("", card.serial):
                self.reader = reader
                _OURS[reader] = card.serial
                return card
            card.close()
            return card.serial
        finally:
            if alone:
                looked_into.release()

    def _learn(self, card: OpenCard) -> None:
        self.found_serial, self.firmware = card.serial, card.firmware
        self.tries_left = card.tries().left


def _opened(reader: str) -> OpenCard:
    connection = Connection(reader)
    try:
        return OpenCard(connection)
    except BaseException:
        connection.close()
        raise
