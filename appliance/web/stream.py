"""TLS, or nothing, on a non-blocking kernel socket.

OpenSSL reads and writes the socket itself, so its alerts reach the peer, and no octet is copied
through memory buffers as in trio.SSLStream. One task owns a stream.
"""

import contextlib
import fcntl
import socket
import ssl
import sys
import termios
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar

import trio

from appliance.web.http import PeerCertificate
from appliance.web.limits import Limits

RECEIVE_OCTETS: Final = 16 * 1024  # a whole TLS record: nothing of it is left inside OpenSSL
LINGER_SECONDS: Final = 0.5  # Go waits as long before it resets
LINGER_OCTETS: Final = 1024 * 1024
_DER: Final = 2  # _ssl.ENCODING_DER

T = TypeVar("T")

_WOULD_WAIT: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class HandshakeFailed(Exception):
    """No TLS came about. `spoke_http` when the client sent plain HTTP."""

    def __init__(self, reason: str, *, spoke_http: bool = False) -> None:
        super().__init__(reason)
        self.spoke_http = spoke_http


class PlainStream:
    """The server's end of one connection, as the socket has it."""

    def __init__(self, accepted: socket.socket) -> None:
        """Take the socket over. Raises OSError when the peer has gone."""
        try:
            accepted.settimeout(0)
            self.client = _host_and_port(accepted.getpeername())
            self._socket = self._covered(accepted)
        except BaseException:
            accepted.close()
            raise
        self._descriptor = self._socket.fileno()
        self._receive = self._receiving()

    @property
    def server(self) -> tuple[str, int]:
        """Host and port that the client came to."""
        return _host_and_port(self._socket.getsockname())

    def _covered(self, plain: socket.socket) -> socket.socket:
        """Give what is read and written instead of the socket itself."""
        return plain

    def _receiving(self) -> Callable[[int], bytes]:
        """Give what reads so many octets, or fewer, by the shortest way."""
        return self._socket.recv

    async def handshake(self) -> None:
        """Agree on nothing."""

    @property
    def version(self) -> str:
        """The version of TLS in use, such as TLSv1.3; empty without."""
        return ""

    def peer(self) -> PeerCertificate | None:
        """Give what the client authenticated itself with."""
        return None

    async def receive_some(self) -> bytes:
        """Give what is there, at least one octet; nothing at the end."""
        # Clients seldom have sent their next request already: so to wait comes first. That also
        # keeps one that never pauses from keeping others out.
        await trio.lowlevel.wait_readable(self._descriptor)
        try:
            return self._receive(RECEIVE_OCTETS)
        except _WOULD_WAIT:
            receive = partial(self._receive, RECEIVE_OCTETS)
            return await self._retry(receive, trio.lowlevel.wait_readable)

    async def send_all(self, data: bytes, limits: Limits) -> None:
        """Send it. Raises trio.TooSlowError for a client that takes nothing for too long.

        And for one that has not taken the whole after what it may take for such an answer.
        """
        try:
            sent = self._socket.send(data)  # nearly always all of it: no deadline to set up
        except _WOULD_WAIT:
            sent = 0
        if sent == len(data):
            return
        rest = memoryview(data)[sent:]
        with trio.fail_after(limits.sending(len(data))):
            while rest:
                await trio.lowlevel.checkpoint()  # one that reads fast must not, either
                rest = rest[await self._send_some(rest, limits.send) :]

    async def _send_some(self, data: memoryview, within: float) -> int:
        """Send what fits, once something does; raises trio.TooSlowError when nothing moves.

        The kernel may hold megabytes, and make room only when a third of them have gone: so it is
        asked how many are left.
        """
        send, held = partial(self._socket.send, data), self._held()
        while True:
            with trio.move_on_after(within):
                return await self._retry(send, trio.lowlevel.wait_writable)
            before, held = held, self._held()
            if held >= before:
                raise trio.TooSlowError

    def _held(self) -> int:
        """Give how many octets the kernel still has to bring to the client."""
        return int.from_bytes(fcntl.ioctl(self._socket, termios.TIOCOUTQ, bytes(4)), sys.byteorder)

    async def answer_in_plain(self, data: bytes) -> None:
        """Send octets below TLS, to a client that does not speak it; then wait for it to leave."""
        with contextlib.suppress(OSError):
            socket.socket.send(self._socket, data)
        await self.linger()

    async def leave(self) -> None:
        """Say goodbye, and linger."""
        self._say_goodbye()
        await self.linger()

    def close(self) -> None:
        """Let go of the socket, with TLS's goodbye where it fits into the send buffer."""
        self._say_goodbye()
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
        self._socket.close()

    def _say_goodbye(self) -> None:
        """Announce the end, where the protocol has a word for that."""

    async def linger(self) -> None:
        """Send nothing more, and take what the client still sends, for a moment.

        Closing with unread octets would reset the connection, and lose what was sent last: an
        answer, or the alert that says why a handshake failed.
        """
        with contextlib.suppress(OSError), trio.move_on_after(LINGER_SECONDS):
            self._socket.shutdown(socket.SHUT_WR)  # and TLS's state is gone: the rest is ciphertext
            seen = 0
            while seen < LINGER_OCTETS:
                await trio.lowlevel.wait_readable(self._socket)
                data = self._socket.recv(RECEIVE_OCTETS)
                if not data:
                    return
                seen += len(data)

    async def _retry(
        self, operation: Callable[[], T], wait: Callable[[socket.socket], Awaitable[None]]
    ) -> T:
        """Do it once that is possible; TLS says itself what it waits for."""
        while True:
            try:
                return operation()
            except BlockingIOError:
                await wait(self._socket)
            except ssl.SSLWantReadError:
                await trio.lowlevel.wait_readable(self._socket)
            except ssl.SSLWantWriteError:
                await trio.lowlevel.wait_writable(self._socket)


