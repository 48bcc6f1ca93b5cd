"""The ASGI application: one table of routes, served by Quart-Trio, the hot ones without it.

    request ──▶ refused by the server? ──▶ hot route? ──▶ Quart-Trio ──▶ 404, 405
                        │                      │               │
                        └───── one answer, one error mapping, one access log line ─────

Paths match whole and as they were sent: a slash more, or an escape for what needs none, is another
path, and nothing redirects.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import perf_counter_ns
from typing import Any, Final, TypeAlias, cast
from urllib.parse import urlsplit

import quart
from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    HTTPScope,
    Scope,
)
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from appliance.formats import goduration
from appliance.ports.chance import Chance
from appliance.web import answers
from appliance.web.http import PeerCertificate, Request, Response, Route

log = logging.getLogger(__name__)

AccessLog: TypeAlias = Callable[[Mapping[str, object]], None]
"""Takes step-ca's fields of one finished request, but for time, level and message."""

TRACE_HEADER: Final = "x-smallstep-id"

NOT_FOUND: Final = Response(
    status=404,
    body=b"404 page not found\n",
    content_type="text/plain; charset=utf-8",
    headers=(("x-content-type-options", "nosniff"),),
)


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


@dataclass(slots=True)
class _Visit:
    """A request on its way, and what its access log line will say."""

    scope: HTTPScope
    headers: Mapping[str, str]
    request_id: str
    started: int = field(default_factory=perf_counter_ns)
    status: int = 0
    size: int = 0
    extra: dict[str, object] = field(default_factory=dict)

    @property
    def client(self) -> str:
        client = self.scope["client"]
        return client[0] if client else ""

    def request(self, parameters: Mapping[str, str], body: bytes) -> Request:
        tls: Mapping[str, Any] = self.scope["extensions"].get("tls", {})
        peer: PeerCertificate | None = tls.get("peer")
        return Request(
            method=self.scope["method"],
            path=self.scope["path"],
            parameters=parameters,
            query=self.scope["query_string"].decode("latin-1"),
            headers=self.headers,
            body=body,
            client=self.client,
            peer=peer,
            request_id=self.request_id,
            log=self.extra,
        )

    def line(self) -> dict[str, object]:
        took = perf_counter_ns() - self.started
        query = self.scope["query_string"]
        path = self.scope["raw_path"] + (b"?" + query if query else b"")
        return {
            "request-id": self.request_id,
            "remote-address": self.client,
            "name": "ca",
            "user-id": "",
            "duration": goduration.format_duration(timedelta(microseconds=took // 1000)),
            "duration-ns": took,
            "method": self.scope["method"],
            "path": path.decode("latin-1"),
            "protocol": f"HTTP/{self.scope['http_version']}",
            "status": self.status,
            "size": self.size,
            "referer": self.headers.get("referer", ""),
            "user-agent": self.headers.get("user-agent", ""),
            **self.extra,
        }


class Application:
    """The routes as one ASGI callable."""

    def __init__(
        self, routes: list[Route], chance: Chance, access_log: AccessLog, trace_header: str
    ) -> None:
        self.routes = tuple(routes)
        self._chance = chance
        self._access_log = access_log
        self._trace_header = trace_header
        self._hot: dict[tuple[str, str], Route] = {}
        for route in routes:
            if route.hot:
                if "{" in route.path:
                    raise ValueError(f"{route.path} has parameters, so it cannot be hot")
                self._hot[route.method, route.path] = route
                if route.method == "GET":
                    self._hot.setdefault(("HEAD", route.path), route)
        self._quart = _quart_application(routes)

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Serve one request, or the application's life."""
        if scope["type"] != "http":
            await self._quart(scope, receive, send)
            return
        scope["path"] = _path(scope["raw_path"])
        visit = self._visit(scope)
        refused = scope["extensions"].get("refusal")
        route = self._hot.get((scope["method"], scope["path"]))
        if refused is not None:
            await self._send(visit, send, answers.refusal(refused["status"]))
        elif route is not None:
            body = await _body(receive)
            if body is None:
                return
            await self._send(visit, send, await _run(route, visit.request({}, body)))
        elif scope["path"].startswith("//"):  # werkzeug would take it for one slash
            await self._send(visit, send, NOT_FOUND)
        else:
            scope["extensions"]["visit"] = {"visit": visit}
            await self._quart(_strict(scope), receive, _noting(visit, send))
        self._access_log(visit.line())

    def _visit(self, scope: HTTPScope) -> _Visit:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        request_id = headers.get("x-request-id") or headers.get(self._trace_header)
        return _Visit(scope, headers, request_id or _uuid(self._chance.octets(16)))

    async def _send(self, visit: _Visit, send: ASGISendCallable, response: Response) -> None:
        body = response.body
        visit.status = response.status
        visit.size = 0 if visit.scope["method"] == "HEAD" else len(body)
        headers = [
            (b"content-type", response.content_type.encode("latin-1")),
            *[(name.encode("latin-1"), text.encode("latin-1")) for name, text in response.headers],
            (b"x-request-id", visit.request_id.encode("latin-1")),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


async def _run(route: Route, request: Request) -> Response:
    try:
        return await route.endpoint(request)
    except Exception as fault:  # noqa: BLE001  this is where every fault ends
        return answers.failure(fault, request)


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


def _noting(visit: _Visit, send: ASGISendCallable) -> ASGISendCallable:
    async def noting(message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start":
            visit.status = message["status"]
            identity = (b"x-request-id", visit.request_id.encode("latin-1"))
            message["headers"] = [*message["headers"], identity]
        elif message["type"] == "http.response.body" and visit.scope["method"] != "HEAD":
            visit.size += len(message["body"])
        await send(message)

    return noting


def _quart_application(routes: list[Route]) -> QuartTrio:
    application = QuartTrio(
        "appliance.web", static_folder=None, template_folder=None, root_path="/", instance_path="/"
    )
    application.url_map.merge_slashes = False
    application.url_map.redirect_defaults = False
    # What these limit, the server has limited before.
    application.config.update(MAX_CONTENT_LENGTH=None, BODY_TIMEOUT=None, RESPONSE_TIMEOUT=None)
    for number, route in enumerate(routes):
        application.add_url_rule(
            route.path.replace("{", "<").replace("}", ">"),
            endpoint=str(number),
            view_func=_view(route),
            methods=[route.method],
            strict_slashes=True,
            provide_automatic_options=False,
        )
    application.register_error_handler(HTTPException, _routing_error)
    application.register_error_handler(Exception, _fault)
    return application


def _view(route: Route) -> Callable[..., Awaitable[quart.Response]]:
    async def view(**parameters: str) -> quart.Response:
        scope = cast(HTTPScope, quart.request.scope)
        visit: _Visit = scope["extensions"]["visit"]["visit"]
        body = cast(bytes, await quart.request.get_data(cache=False))
        return _rendered(await _run(route, visit.request(parameters, body)))

    return view


def _rendered(response: Response) -> quart.Response:
    headers = {"content-type": response.content_type, **dict(response.headers)}
    return quart.Response(response.body, response.status, headers)


async def _routing_error(error: HTTPException) -> quart.Response:
    if isinstance(error, MethodNotAllowed):
        allowed = [each for each in error.valid_methods or () if each != "HEAD"]
        empty = quart.Response(b"", 405)
        del empty.headers["content-type"]
        for method in allowed:
            empty.headers.add("allow", method)
        return empty
    if error.code == 404:
        return _rendered(NOT_FOUND)
    return _rendered(answers.error(error.code or 500, error.description or error.name))


async def _fault(error: Exception) -> quart.Response:
    log.error("the application failed", exc_info=error)
    return _rendered(answers.error(500, answers.FAILED))


def _path(target: bytes) -> str:
    """Give what routes are matched with: the path as it was sent, escapes and all.

    Of a target that is a whole URL it is the URL's path; no route has any other's.
    """
    path = target.decode("ascii")
    if not path.startswith("/"):
        try:
            path = urlsplit(path).path
        except ValueError:
            path = ""
    return path if path.startswith("/") else "/"


def _strict(scope: HTTPScope) -> HTTPScope:
    """Keep werkzeug from taking `get` for GET: methods are case-sensitive (RFC 9110 9.1)."""
    method = scope["method"]
    return scope if method.isupper() else cast(HTTPScope, {**scope, "method": f"{method}-"})


def _uuid(octets: bytes) -> str:
    """Give a version 4 UUID (RFC 9562 section 5.4) of 16 random octets."""
    digits = octets.hex()
    variant = "89ab"[octets[8] & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
