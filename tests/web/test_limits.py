"""Every wait for a client has an end, and every size a limit (web.limits)."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
import trio

from appliance.web.application import Application
from appliance.web.limits import Limits
from tests.support.web import Pki, serving, until_closed

LIMITS = Limits(
    handshake=0.3, header=0.3, body=0.3, response=0.3, send=0.3, keep_alive=0.2, drain=1
)
pytestmark = pytest.mark.usefixtures("either_lane")
ROUTES = ["/echo", "/quart/echo"]


async def dribble(stream: trio.abc.Stream, text: bytes) -> bytes:
    """Send an octet now and then, until the server has had enough."""
    answer = b""
    async with trio.open_nursery() as nursery:

        async def send() -> None:
            for position in range(len(text)):
                try:
                    await stream.send_all(text[position : position + 1])
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    return
                await trio.sleep(0.05)

        nursery.start_soon(send)
        answer = await until_closed(stream)
        nursery.cancel_scope.cancel()
    return answer


async def test_a_silent_connection(application: Application, pki: Pki) -> None:
    """Who connects and says nothing, below or above TLS, is let go."""
    async with serving(application, pki, LIMITS) as server:
        plain = await trio.open_tcp_stream("127.0.0.1", server.port)
        async with plain:
            assert await until_closed(plain) == b""
        stream = await server.connect()
        assert await until_closed(stream) == b""
        await trio.aclose_forcefully(stream)


async def test_a_slow_head(application: Application, pki: Pki) -> None:
    """Octets that trickle in do not prolong the time for a head."""
    async with serving(application, pki, LIMITS) as server:
        stream = await server.connect()
        before = trio.current_time()
        assert await dribble(stream, b"GET /json HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 100) == b""
        assert trio.current_time() - before < 2
        await trio.aclose_forcefully(stream)


async def test_a_slow_second_head(application: Application, pki: Pki) -> None:
    """A later request has the time of a head from its first octet on, past the idle time."""
    limits = replace(LIMITS, header=2)
    async with serving(application, pki, limits) as server:
        stream = await server.connect()
        await stream.send_all(b"GET /json HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 ")
        rest = b"GET /json HTTP/1.1\r\nHost: x\r\n\r\n"
        assert (await dribble(stream, rest[:10] + rest[10:])).startswith(b"HTTP/1.1 200 ")
        await trio.aclose_forcefully(stream)


@pytest.mark.parametrize("path", ROUTES)
async def test_a_slow_body(path: str, application: Application, pki: Pki) -> None:
    """A body that does not arrive in time is answered 408, and the connection ends."""
    async with serving(application, pki, LIMITS) as server:
        stream = await server.connect()
        await stream.send_all(
            b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" % path.encode()
        )
        answer = await dribble(stream, b"x" * 100)
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert b"Connection: close" in answer
        assert b'{"status":408,"message":"' in answer
        await trio.aclose_forcefully(stream)


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("size", [256 * 1024 + 1, 10_000_000])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_body(
    path: str, size: int, *, chunked: bool, application: Application, pki: Pki
) -> None:
    """A body above the limit is 413, which the client can read, and the connection ends."""
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    async with serving(application, pki, LIMITS) as server:
        stream = await server.connect()
        await stream.send_all(
            b"POST %b HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n" % (path.encode(), framing)
        )

        async def send() -> None:
            part = b"x" * 65536
            try:
                for _ in range(size // 65536 + 1):
                    await stream.send_all(b"10000\r\n%b\r\n" % part if chunked else part)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            answer = await until_closed(stream)
            nursery.cancel_scope.cancel()
        assert answer.startswith(b"HTTP/1.1 413 Request Entity Too Large\r\n"), answer[:100]
        assert b"Connection: close" in answer
        await trio.aclose_forcefully(stream)


async def test_a_large_body_is_not_asked_for(application: Application, pki: Pki) -> None:
    """Expect: 100-continue gets its 413 without 100; a body within the limit gets its 100."""
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    async with serving(application, pki, LIMITS) as server:
        assert (await server.ask(head % 9_000_000)).startswith(b"HTTP/1.1 413 ")
        answer = await server.ask(head % 2 + b"{}")
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n")


@pytest.mark.parametrize("path", ["/stuck", "/quart/stuck"])
async def test_an_endpoint_that_does_not_answer(
    path: str, application: Application, pki: Pki, lines: list[Mapping[str, object]]
) -> None:
    """It is cancelled, the client gets 503, and the access log has one line."""
    async with serving(application, pki, LIMITS) as server:
        answer = await server.get(path)
        assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"Connection: close" in answer
    assert [line["status"] for line in lines] == [503]


async def test_a_client_that_does_not_read(application: Application, pki: Pki) -> None:
    """It is cut; neither it nor its 50 MB keep the server from ending."""
    async with serving(application, pki, LIMITS) as server:
        stream = await server.connect()
        await stream.send_all(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        with trio.fail_after(60):
            while server.serving.connections:
                await trio.sleep(0.05)
        await trio.aclose_forcefully(stream)


async def test_idle_connections_end(application: Application, pki: Pki) -> None:
    """The keep-alive time counts after hot and Quart answers alike."""
    async with serving(application, pki, LIMITS) as server:
        for path in (b"/json", b"/quart"):
            before = trio.current_time()
            answer = await server.ask(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"Connection: close" not in answer
            assert 0.2 <= trio.current_time() - before < 2


async def test_the_number_of_connections(application: Application, pki: Pki) -> None:
    """One more than the limit is closed; when one leaves there is room again."""
    async with serving(application, pki, Limits(connections=2, drain=1)) as server:
        first, second = await server.connect(), await server.connect()
        with pytest.raises((trio.BrokenResourceError, OSError)):
            await server.connect()
        assert server.serving.context.turned_away == 1
        await trio.aclose_forcefully(first)
        with trio.fail_after(60):
            while server.serving.connections == 2:
                await trio.sleep(0.01)
        assert (await server.get()).startswith(b"HTTP/1.1 200 ")
        await trio.aclose_forcefully(second)
