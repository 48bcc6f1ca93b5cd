"""Clients as a server meets them, too: they leave in the middle, err, or say nothing at all."""

import json
import socket
import ssl
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from tests.bench.at_once import Tally, Work, at_once
from tests.bench.connection import Connection, Failed
from tests.bench.loads import Loaded
from tests.bench.servers import Authority, Running
from tests.support.load import Provisioner, bodies

_RESET = struct.pack("ii", 1, 0)  # closing at once, with what was not read thrown away
_HEAD = b"POST /1.0/sign HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n"
_SILENT = 20  # connections of each client that say nothing while it works
_TOKENS = 500  # bodies prepared; they are sent again and again, and are refused


def load(
    server: Running, authority: Authority, connections: int, seconds: int, most: int
) -> Loaded:
    """Do each of it in turn, as fast as it goes."""
    del most
    stranger = Provisioner.generate(authority.provisioner.name)
    refused = [body for _, body in bodies(stranger, _TOKENS)]
    refused += [b"{", b"[]", b'{"csr": "none", "ott": "none"}', b"\xff" * 2000]
    refused.append(json.dumps({"csr": "x" * 20_000, "ott": ""}).encode())
    context = ssl.create_default_context(cafile=str(authority.root))

    def client(number: int, tally: Tally) -> Work:
        del number
        return partial(_work, port=server.port, context=context, refused=refused, tally=tally)

    found = at_once(client, connections, seconds)
    if failed := [each.failure for each in found if each.failure]:
        raise Failed(failed[0])
    done = sum(each.requests for each in found)
    return Loaded(issued=0, figures={"rude clients/s": done / seconds})


def _work(
    until: float, port: int, context: ssl.SSLContext, refused: Sequence[bytes], tally: Tally
) -> None:
    ways: Sequence[Callable[[], None]] = (
        partial(_leave_in_handshake, port, context),
        partial(_leave, port, context, b"GET /hea"),
        partial(_leave, port, context, _HEAD),
        partial(_leave, port, context, _HEAD + b'\r\n{"csr": "'),
        partial(_leave, port, context, b"GET /roots HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20),
        partial(_speak_plainly, port),
    )
    silent = [_connect(port) for _ in range(_SILENT)]
    while time.perf_counter() < until:
        for way in ways:
            with suppress(OSError):  # the server may close first
                way()
            tally.requests += 1
        connection = Connection(port, context)
        for _ in range(4):
            _be_refused(connection, refused[tally.requests % len(refused)])
            tally.requests += 1
        connection.close()
    for each in silent:
        each.close()


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def _leave_in_handshake(port: int, context: ssl.SSLContext) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    greeting = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        greeting.do_handshake()
    with _connect(port) as connection:
        connection.sendall(outgoing.read()[:100])


def _leave(port: int, context: ssl.SSLContext, said: bytes) -> None:
    with context.wrap_socket(_connect(port), server_hostname="localhost") as connection:
        connection.sendall(said)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _speak_plainly(port: int) -> None:
    with _connect(port) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while connection.recv(4096):
            pass


def _be_refused(connection: Connection, body: bytes) -> None:
    status, _, answer = connection.ask(b"POST", b"/1.0/sign", body)
    if not 400 <= status < 500:
        raise Failed(f"{status} {answer!r}")
