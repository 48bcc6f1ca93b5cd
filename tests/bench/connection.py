"""One connection of a client that is made to load servers."""

import re
import socket
import ssl

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Failed(Exception):
    """The server answered otherwise than a good order has it."""


class Connection:
    """HTTP/1.1 over TLS, keep-alive, one request at a time."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        plain = socket.create_connection(("127.0.0.1", port), timeout=30)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = context.wrap_socket(plain, server_hostname="localhost")
        self._host = f"localhost:{port}".encode()

    def ask(self, method: bytes, path: bytes, body: bytes = b"") -> tuple[int, bytes, bytes]:
        """Give status, head and body of the answer."""
        self.tell(method, path, body)
        data = self._more(b"")
        while b"\r\n\r\n" not in data:
            data = self._more(data)
        head, _, rest = data.partition(b"\r\n\r\n")
        status = int(head[9:12])
        length = _LENGTH.search(head)
        if length is None and status not in (204, 304) and method != b"HEAD":
            return status, head, self._chunks(rest)
        while length is not None and method != b"HEAD" and len(rest) < int(length[1]):
            rest = self._more(rest)
        return status, head, rest

    def tell(self, method: bytes, path: bytes, body: bytes = b"") -> None:
        """Send a request, and do not wait for the answer."""
        self._socket.sendall(
            b"%b %b HTTP/1.1\r\nHost: %b\r\nContent-Type: application/jose+json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (method, path, self._host, len(body), body)
        )

    def close(self) -> None:
        self._socket.close()

    def _chunks(self, rest: bytes) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in rest:
                rest = self._more(rest)
            size, _, rest = rest.partition(b"\r\n")
            count = int(size, 16)
            while len(rest) < count + 2:
                rest = self._more(rest)
            if not count:
                return body
            body, rest = body + rest[:count], rest[count + 2 :]

    def _more(self, data: bytes) -> bytes:
        received = self._socket.recv(65536)
        if not received:
            raise Failed("the server closed the connection")
        return data + received
