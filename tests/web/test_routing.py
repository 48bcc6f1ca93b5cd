"""Hot routes are found as Quart would find them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import trio

from appliance.web import answers
from appliance.web.application import Application, build_application
from appliance.web.http import Request, Response, Route
from tests.web.conftest import Dice

TABLE = {
    "/": "root",
    "/acme/{who}/directory": "directory",
    "/acme/{who}/order/{id}": "order",
    "/acme/{who}/order/{id}/finalize": "finalize",
    "/acme/{who}/{kind}/{id}": "other",
    "/acme/fixed/order/{id}": "fixed",
    "/{only}": "only",
    "/only": "literal",
}
PATHS = {
    "/": ("root", {}),
    "/only": ("literal", {}),
    "/x": ("only", {"only": "x"}),
    "/%41": ("only", {"only": "%41"}),
    "/x/": None,
    "/acme/a/directory": ("directory", {"who": "a"}),
    "/acme/a%20b/directory": ("directory", {"who": "a%20b"}),
    "/acme/a/directory/": None,
    "/acme//directory": None,
    "/acme/a/order/1": ("order", {"who": "a", "id": "1"}),
    "/acme/fixed/order/1": ("fixed", {"id": "1"}),
    "/acme/fixed/order/1/finalize": ("finalize", {"who": "fixed", "id": "1"}),
    "/acme/a/order/": None,
    "/acme/a/authz/2": ("other", {"who": "a", "kind": "authz", "id": "2"}),
    "/acme/a/order/1/finalize/x": None,
    "/acme/a/order/..": ("order", {"who": "a", "id": ".."}),
}


def application(*, hot: bool) -> Application:
    def route(path: str, name: str) -> Route:
        async def endpoint(request: Request) -> Response:
            return answers.answer({"name": name, "parameters": dict(request.parameters)})

        return Route(method="GET", path=path, endpoint=endpoint, hot=hot)

    return build_application(
        [route(path, name) for path, name in TABLE.items()],
        chance=Dice(),
        access_log=lambda line: None,
    )


async def get(served: Application, method: str, path: str) -> tuple[int, bytes]:
    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"x")],
        "client": ("192.0.2.1", 1),
        "server": ("127.0.0.1", 443),
        "state": {},
        "extensions": {},
    }
    sent: list[Any] = []
    body = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        return body.pop() if body else await trio.sleep_forever()

    async def send(message: Any) -> None:
        sent.append(message)

    await served(scope, receive, send)
    return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:])


@pytest.mark.parametrize("hot", [True, False])
async def test_paths(hot: bool) -> None:
    """One table gives one answer, whoever finds the route."""
    served = application(hot=hot)
    for path, expected in PATHS.items():
        status, body = await get(served, "GET", path)
        if expected is None:
            assert status == 404, path
        else:
            name, parameters = expected
            said: Mapping[str, object] = {"name": name, "parameters": parameters}
            assert (status, body) == (200, answers.answer(said).body), path


@pytest.mark.parametrize("hot", [True, False])
async def test_methods(hot: bool) -> None:
    """HEAD is answered where GET is; what is not there is 405."""
    served = application(hot=hot)
    assert (await get(served, "HEAD", "/acme/a/order/1"))[0] == 200
    assert (await get(served, "POST", "/acme/a/order/1"))[0] == 405
    assert (await get(served, "get", "/acme/a/order/1"))[0] == 405


async def test_head_of_its_own() -> None:
    """A route for HEAD is not overridden by one for GET."""

    async def endpoint(request: Request) -> Response:
        return Response(status=204)

    route = Route(method="HEAD", path="/{x}", endpoint=endpoint, hot=True)
    other = replace(route, method="GET", endpoint=answers_ok)
    served = build_application([other, route], chance=Dice(), access_log=lambda line: None)
    assert (await get(served, "HEAD", "/a"))[0] == 204
    assert (await get(served, "GET", "/a"))[0] == 200


async def answers_ok(request: Request) -> Response:
    return Response()
