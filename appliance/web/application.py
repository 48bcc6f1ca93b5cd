"""The ASGI application: one table of routes, served by Quart-Trio, the hot ones without it.

    request ──▶ refused by the server? ──▶ hot route? ──▶ Quart-Trio ──▶ 404, 405
                        │                      │               │
                        └───── one answer, one error mapping, one access log line ─────

Paths match whole and as they were sent: a slash more, or an escape for what needs none, is another
path, and nothing redirects.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    HTTPScope,
    Scope,
)

from appliance.ports.chance import Chance
from appliance.web import answers
from appliance.web.framework import Noting, quart_application, strict
from appliance.web.http import Response, Route
from appliance.web.routing import HotRoutes
from appliance.web.visits import Visit, route_path, run, uuid4

AccessLog: TypeAlias = Callable[[Mapping[str, object]], None]
"""Takes step-ca's fields of one finished request, but for time, level and message."""

TRACE_HEADER: Final = "x-smallstep-id"


def mounted(routes: Iterable[Route], *prefixes: str) -> list[Route]:
    """Give the routes once below each prefix, of which the empty one is the root."""
    table = list(routes)
    return [replace(each, path=prefix + each.path) for prefix in prefixes for each in table]


def build_application(
    routes: Iterable[Route],
    *,
    chance: Chance,
    access_log: AccessLog,
    trace_header: str = "",
) -> "Application":
    """Make the application of a table of routes.

    `trace_header` is ca.json's `logger.traceHeader`, which brings a request id when X-Request-Id
    does not.
    """
    return Application(list(routes), chance, access_log, trace_header.lower() or TRACE_HEADER)


class Application:
    """The routes as one ASGI callable."""

    def __init__(
        self, routes: list[Route], chance: Chance, access_log: AccessLog, trace_header: str
    ) -> None:
        self.routes = tuple(routes)
        self._chance = chance
        self._access_log = access_log
        self._trace_header = trace_header
        self._hot = HotRoutes(routes)
        self._quart = quart_application(routes)

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Serve one request, or the application's life."""
        if scope["type"] != "http":
            await self._quart(scope, receive, send)
            return
        scope["path"] = route_path(scope["raw_path"])
        visit = self._visit(scope)
        refused = scope["extensions"].get("refusal")
        found = self._hot.find(scope["method"], scope["path"])
        if refused is not None:
            await self._send(visit, send, answers.refusal(refused["status"]))
        elif found is not None:
            body = await _body(receive)
            if body is None:
                return
            route, parameters = found
            await self._send(visit, send, await run(route, visit.request(parameters, body)))
        elif scope["path"].startswith("//"):  # werkzeug would take it for one slash
            await self._send(visit, send, answers.NOT_FOUND)
        else:
            scope["extensions"]["visit"] = {"visit": visit}
            noting = Noting(visit, send)
            try:
                await self._quart(strict(scope), receive, noting)
            finally:
                noting.release()
                del scope["extensions"]["visit"]  # the visit refers to the scope
        self._access_log(visit.line())

    def _visit(self, scope: HTTPScope) -> Visit:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        request_id = headers.get("x-request-id") or headers.get(self._trace_header)
        return Visit(scope, headers, request_id or uuid4(self._chance.octets(16)))

    async def _send(self, visit: Visit, send: ASGISendCallable, response: Response) -> None:
        body = response.body
        visit.status = response.status
        visit.size = 0 if visit.scope["method"] == "HEAD" else len(body)
        headers = [
            (b"content-type", response.content_type.encode("latin-1")),
            *[(name.encode("latin-1"), text.encode("latin-1")) for name, text in response.headers],
            (b"x-request-id", visit.request_id.encode("latin-1")),
            (b"content-length", b"%d" % len(body)),
        ]
        if response.status == 304:  # RFC 9110 15.4.5: it has neither of its own
            headers = headers[1:-1]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


async def _body(receive: ASGIReceiveCallable) -> bytes | None:
    """Read the body; None when the client has gone."""
    parts = []
    while True:
        message: ASGIReceiveEvent = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message["body"])
        if not message["more_body"]:
            return b"".join(parts)
