"""Connections on their way from the main process, which accepts them, to the worker that serves.

The main process keeps the listening sockets: so none that waits is lost with a worker, each goes to
the worker that has the fewest, and while there is no worker the main process serves by itself.
"""

import socket
from collections.abc import Sequence
from typing import final

import trio

_WORD = b"c"  # a descriptor does not go alone


@final
class Doorway:
    """The main process's end: connections go through it to one worker."""

    def __init__(self, ours: socket.socket) -> None:
        ours.settimeout(0)
        self._socket = ours

    def hand_over(self, accepted: socket.socket) -> bool:
        """Give a connection away; False: it cannot be taken now. Ours is to be closed then."""
        try:
            socket.send_fds(self._socket, [_WORD], [accepted.fileno()])
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Hand over no more."""
        self._socket.close()


@final
class HandedOver:
    """The worker's end: where its connections come from. `taken` counts them."""

    def __init__(self, ours: socket.socket) -> None:
        ours.settimeout(0)
        self._socket = ours
        self.taken = 0

    async def arrived(self) -> Sequence[socket.socket]:
        """Wait for a connection, and give it."""
        while True:
            try:
                word, descriptors, _, _ = socket.recv_fds(
                    self._socket, len(_WORD), 1, socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                await trio.lowlevel.wait_readable(self._socket)
                continue
            if not word:
                await trio.sleep_forever()  # the link ends as well, and the worker with it
            self.taken += len(descriptors)
            return [socket.socket(fileno=descriptor) for descriptor in descriptors]

    def close(self) -> None:
        """Take no more."""
        self._socket.close()


def passage() -> tuple[socket.socket, socket.socket]:
    """Make both ends of a way for connections: a datagram each, which may wait."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
