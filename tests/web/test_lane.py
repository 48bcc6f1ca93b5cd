"""The fast lane takes plain requests that are whole, and reads them as h11 does."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import h11
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from appliance.ports.abreast import at_work
from appliance.web.application import Application, build_application
from appliance.web.http import Request, Response, Route
from appliance.web.lane import read_head
from appliance.web.limits import Limits
from appliance.web.serving import LANE
from tests.support.web import PATIENCE, Pki, serving, until_closed
from tests.web.conftest import Dice

LIMITS = Limits(header_octets=2000, body_octets=100)
PLAIN = b"POST /1.0/sign?x=%20 HTTP/1.1\r\nHost: ca\r\nContent-Length: 2\r\n\r\n{}"


class Whole(NamedTuple):
    """A request as either lane reads it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    close: bool


def whole(data: bytes) -> Whole | None:
    """What the fast lane makes of the octets, when they are exactly one request."""
    head = read_head(data, LIMITS)
    if head is None or head.octets + head.length != len(data):
        return None
    return Whole(head.method, head.target, dict(head.headers), data[head.octets :], head.close)


def by_h11(data: bytes) -> Whole | None:
    """What h11 makes of the octets, when it takes them as one request."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=LIMITS.header_octets)
    connection.receive_data(data)
    request, body = connection.next_event(), b""
    assert isinstance(request, h11.Request)
    assert request.http_version == b"1.1"
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        assert isinstance(event, h11.Data)
        body += event.data
    assert connection.their_state in (h11.DONE, h11.MUST_CLOSE)
    close = connection.their_state is h11.MUST_CLOSE
    assert connection.trailing_data == (b"", False)
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
    assert len(dict(fields)) == len(fields)
    return Whole(request.method.decode(), request.target.decode(), dict(fields), body, close)


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.replace(b"?x=%20", b""),
        b"GET /health HTTP/1.1\r\nHost: ca\r\n\r\n",
        b"HEAD / HTTP/1.1\r\nhost:ca\r\nConnection: keep-alive\r\nX:\r\nY:\t a  b \r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: ca\r\nConnection: close\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: ca\r\nAccept: */*\r\nUser-Agent: \xc3\xa4 (b; c) d/1\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: ca\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_what_clients_send_is_taken(data: bytes) -> None:
    assert whole(data) == by_h11(data)


@pytest.mark.parametrize(
    "data",
    [
        PLAIN,  # an escape
        b"GET / HTTP/1.0\r\nHost: ca\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: ca\r\n\r\n",
        b"GET / HTTP/1.1\nHost: ca\n\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: ca\r\nHost: ca\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: ca\r\nConnection: close, te\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: ca\r\nUpgrade: h2c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: ca\r\nX: a\r\n b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: ca\r\nX : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: ca\r\n\r\nGET",
        b"GET / HTTP/1.1\r\nHost: ca\r\n",
        b"GET / HTTP/1.1\r\nHost: c\ra\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: c\0a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: ca\r\nX: " + b"x" * 2000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: ca\r\nContent-Length: 3\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: ca\r\nContent-Length: +2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: ca\r\nContent-Length: 2, 2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: ca\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: ca\r\nContent-Length: 101\r\n\r\n" + b"x" * 101,
        b"POST / HTTP/1.1\r\nHost: ca\r\nContent-Length: " + b"0" * 5000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: ca\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: ca\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_what_takes_a_closer_look_is_left(data: bytes) -> None:
    assert whole(data) is None


PIECES = st.lists(
    st.sampled_from(
        [b"GET ", b"POST ", b"HEAD ", b"/", b"/a?b", b"%2f", b" HTTP/1.1\r\n", b" HTTP/1.0\r\n"]
        + [b"Host: ca\r\n", b"host:\r\n", b"Content-Length: ", b"0", b"1", b"2", b"\r\n", b"\n"]
        + [b"X: y\r\n", b"x-y:\t z \r\n", b"Connection: keep-alive\r\n", b"Connection: close\r\n"]
        + [b"Transfer-Encoding: chunked\r\n", b"Upgrade: x\r\n", b"\r", b" ", b":", b"\x7f", b"{}"]
    ),
    max_size=12,
)
REQUESTS = st.builds(
    lambda head, fields, body: b"".join([head, *fields, b"\r\n", body]),
    st.sampled_from([b"GET / HTTP/1.1\r\nHost: ca\r\n", b"POST /x HTTP/1.1\r\n", b"GET "]),
    PIECES,
    st.sampled_from([b"", b"x", b"{}", b"\r\n"]),
)


@given(st.one_of(REQUESTS, PIECES.map(b"".join), st.binary(max_size=200)))
def test_nothing_is_taken_that_h11_reads_otherwise(data: bytes) -> None:
    found = whole(data)
    if found is not None:
        assert found == by_h11(data)


@pytest.mark.parametrize("lane", ["", "off"])
async def test_both_ways_on_one_connection(
    lane: str, application: Application, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole requests and others take turns; each has the same answer."""
    monkeypatch.setenv(LANE, lane)
    plain = b'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n{"text":"a"}'
    odd = plain.replace(b"Host", b"A: b\r\nA: b\r\nHost")
    last = plain.replace(b"Host", b"Connection: close\r\nHost")
    async with serving(application, pki) as server:
        stream = await server.connect()
        got = []
        for sent in (plain, odd, plain):
            await stream.send_all(sent)
            got.append(bytes(await stream.receive_some(65536)))
        for cut in (50, len(plain) - 12, len(plain) - 5):  # within the head, before and in the body
            await stream.send_all(plain[:cut])
            await trio.testing.wait_all_tasks_blocked(0.01)
            await stream.send_all(plain[cut:])
            got.append(bytes(await stream.receive_some(65536)))
        await stream.send_all(plain[:-5])
        await trio.testing.wait_all_tasks_blocked(0.01)
        await stream.send_all(plain[-5:] + plain + last)
        rest = await until_closed(stream)
        await trio.aclose_forcefully(stream)
    statuses = [each.split(b"\r\n")[0] for each in got]
    assert statuses == [b"HTTP/1.1 201 Created"] * 6
    assert {each.partition(b"\r\n\r\n")[2] for each in got} == {
        b'{"text":"a","count":0,"flag":false}\n'
    }
    assert rest.count(b"HTTP/1.1 201 Created") == 3


