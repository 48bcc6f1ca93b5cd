"""Plain HTTP is served within the same limits, and survives the same input, as HTTPS."""

from dataclasses import replace

import pytest
import trio

from appliance.web.application import Application
from appliance.web.http import Request, Response, Route
from appliance.web.limits import Limits
from tests.support.web import Pki, serving, until_closed
from tests.web.conftest import Dice
from tests.web.test_hostile_input import (
    test_faults_are_logged_and_not_shown,
    test_http11,
    test_pipelined,
    test_pipelining_leaves_room_for_others,
)
from tests.web.test_limits import (
    test_a_client_that_does_not_read,
    test_a_large_body,
    test_a_large_body_is_not_asked_for,
    test_a_silent_connection,
    test_a_slow_body,
    test_a_slow_head,
    test_a_slow_second_head,
    test_an_endpoint_that_does_not_answer,
    test_idle_connections_end,
)

__all__ = [
    "test_a_client_that_does_not_read",
    "test_a_large_body",
    "test_a_large_body_is_not_asked_for",
    "test_a_silent_connection",
    "test_a_slow_body",
    "test_a_slow_head",
    "test_a_slow_second_head",
    "test_an_endpoint_that_does_not_answer",
    "test_faults_are_logged_and_not_shown",
    "test_http11",
    "test_idle_connections_end",
    "test_pipelined",
    "test_pipelining_leaves_room_for_others",
]
BODY = bytes(range(256)) * 8192  # two megabytes


@pytest.fixture(scope="module")
def pki() -> Pki:
    return replace(Pki.generate(), plain=True)


@pytest.fixture(params=[True, False], ids=["plain", "TLS"])
def either(request: pytest.FixtureRequest, pki: Pki) -> Pki:
    return replace(pki, plain=request.param)


async def large(request: Request) -> Response:
    return Response(body=BODY, content_type="application/octet-stream")


@pytest.fixture
def publishing() -> Application:
    """An application with one large answer."""
    route = Route(method="GET", path="/large", endpoint=large, hot=True)
    return Application([route], None, Dice(), lambda line: None, "x-trace")


async def test_a_handshake_of_tls_is_no_request(application: Application, pki: Pki) -> None:
    async with serving(application, pki) as server:
        answer = await server.ask(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300))
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert (await server.get()).startswith(b"HTTP/1.1 200 ")


async def test_nobody_is_known_by_a_certificate(application: Application, pki: Pki) -> None:
    async with serving(application, pki) as server:
        assert b'{"chain":0}' in await server.get("/peer")


async def test_one_client_more_than_the_limit_is_turned_away(
    application: Application, pki: Pki
) -> None:
    async with serving(application, pki, Limits(connections=1, drain=1)) as server:
        first = await server.connect()
        while not server.serving.connections:
            await trio.sleep(0.01)
        second = await server.connect()
        assert await until_closed(second) == b""
        assert server.serving.context.turned_away == 1
        await trio.aclose_forcefully(first)
        await trio.aclose_forcefully(second)


async def test_a_large_answer_comes_whole_and_the_connection_goes_on(
    publishing: Application, either: Pki
) -> None:
    async with serving(publishing, either) as server:
        stream = await server.connect()
        for _ in range(2):
            await stream.send_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            got = b""
            with trio.fail_after(60):
                while not got.endswith(BODY):
                    got += await stream.receive_some(65536)
            assert got.startswith(b"HTTP/1.1 200 ")
            assert b"Content-Length: %d\r\n" % len(BODY) in got[:400]
        await trio.aclose_forcefully(stream)


async def test_of_a_large_answer_only_its_head_is_asked_for(
    publishing: Application, either: Pki
) -> None:
    async with serving(publishing, either) as server:
        answer = await server.ask(b"HEAD /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answer.endswith(b"\r\n\r\n")
        assert b"Content-Length: %d\r\n" % len(BODY) in answer


async def test_a_client_that_reads_slowly_gets_a_large_answer(
    publishing: Application, either: Pki
) -> None:
    """It may take longer than an answer may take to make, as long as it goes on reading."""
    limits = Limits(response=0.3, send=5, slowest=256 * 1024, drain=1)
    async with serving(publishing, either, limits) as server:
        stream = await server.connect()
        await stream.send_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        got = 0
        with trio.fail_after(60):
            while got < len(BODY):
                data = await stream.receive_some(100_000)
                assert data, f"cut after {got} octets"
                got += len(data)
                await trio.sleep(0.02)
        await trio.aclose_forcefully(stream)


async def test_one_that_takes_all_its_time_is_cut(publishing: Application, pki: Pki) -> None:
    """A large answer's time is its size's, however often a few octets are read."""
    limits = Limits(response=0.2, send=0.2, slowest=64 << 20, drain=1)
    async with serving(publishing, pki, limits) as server:
        stream = await server.connect()
        await stream.send_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        with trio.fail_after(60):
            while server.serving.connections:
                with trio.move_on_after(0.05):
                    await stream.receive_some(10)
                await trio.sleep(0.05)
        await trio.aclose_forcefully(stream)
