"""TLS on a non-blocking kernel socket.

OpenSSL reads and writes the socket itself, so its alerts reach the peer, and no octet is copied
through memory buffers as in trio.SSLStream. One task owns a stream.
"""

import contextlib
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

import trio

from appliance.web.http import PeerCertificate

RECEIVE_OCTETS: Final = 64 * 1024
LINGER_SECONDS: Final = 0.5  # Go waits as long before it resets
LINGER_OCTETS: Final = 1024 * 1024

T = TypeVar("T")


class HandshakeFailed(Exception):
    """No TLS came about. `spoke_http` when the client sent plain HTTP."""

    def __init__(self, reason: str, *, spoke_http: bool = False) -> None:
        super().__init__(reason)
        self.spoke_http = spoke_http


class TlsStream:
    """The server's end of one connection."""

    def __init__(self, stream: trio.SocketStream, context: ssl.SSLContext) -> None:
        """Take the socket over from the stream. Raises OSError when the peer has gone."""
        plain = socket.socket(fileno=stream.socket.detach())
        try:
            plain.settimeout(0)
            self.client = _host_and_port(plain.getpeername())
            self.server = _host_and_port(plain.getsockname())
            self._tls = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        except BaseException:
            plain.close()
            raise

    async def handshake(self) -> None:
        """Shake hands. Raises HandshakeFailed; OpenSSL has sent its alert then."""
        try:
            await self._retry(self._tls.do_handshake)
        except ssl.SSLError as error:
            spoke_http = error.reason in ("HTTP_REQUEST", "HTTPS_PROXY_REQUEST")
            reason = error.reason or "the client ended it"
            raise HandshakeFailed(reason, spoke_http=spoke_http) from error
        except OSError as error:
            raise HandshakeFailed(error.strerror or "the client left") from error

    @property
    def version(self) -> str:
        """The protocol version in use, such as TLSv1.3."""
        return self._tls.version() or ""

    def peer(self) -> PeerCertificate | None:
        """Give what the client authenticated itself with."""
        certificate = self._tls.getpeercert(binary_form=True)
        if certificate is None:
            return None
        return PeerCertificate(certificate=certificate, chain=self._chain() or (certificate,))

    def _chain(self) -> tuple[bytes, ...]:
        # The path that OpenSSL built; not in ssl's public interface before Python 3.13. A resumed
        # TLS 1.2 session has none.
        session = self._tls._sslobj  # type: ignore[attr-defined] # noqa: SLF001
        path = session.get_verified_chain() or ()
        return tuple(ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in path)

    async def receive_some(self) -> bytes:
        """Give what is there, at least one octet; nothing at the end."""
        try:
            data = self._tls.recv(RECEIVE_OCTETS)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return await self._retry(partial(self._tls.recv, RECEIVE_OCTETS))
        await trio.lowlevel.checkpoint()  # a client that never pauses must not keep the others out
        return data

    async def send_all(self, data: bytes, *, within: float) -> None:
        """Send it. Raises trio.TooSlowError when the client takes longer to read than `within`."""
        try:
            sent = self._tls.send(data)  # nearly always all of it: no deadline to set up
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            sent = 0
        if sent == len(data):
            return
        rest = memoryview(data)[sent:]
        with trio.fail_after(within):
            while rest:
                rest = rest[await self._retry(partial(self._tls.send, rest)) :]

    async def answer_in_plain(self, data: bytes) -> None:
        """Send octets below TLS, to a client that does not speak it; then wait for it to leave."""
        with contextlib.suppress(OSError):
            socket.socket.send(self._tls, data)
        await self.linger()

    async def leave(self) -> None:
        """Say goodbye, and linger."""
        self._say_goodbye()
        await self.linger()

    def close(self) -> None:
        """Let go of the socket, with TLS's goodbye where it fits into the send buffer."""
        self._say_goodbye()
        if self._tls.fileno() >= 0:
            trio.lowlevel.notify_closing(self._tls)
        self._tls.close()

    def _say_goodbye(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # it would wait for the client's goodbye
            self._tls.unwrap()

    async def linger(self) -> None:
        """Send nothing more, and take what the client still sends, for a moment.

        Closing with unread octets would reset the connection, and lose what was sent last: an
        answer, or the alert that says why a handshake failed.
        """
        with contextlib.suppress(OSError), trio.move_on_after(LINGER_SECONDS):
            self._tls.shutdown(socket.SHUT_WR)  # and the TLS state is gone: the rest is ciphertext
            seen = 0
            while seen < LINGER_OCTETS:
                await trio.lowlevel.wait_readable(self._tls)
                data = self._tls.recv(RECEIVE_OCTETS)
                if not data:
                    return
                seen += len(data)

    async def _retry(self, operation: Callable[[], T]) -> T:
        while True:
            try:
                return operation()
            except ssl.SSLWantReadError:
                await trio.lowlevel.wait_readable(self._tls)
            except ssl.SSLWantWriteError:
                await trio.lowlevel.wait_writable(self._tls)


def _host_and_port(address: tuple[str, int] | tuple[str, int, int, int]) -> tuple[str, int]:
    return address[0], address[1]