@pytest.mark.parametrize("lane", ["", "off"])
async def test_a_header_that_would_be_two(
    lane: str, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a fault of ours, and no client sees any of it."""
    monkeypatch.setenv(LANE, lane)

    async def split(request: Request) -> Response:
        return Response(headers=(("location", "a\r\nset-cookie: b"),))

    broken = build_application(
        [Route(method="GET", path="/", endpoint=split, hot=True)],
        chance=Dice(),
        access_log=lambda line: None,
    )
    async with serving(broken, pki, Limits(keep_alive=0.1, drain=1)) as server:
        answer = await server.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert b"cookie" not in answer


@pytest.mark.parametrize("sent", [b"", b"{"])
async def test_a_client_that_leaves_before_its_body(
    sent: bytes, application: Application, pki: Pki, lines: list[Mapping[str, object]]
) -> None:
    """Nothing is asked of the endpoint, and the connection ends."""
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
    async with (
        serving(application, replace(pki, plain=True)) as server,
        await server.connect() as stream,
    ):
        await stream.send_all(head + sent)
        await stream.send_eof()
        assert (await until_closed(stream)).startswith(b"HTTP/1.1 400 ")
    assert lines == []


@pytest.mark.parametrize("path", ["/json", "/fault", "/stuck"])
async def test_what_is_at_work_is_counted_until_it_is_answered_however_it_ends(
    path: str, application: Application, pki: Pki
) -> None:
    async with serving(application, pki, Limits(response=0.2)) as server:
        answers: list[bytes] = []

        async def ask() -> None:
            answers.append(await server.get(path))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            if path == "/stuck":
                with trio.fail_after(PATIENCE):
                    while not at_work.requests:
                        await trio.sleep(0.005)
        assert [answer[:9] for answer in answers] == [b"HTTP/1.1 "]
        with trio.fail_after(PATIENCE):
            while at_work.requests:
                await trio.sleep(0.005)
