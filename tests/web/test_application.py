"""One table of routes, one error mapping, one access log line a request."""

import json
import re
from collections.abc import Mapping

import pytest

from appliance.model.errors import (
    BadRequest,
    Broken,
    Conflict,
    Forbidden,
    FormatError,
    HearthError,
    NotFound,
    NotSupported,
    Unauthorized,
    Unavailable,
)
from appliance.web import answers
from appliance.web.application import Application, build_application, mounted
from appliance.web.http import Request, Response, Route
from tests.support.web import Pki, Served, serving
from tests.web.conftest import Dice, health

pytestmark = pytest.mark.usefixtures("either_lane")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


async def ask(
    server: Served, path: str, method: str = "GET", body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join(
        [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
        + ["Connection: close", *lines]
    )
    raw = await server.ask(head.encode() + b"\r\n\r\n" + body)
    top, _, rest = raw.partition(b"\r\n\r\n")
    status, *fields = top.decode("latin-1").split("\r\n")
    found = dict(field.lower().split(": ", 1) for field in fields)
    return int(status.split(" ")[1]), found, rest


async def test_late_routes_are_made_for_the_first_request_that_no_other_is_for(pki: Pki) -> None:
    made: list[Route] = []

    def late() -> list[Route]:
        made.append(Route(method="GET", path="/late", endpoint=health))
        return made

    early = Route(method="GET", path="/early", endpoint=health)
    application = build_application([early], chance=Dice(), access_log=lambda _: None, late=late)
    async with serving(application, pki) as server:
        assert (await ask(server, "/early"))[0] == 200
        assert not made
        for path, status in (("/late", 200), ("/none", 404), ("/late", 200), ("/early", 200)):
            assert (await ask(server, path))[0] == status
    assert [each.path for each in application.routes] == ["/early", "/late"]
    assert len(made) == 1


@pytest.mark.parametrize("path", ["/json", "/quart", "/1.0/json", "/1.0/quart"])
async def test_a_route_is_the_same_hot_or_not(
    path: str, application: Application, pki: Pki
) -> None:
    """GET and HEAD differ in the body alone; every mount serves the same."""
    async with serving(application, pki) as server:
        status, headers, body = await ask(server, path)
        assert (status, body) == (200, b'{"status":"ok"}\n')
        assert headers["content-type"] == "application/json"
        assert headers["content-length"] == "16"
        assert "server" not in headers
        assert "date" in headers
        status, head, body = await ask(server, path, "HEAD")
        assert (status, body) == (200, b"")
        assert {name: head[name] for name in ("content-type", "content-length")} == {
            "content-type": "application/json",
            "content-length": "16",
        }


@pytest.mark.parametrize("path", ["/echo", "/quart/echo"])
async def test_bodies(path: str, application: Application, pki: Pki) -> None:
    async with serving(application, pki) as server:
        assert await_body(await ask(server, path, "POST", b'{"TEXT": "x"}')) == {
            "text": "x",
            "count": 0,
            "flag": False,
        }
        status, _, body = await ask(server, path, "POST", b'{"text": 5}')
        assert status == 400
        assert body == b'{"status":400,"message":"\\"text\\" must be a string, not an integer"}\n'


def await_body(answer: tuple[int, dict[str, str], bytes]) -> object:
    assert answer[0] == 201
    return json.loads(answer[2])


@pytest.mark.parametrize("path", ["/json", "/quart", "/nope", "/refuse/404"])
async def test_request_ids(path: str, application: Application, pki: Pki) -> None:
    """X-Request-Id is echoed, else X-Smallstep-Id is taken, else a UUID is made."""
    async with serving(application, pki) as server:
        _, headers, _ = await ask(server, path)
        assert UUID.fullmatch(headers["x-request-id"])
        _, headers, _ = await ask(server, path, X_Smallstep_Id="trace")
        assert headers["x-request-id"] == "trace"
        _, headers, _ = await ask(server, path, X_Smallstep_Id="trace", X_Request_Id="mine")
        assert headers["x-request-id"] == "mine"


async def test_a_configured_trace_header(pki: Pki) -> None:
    """logger.traceHeader replaces X-Smallstep-Id."""
    application = build_application(
        [Route(method="GET", path="/json", endpoint=health)],
        chance=Dice(),
        access_log=lambda line: None,
        trace_header="X-Trace",
    )
    async with serving(application, pki) as server:
        _, headers, _ = await ask(server, "/json", X_Trace="t", X_Smallstep_Id="s")
        assert headers["x-request-id"] == "t"


@pytest.mark.parametrize(
    ("status", "message", "extra"),
    [
        ("401", answers.UNAUTHORIZED, {}),
        ("403", r"names \u003ca\u003e \u0026 \u003cb\u003e", {}),
        ("404", "no such thing", {}),
        ("503", "the key is away", {"retry-after": "7"}),
    ],
)
async def test_errors(
    status: str, message: str, extra: dict[str, str], application: Application, pki: Pki
) -> None:
    """An error of the family has its status and its public text; 401 has one text for all."""
    async with serving(application, pki) as server:
        code, headers, body = await ask(server, f"/refuse/{status}")
        assert code == int(status)
        assert body.decode() == f'{{"status":{status},"message":"{message}"}}\n'
        assert extra.items() <= headers.items()


FAMILY: list[tuple[HearthError, int]] = [
    (BadRequest("x"), 400),
    (FormatError("x"), 400),
    (Unauthorized("x"), 401),
    (Forbidden("x"), 403),
    (NotFound("x"), 404),
    (NotSupported("x"), 501),
    (Unavailable("x"), 503),
    (Broken("x"), 500),
    (Conflict("x"), 500),
]


@pytest.mark.parametrize(("error", "status"), FAMILY)
def test_the_whole_family_is_mapped(error: HearthError, status: int) -> None:
    request = Request(
        method="GET", path="/", parameters={}, query="", headers={}, body=b"", client="",
        peer=None, request_id="1",
    )  # fmt: skip
    response = answers.failure(error, request)
    assert response.status == status
    assert request.log["error"] == "x"
    if status == 500:
        assert json.loads(response.body)["message"] == answers.FAILED


@pytest.mark.parametrize("path", ["/1.0/json", "/1.0/quart"])
async def test_the_access_log(
    path: str, application: Application, pki: Pki, lines: list[Mapping[str, object]]
) -> None:
    """One line a request, with step-ca's fields."""
    async with serving(application, pki) as server:
        await ask(server, f"{path}?a=b%20c", User_Agent="curl", Referer="r", X_Request_Id="7")
        await ask(server, path, "HEAD")
    line = dict(lines[0])
    took = line.pop("duration-ns")
    assert isinstance(took, int)
    assert took > 0
    assert re.fullmatch(r"[0-9.]+(µs|ms|s)", str(line.pop("duration")))
    assert line == {
        "request-id": "7",
        "remote-address": "127.0.0.1",
        "name": "ca",
        "user-id": "",
        "method": "GET",
        "path": f"{path}?a=b%20c",
        "protocol": "HTTP/1.1",
        "status": 200,
        "size": 16,
        "referer": "r",
        "user-agent": "curl",
    }
    assert (lines[1]["method"], lines[1]["size"]) == ("HEAD", 0)


async def test_the_access_log_tells_why(
    application: Application, pki: Pki, lines: list[Mapping[str, object]]
) -> None:
    """Detail that the client does not get is in the line's error."""
    async with serving(application, pki) as server:
        await ask(server, "/refuse/401")
        await ask(server, "/nope")
        await ask(server, "/json", "POST")
    assert lines[0]["error"] == "bad signature: kid x"
    assert [(line["status"], line["size"]) for line in lines[1:]] == [(404, 19), (405, 0)]


def test_mounts() -> None:
    routes = mounted([Route(method="GET", path="/x", endpoint=health)], "", "/1.0")
    assert [route.path for route in routes] == ["/x", "/1.0/x"]


def test_a_hot_route_does_not_take_the_rest_of_a_path() -> None:
    async def endpoint(request: Request) -> Response:
        return Response()

    with pytest.raises(ValueError, match="cannot be hot"):
        build_application(
            [Route(method="GET", path="/x/{y...}", endpoint=endpoint, hot=True)],
            chance=Dice(),
            access_log=lambda line: None,
        )
