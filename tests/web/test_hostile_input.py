"""Whatever one client sends, the process lives and others are served.

Each case once ended, or could have ended, a server on stock Hypercorn.
"""

import logging
import socket
import struct
from collections.abc import Awaitable, Callable

import h2.config
import h2.connection
import pytest
import trio

from appliance.web.application import Application
from appliance.web.limits import Limits
from tests.support.web import PATIENCE, Pki, Served, serving, until_closed

LIMITS = Limits(handshake=0.5, header=0.5, body=0.5, response=1, send=0.5, keep_alive=0.3, drain=1)

HTTP11 = {
    "websocket upgrade and a trailing octet": (
        b"GET /json HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bKdPyn3u98cTfZJSh4TNeQ==\r\n\r\nx",
        b"HTTP/1.1 200 ",
    ),
    "h2c upgrade without settings": (
        b"GET /quart HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 200 ",
    ),
    "h2c upgrade with bad settings": (
        b"GET /json HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: !!!\r\n\r\n",
        b"HTTP/1.1 200 ",
    ),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff", b"HTTP/1.1 505 "),
    "no HTTP at all": (b"\xff\xff\r\n\r\n", b"HTTP/1.1 400 "),
    "a head without end": (
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 431 ",
    ),
    "a long head in one read": (
        b"GET /json HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40_000 + b"\r\n\r\n",
        b"HTTP/1.1 431 ",
    ),
    "1500 headers": (
        b"GET /json HTTP/1.1\r\nHost: x\r\n" + b"Abcdefghijklmnopqrst: 1\r\n" * 1500 + b"\r\n",
        b"HTTP/1.1 431 ",
    ),
    "an early answer to a body": (
        b"POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100_000,
        b"HTTP/1.1 408 ",
    ),
    "a bad chunk": (
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 400 ",
    ),
    "a bad chunk on a Quart route": (
        b"POST /quart/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"1\r\nx\r\nzz\r\n",
        b"HTTP/1.1 400 ",
    ),
    "both framings": (
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 400 ",
    ),
    "an unknown transfer coding": (
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 501 ",
    ),
    "an odd target": (b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 404 "),
    "a whole URL": (b"GET https://x/json HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 "),
    "an asterisk": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 404 "),
    "CONNECT": (b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 404 "),
    "a query alone": (b"GET ?x=1 HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 404 "),
    "a negative length": (
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 400 ",
    ),
    "two lengths": (
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
        b"HTTP/1.1 400 ",
    ),
    "percent junk": (
        b"GET /%ff%fe%00?%zz HTTP/1.1\r\nHost: \xff\r\nCookie: \xff\xfe\r\n\r\n",
        b"HTTP/1.1 404 ",
    ),
    "a strange host on a Quart route": (
        b"GET /quart HTTP/1.1\r\nHost: \xff/..@:x y\r\n\r\n",
        b"HTTP/1.1 200 ",
    ),
    "no host": (b"GET /json HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 "),
    "HTTP/1.0": (b"GET /quart HTTP/1.0\r\n\r\n", b"HTTP/1.1 200 "),
    "a fault of an endpoint": (b"GET /fault HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 500 "),
    "a fault behind Quart": (b"GET /quart/fault HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 500 "),
    "odd form data": (
        b"POST /quart/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
        b"Content-Type: multipart/form-data; boundary=\xff\r\n\r\n--\xff\xff",
        b"HTTP/1.1 400 ",
    ),
}


@pytest.mark.parametrize("name", HTTP11)
async def test_http11(name: str, application: Application, pki: Pki) -> None:
    """Odd HTTP/1.1 gets a fitting status; nothing switches protocols."""
    sent, expected = HTTP11[name]
    async with serving(application, pki, LIMITS) as server:
        answer = await server.ask(sent)
        assert answer.startswith(expected), answer[:200]
        await still_serves(server)


async def test_pipelined(application: Application, pki: Pki) -> None:
    """Requests sent without waiting are each answered, in order."""
    request = b"GET /json HTTP/1.1\r\nHost: x\r\n\r\nGET /quart/nope HTTP/1.1\r\nHost: x\r\n\r\n"
    async with serving(application, pki, LIMITS) as server:
        answer = await server.ask(request * 25)
        assert answer.count(b"HTTP/1.1 200 ") == 25
        assert answer.count(b"HTTP/1.1 404 ") == 25
        await still_serves(server)


async def test_pipelining_leaves_room_for_others(application: Application, pki: Pki) -> None:
    """A thousand requests in one go take turns with everything else that runs."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async with serving(application, pki, LIMITS) as server:
        stream = await server.connect()
        async with trio.open_nursery() as nursery:
            await stream.send_all(b"GET /json HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
            nursery.start_soon(others)
            answer = await until_closed(stream)
            nursery.cancel_scope.cancel()
        await trio.aclose_forcefully(stream)
        assert answer.count(b"HTTP/1.1 200 ") == 1000
        assert turns > 900


def h2_client() -> h2.connection.H2Connection:
    config = h2.config.H2Configuration(
        client_side=True, validate_outbound_headers=False, normalize_outbound_headers=False
    )
    client = h2.connection.H2Connection(config)
    client.initiate_connection()
    return client


def headers(path: bytes = b"/json", method: bytes = b"GET") -> list[tuple[bytes, bytes]]:
    return [
        (b":method", method),
        (b":scheme", b"https"),
        (b":authority", b"x"),
        (b":path", path),
    ]


def early_answer(client: h2.connection.H2Connection) -> None:
    client.send_headers(1, headers(b"/nope", b"POST"))
    client.send_data(1, b"x" * 1000)
    client.send_data(1, b"y" * 1000)


def rapid_resets(client: h2.connection.H2Connection) -> None:
    for _ in range(200):
        stream = client.get_next_available_stream_id()
        client.send_headers(stream, headers(b"/slow"))
        client.reset_stream(stream)


def priority_cycle(client: h2.connection.H2Connection) -> None:
    client.prioritize(3, depends_on=5)
    client.prioritize(5, depends_on=3)
    client.send_headers(7, headers(), priority_depends_on=3, end_stream=True)


HTTP2: dict[str, Callable[[h2.connection.H2Connection], object]] = {
    "data after an early answer": early_answer,
    "CONNECT without path": lambda client: client.send_headers(
        1, [(b":method", b"CONNECT"), (b":authority", b"x")]
    ),
    "a path beyond ASCII": lambda client: client.send_headers(
        1, headers(b"/\xff\xfe"), end_stream=True
    ),
    "a method beyond ASCII": lambda client: client.send_headers(
        1, headers(method=b"G\xff"), end_stream=True
    ),
    "a path without slash": lambda client: client.send_headers(1, headers(b"*"), end_stream=True),
    "rapid resets": rapid_resets,
    "a priority cycle": priority_cycle,
}


@pytest.mark.parametrize("name", HTTP2)
async def test_http2_is_not_spoken(name: str, application: Application, pki: Pki) -> None:
    """A client that insists on HTTP/2 is told so in HTTP/1.1, and its frames reach nobody."""
    client = h2_client()
    HTTP2[name](client)
    async with serving(application, pki, LIMITS) as server:
        answer = await server.ask(client.data_to_send(), pki.client("h2"))
        assert answer.startswith(b"HTTP/1.1 505 "), answer[:200]
        await still_serves(server)


async def test_garbage_after_an_h2_handshake(application: Application, pki: Pki) -> None:
    async with serving(application, pki, LIMITS) as server:
        stream = await server.connect(pki.client("h2"))
        assert stream.selected_alpn_protocol() is None
        await stream.send_all(b"\x00" * 100)
        await trio.aclose_forcefully(stream)
        await still_serves(server)


async def plain_http(port: int) -> bytes:
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        await stream.send_all(b"GET / HTTP/1.0\r\n\r\n")
        return await until_closed(stream)


async def reset_in_handshake(port: int) -> bytes:
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await stream.send_all(b"\x16\x03\x01")
    stream.socket.close()
    return b""


async def reset_at_once(port: int) -> bytes:
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.socket.close()
    return b""


async def garbage(port: int) -> bytes:
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        await stream.send_all(bytes(range(256)) * 20)
        return await until_closed(stream)


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        (plain_http, b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS"),
        (reset_in_handshake, b""),
        (reset_at_once, b""),
        (garbage, b""),
    ],
)
async def test_below_tls(
    client: Callable[[int], Awaitable[bytes]], expected: bytes, application: Application, pki: Pki
) -> None:
    """What is no TLS is answered so that its sender can tell, and harms nobody."""
    async with serving(application, pki, LIMITS) as server:
        with trio.fail_after(PATIENCE):
            assert (await client(server.port)).startswith(expected)
        await still_serves(server)


async def test_faults_are_logged_and_not_shown(
    application: Application, pki: Pki, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault is 500 with the request's id; its text is in the log alone."""
    with caplog.at_level(logging.ERROR):
        async with serving(application, pki, LIMITS) as server:
            for path in ("/fault", "/quart/fault"):
                answer = await server.get(path)
                assert b"HTTP/1.1 500 Internal Server Error" in answer
                assert b"X-Request-Id: " in answer
                assert b"secret" not in answer
    assert caplog.text.count("RuntimeError: a secret path") == 2


async def still_serves(server: Served) -> None:
    for path in ("/json", "/quart"):
        assert (await server.get(path)).startswith(b"HTTP/1.1 200 OK\r\n")