class TlsStream(PlainStream):
    """The server's end of one connection, with TLS."""

    _socket: ssl.SSLSocket

    def __init__(self, accepted: socket.socket, context: ssl.SSLContext) -> None:
        """Take the socket over. Raises OSError when the peer has gone."""
        self._context = context
        super().__init__(accepted)

    def _covered(self, plain: socket.socket) -> ssl.SSLSocket:
        return self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)

    def _receiving(self) -> Callable[[int], bytes]:
        return self._socket.read

    async def handshake(self) -> None:
        """Shake hands. Raises HandshakeFailed; OpenSSL has sent its alert then."""
        try:
            await self._retry(self._socket.do_handshake, trio.lowlevel.wait_readable)
        except ssl.SSLError as error:
            spoke_http = error.reason in ("HTTP_REQUEST", "HTTPS_PROXY_REQUEST")
            reason = error.reason or "the client ended it"
            raise HandshakeFailed(reason, spoke_http=spoke_http) from error
        except OSError as error:
            raise HandshakeFailed(error.strerror or "the client left") from error

    @property
    def version(self) -> str:
        """The protocol version in use, such as TLSv1.3."""
        return self._socket.version() or ""

    def peer(self) -> PeerCertificate | None:
        """Give what the client authenticated itself with."""
        # The path that OpenSSL built; not in ssl's public interface before Python 3.13. A resumed
        # TLS 1.2 session has none.
        session = self._socket._sslobj  # type: ignore[attr-defined] # noqa: SLF001
        if path := session.get_verified_chain():
            chain = tuple([each.public_bytes(_DER) for each in path])
            return PeerCertificate(certificate=chain[0], chain=chain)
        certificate = self._socket.getpeercert(binary_form=True)
        if certificate is None:
            return None
        return PeerCertificate(certificate=certificate, chain=(certificate,))

    def _say_goodbye(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # it would wait for the client's goodbye
            self._socket.unwrap()


def _host_and_port(address: tuple[str, int] | tuple[str, int, int, int]) -> tuple[str, int]:
    return address[0], address[1]
