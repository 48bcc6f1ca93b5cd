"""Puts a card into pcscd through vpcd: its framing over TCP, where a connection is a plugged card.

both ways:  length (two octets), then that many octets
one octet from pcscd:  00 power off, 01 power on, 02 reset (no answer); 04 asks for the ATR
"""

import contextlib
import socket
import threading
import time
from io import BufferedReader

from tests.support.yubikey.card import ATR, Card


class Reader:
    """A USB port. `delay` is what each command takes, in seconds."""

    def __init__(self, card: Card, port: int, *, delay: float = 0.0) -> None:
        self.card, self.delay = card, delay
        self._address = ("127.0.0.1", port)
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def plug(self, patience: float = 10.0) -> None:
        """Insert the card, if it is not, waiting for pcscd to be there."""
        if self._socket is not None:
            return
        end = time.monotonic() + patience
        while True:
            try:
                self._socket = socket.create_connection(self._address)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.card.reset()
        self._thread = threading.Thread(target=self._serve, args=(self._socket,), daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """Remove the card."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None
        if self._thread is not None:
            self._thread.join(5)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection.makefile("rb") as stream:
            while (message := _received(connection, stream)) is not None:
                if message == b"\x04":
                    _send(connection, ATR)
                elif len(message) == 1:
                    self.card.reset()
                elif message:
                    time.sleep(self.delay)
                    _send(connection, self.card.transmit(message))


def _send(connection: socket.socket, message: bytes) -> None:
    """One segment: two small writes cost 40 ms each."""
    connection.sendall(len(message).to_bytes(2) + message)


def _received(connection: socket.socket, stream: BufferedReader) -> bytes | None:
    """vpcd writes twice: without quick acknowledgements each command would cost 40 ms."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    head = stream.read(2)
    if len(head) < 2:
        return None
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    return stream.read(int.from_bytes(head))
