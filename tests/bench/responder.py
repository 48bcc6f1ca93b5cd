"""What answers http-01 in the bench: a process that knows whose key authorization is asked for."""

import multiprocessing
import re
import selectors
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_PATH = re.compile(rb"GET /\.well-known/acme-challenge/([\w-]+) HTTP")


@contextmanager
def answering(listener: socket.socket, thumbprints: Sequence[str]) -> Iterator[None]:
    """Answer on a listener until the block ends; those of 127.N are answered with thumbprint N.

    Where there is none of that number, nothing is said.
    """
    process = multiprocessing.get_context("fork").Process(
        target=_serve, args=(listener, [each.encode() for each in thumbprints]), daemon=True
    )
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _serve(listener: socket.socket, thumbprints: Sequence[bytes]) -> None:
    ready = selectors.DefaultSelector()
    listener.setblocking(False)
    ready.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in ready.select():
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            if connection is not listener:
                _answer(connection, thumbprints, ready)
                continue
            accepted, _ = listener.accept()
            ready.register(accepted, selectors.EVENT_READ)


def _answer(
    connection: socket.socket, thumbprints: Sequence[bytes], ready: selectors.BaseSelector
) -> None:
    """Answer one request, which comes in one piece; then the client closes."""
    try:
        asked = _PATH.match(connection.recv(4096))
        if asked:
            number = int(connection.getsockname()[0].split(".")[1])
            if number >= len(thumbprints):
                return
            text = asked[1] + b"." + thumbprints[number]
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)
            )
            return
    except OSError:
        pass
    ready.unregister(connection)
    connection.close()
