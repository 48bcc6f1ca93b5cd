"""Where connections come from."""

import errno
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias, runtime_checkable

import trio

from appliance.web.connection import Connection, Context

log = logging.getLogger(__name__)

_MOST_AT_ONCE: Final = 64  # before those that are there get their turn
_ROOM_NEEDED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
_PAUSE: Final = 0.1  # seconds, in which others may close theirs

Share: TypeAlias = Callable[[socket.socket], bool]
"""Offers a connection to somebody else; True when it was taken."""


@runtime_checkable
class Arrivals(Protocol):
    """What gives connections."""

    async def arrived(self) -> Sequence[socket.socket]:
        """Wait for some, and give them."""
        ...

    def close(self) -> None:
        """Take no more."""
        ...


def keep(_accepted: socket.socket) -> bool:
    """Share none."""
    return False


class ListeningSocket:
    """Those that come to a socket of this process, but for those that somebody else takes."""

    def __init__(self, listener: trio.SocketListener, share: Share) -> None:
        """Take the socket over from the listener."""
        self._share = share
        self._socket = listening = socket.socket(fileno=listener.socket.detach())
        # The kernel hands both on to what is accepted.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 2**14)

    async def arrived(self) -> Sequence[socket.socket]:
        """Wait for some, and give them."""
        found: list[socket.socket] = []
        while not found:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                self._accept(found)
            except BlockingIOError:
                continue
            except OSError as error:
                if error.errno in _ROOM_NEEDED and not found:
                    log.error("clients have to wait: %s", error.strerror)  # noqa: TRY400
                    await trio.sleep(_PAUSE)
        return found

    def _accept(self, found: list[socket.socket]) -> None:
        for _ in range(_MOST_AT_ONCE):
            accepted, _address = self._socket.accept()
            if self._share(accepted):
                accepted.close()
            else:
                found.append(accepted)

    def close(self) -> None:
        """Listen no more."""
        trio.lowlevel.notify_closing(self._socket)
        self._socket.close()


async def accept_connections(source: Arrivals, context: Context, nursery: trio.Nursery) -> None:
    """Serve whoever comes, as tasks of the nursery, until cancelled; then close the source."""
    try:
        while True:
            for accepted in await source.arrived():
                nursery.start_soon(Connection(context, accepted).run)
    finally:
        source.close()
