"""Connections on their way from the main process, which accepts them, to the worker that serves.

The main process keeps the listening sockets: so none that waits is lost with a worker, each goes to
the worker that has the fewest, and while there is no worker the main process serves by itself.
"""

import contextlib
import socket
from collections.abc import Callable
from typing import final

import trio

_WORD = b"c"  # a descriptor does not go alone


@final
class SharingListener(trio.abc.Listener[trio.SocketStream]):
    """A listener that gives only what nobody else takes. `share` says whether one does."""

    def __init__(
        self, listener: trio.SocketListener, share: Callable[[trio.SocketStream], bool]
    ) -> None:
        self._listener = listener
        self._share = share

    async def accept(self) -> trio.SocketStream:
        """Give the next connection that is ours to serve."""
        while True:
            stream = await self._listener.accept()
            if not self._share(stream):
                return stream
            stream.socket.close()

    async def aclose(self) -> None:
        """Listen no more."""
        await self._listener.aclose()


@final
class Doorway:
    """The main process's end: connections go through it to one worker."""

    def __init__(self, ours: socket.socket) -> None:
        ours.settimeout(0)
        self._socket = ours

    def hand_over(self, stream: trio.SocketStream) -> bool:
        """Give a connection away; False: it cannot be taken now. Ours is to be closed then."""
        try:
            socket.send_fds(self._socket, [_WORD], [stream.socket.fileno()])
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Hand over no more."""
        self._socket.close()


@final
class HandedOver(trio.abc.Listener[trio.SocketStream]):
    """The worker's end: a listener, to whom serves. `taken` counts what came."""

    def __init__(self, ours: socket.socket) -> None:
        ours.settimeout(0)
        self._socket = ours
        self.taken = 0

    async def accept(self) -> trio.SocketStream:
        """Give the next connection."""
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
            for descriptor in descriptors:
                self.taken += 1
                with contextlib.suppress(OSError):  # the client is gone
                    return trio.SocketStream(
                        trio.socket.from_stdlib_socket(socket.socket(fileno=descriptor))
                    )

    async def aclose(self) -> None:
        """Take no more."""
        self._socket.close()


def passage() -> tuple[socket.socket, socket.socket]:
    """Make both ends of a way for connections: a datagram each, which may wait."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
