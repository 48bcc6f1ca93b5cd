"""A card without a reader: what the library takes for a connection, in this process."""

from yubikit.core import TRANSPORT
from yubikit.core.smartcard import SmartCardConnection

from tests.support.yubikey.card import Card


class DirectConnection(SmartCardConnection):
    """Commands go straight to the card."""

    def __init__(self, card: Card, transport: TRANSPORT = TRANSPORT.USB) -> None:
        self._card = card
        self._transport = transport

    @property
    def transport(self) -> TRANSPORT:
        return self._transport

    def send_and_receive(self, apdu: bytes) -> tuple[bytes, int]:
        answer = self._card.transmit(apdu)
        return answer[:-2], int.from_bytes(answer[-2:])

    def close(self) -> None:
        self._card.reset()
