"""The application: one table of routes, served by Quart-Trio, the hot ones without it.

    fast lane ──────────────────────────────────▶ hot route
    ASGI ──▶ refused by the server? ──▶ hot route? ──▶ Quart-Trio ──▶ 404, 405
                        │                   │              │
                        └── one answer, one error mapping, one access log line

Paths match whole and as they were sent: a slash more, or an escape for what needs none, is another
path, and nothing redirects.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import trio

from appliance.ports.chance import Chance
from appliance.web import answers
from appliance.web.http import PeerCertificate, Request, Response, Route
from appliance.web.lane import Head
from appliance.web.routing import Found, HotRoutes
from appliance.web.visits import AccessLog, Visit, fields, line, line_of, route_path, run, uuid4

if TYPE_CHECKING:
    from hypercorn.typing import (
        ASGIReceiveCallable,
        ASGIReceiveEvent,
        ASGISendCallable,
        HTTPScope,
        Scope,
    )

    from appliance.web.framework import Framework

TRACE_HEADER: Final = "x-smallstep-id"

LateRoutes: TypeAlias = Callable[[], Iterable[Route]]
"""Routes that hardly anybody will ask for; called from any thread."""


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
    late: LateRoutes | None = None,
) -> "Application":
    """Make the application of a table of routes.

    `trace_header` is ca.json's `logger.traceHeader`, which brings a request id when X-Request-Id
    does not. `late` ones are made for the first request that no other is for.
    """
    trace_header = trace_header.lower() or TRACE_HEADER
    return Application(list(routes), late, chance, access_log, trace_header)


class Application:
    """The routes as one ASGI callable, which is the fast lane's application, too."""

    def __init__(
        self,
        routes: list[Route],
        late: LateRoutes | None,
        chance: Chance,
        access_log: AccessLog,
        trace_header: str,
    ) -> None:
        self._early, self._late = tuple(routes), late
        self._routes = self._early
        self._chance = chance
        self._access_log = access_log
        self._trace_header = trace_header
        self._hot = HotRoutes(routes)
        self._framework: Framework | None = None

    @property
    def routes(self) -> Sequence[Route]:
        """All of them, also those that are late."""
        if (late := self._late) is not None:
            self._routes = (*self._early, *late())
            self._hot, self._late = HotRoutes(self._routes), None
        return self._routes

    def visit(self, head: Head, client: str, peer: PeerCertificate | None) -> Visit | None:
        """Begin with a request of the fast lane; None when its route is none of the hot ones."""
        method, target, headers = head.method, head.target, head.headers
        path, _, query = target.partition("?")
        found = self._hot.find(method, path)
        if found is None:
            return None
        route, parameters = found
        request = Request(
            method=method,
            path=path,
            parameters=parameters,
            query=query,
            headers=headers,
            body=b"",
            client=client,
            peer=peer,
            request_id=self._request_id(headers),
            target=target,
        )
        return Visit(request, route, self._access_log)

    async def __call__(
        self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} is served")
        request = self._request(scope)
        scope["path"] = request.path
        refused = scope["extensions"].get("refusal")
        found = None if refused else await self._found(request)
        if refused is not None:
            response = answers.refusal(refused["status"])
        elif found is not None:
            body = await _body(receive)
            if body is None:
                return
            request.body = body
            route, request.parameters = found
            response = await run(route, request)
        elif request.path.startswith("//"):  # werkzeug would take it for one slash
            response = answers.NOT_FOUND
        else:
            await self._by_quart(request, scope, receive, send)
            return
        await _send(request, response, send)
        self._access_log(line_of(request, response))

    async def _found(self, request: Request) -> Found | None:
        found = self._hot.find(request.method, request.path)
        if found is None and self._late is not None:
            await trio.to_thread.run_sync(lambda: self.routes)
            found = self._hot.find(request.method, request.path)
        return found

    async def _loaded(self) -> "Framework":
        # Most servers are asked for hot routes alone, and need no framework in their memory.
        if self._framework is None:
            found = await trio.to_thread.run_sync(import_module, "appliance.web.framework")
            self._framework = found.Framework(self.routes)
        return self._framework

    async def _by_quart(
        self,
        request: Request,
        scope: "HTTPScope",
        receive: "ASGIReceiveCallable",
        send: "ASGISendCallable",
    ) -> None:
        framework = await self._loaded()
        noting = await framework.serve(request, scope, receive, send)
        self._access_log(line(request, noting.status, noting.size))

    def _request(self, scope: "HTTPScope") -> Request:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        path, query = scope["raw_path"].decode("ascii"), scope["query_string"].decode("latin-1")
        tls: Mapping[str, Any] = scope["extensions"].get("tls", {})
        client = scope["client"]
        return Request(
            method=scope["method"],
            path=route_path(path),
            parameters={},
            query=query,
            headers=headers,
            body=b"",
            client=client[0] if client else "",
            peer=tls.get("peer"),
            request_id=self._request_id(headers),
            target=f"{path}?{query}" if query else path,
            protocol=f"HTTP/{scope['http_version']}",
        )

    def _request_id(self, headers: Mapping[str, str]) -> str:
        """Give what the client calls its request, or a name of our own."""
        named = headers.get("x-request-id") or headers.get(self._trace_header)
        return named or uuid4(self._chance.octets(16))


async def _send(request: Request, response: Response, send: "ASGISendCallable") -> None:
    headers = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in fields(response, request)
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": False})


async def _body(receive: "ASGIReceiveCallable") -> bytes | None:
    """Read the body; None when the client has gone."""
    parts = []
    while True:
        message: ASGIReceiveEvent = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message["body"])
        if not message["more_body"]:
            return b"".join(parts)
