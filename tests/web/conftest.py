"""A small application on both of its ways, and the certificates to serve it with."""

import random
from collections.abc import Mapping

import pytest
import trio

from appliance.model.errors import Forbidden, NotFound, Unauthorized, Unavailable
from appliance.web import answers, wirejson
from appliance.web.application import Application, build_application, mounted
from appliance.web.http import Request, Response, Route
from appliance.web.serving import LANE
from tests.support.web import Pki, kept_in


class Dice:
    """Chance that repeats itself."""

    def __init__(self) -> None:
        self.source = random.Random(5)

    def octets(self, count: int) -> bytes:
        return self.source.randbytes(count)


async def health(request: Request) -> Response:
    return answers.answer({"status": "ok"})


async def echo(request: Request) -> Response:
    found = wirejson.decode_object(request.body, {"text": str, "count": int, "flag": bool})
    return answers.answer(found, 201)


async def peer(request: Request) -> Response:
    """Say how many certificates the client is known by."""
    return answers.answer({"chain": len(request.peer.chain) if request.peer else 0})


async def slow(request: Request) -> Response:
    await trio.sleep(0.3)
    return answers.answer({"slept": True})


async def stuck(request: Request) -> Response:
    await trio.sleep_forever()
    raise AssertionError


async def big(request: Request) -> Response:
    return Response(body=b"x" * 50_000_000, content_type="text/plain")


async def fault(request: Request) -> Response:
    raise RuntimeError("a secret path")


async def refuse(request: Request) -> Response:
    raise {
        "401": Unauthorized("bad signature", detail="kid x"),
        "403": Forbidden("names <a> & <b>"),
        "404": NotFound("no such thing"),
        "503": Unavailable("the key is away", retry_after=7),
    }[request.parameters["status"]]


ROUTES = [
    Route(method="GET", path="/json", endpoint=health),
    Route(method="GET", path="/quart", endpoint=health, hot=False),
    Route(method="POST", path="/echo", endpoint=echo),
    Route(method="POST", path="/quart/echo", endpoint=echo, hot=False),
    Route(method="GET", path="/peer", endpoint=peer),
    Route(method="GET", path="/quart/peer", endpoint=peer, hot=False),
    Route(method="GET", path="/slow", endpoint=slow),
    Route(method="GET", path="/quart/slow", endpoint=slow, hot=False),
    Route(method="GET", path="/stuck", endpoint=stuck),
    Route(method="GET", path="/quart/stuck", endpoint=stuck, hot=False),
    Route(method="GET", path="/big", endpoint=big, hot=False),
    Route(method="GET", path="/fault", endpoint=fault),
    Route(method="GET", path="/quart/fault", endpoint=fault, hot=False),
    Route(method="GET", path="/refuse/{status}", endpoint=refuse),
]


@pytest.fixture(params=["", "off"], ids=["lane", "h11"])
def either_lane(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve with the fast lane, and without."""
    monkeypatch.setenv(LANE, request.param)


@pytest.fixture(scope="session")
def pki() -> Pki:
    return Pki.generate()


@pytest.fixture
def lines() -> list[Mapping[str, object]]:
    """The access log."""
    return []


@pytest.fixture
def application(lines: list[Mapping[str, object]]) -> Application:
    return build_application(
        mounted(ROUTES, "", "/1.0"), chance=Dice(), access_log=kept_in(lines), trace_header=""
    )
