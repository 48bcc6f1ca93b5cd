"""The routes as a Quart-Trio application."""

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import quart
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, HTTPScope
from quart_trio import QuartTrio
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from appliance.web import answers
from appliance.web.acme.answering import NOT_ALLOWED as ACME_NOT_ALLOWED
from appliance.web.acme.links import PREFIXES as ACME_PREFIXES
from appliance.web.http import Request, Response, Route
from appliance.web.visits import run

log = logging.getLogger(__name__)


def quart_application(routes: Sequence[Route]) -> QuartTrio:
    """Make it; its scopes must have our Request in their extensions, as `visit`."""
    application = QuartTrio(
        "appliance.web", static_folder=None, template_folder=None, root_path="/", instance_path="/"
    )
    application.url_map.merge_slashes = False
    application.url_map.redirect_defaults = False
    # What these limit, the server has limited before.
    application.config.update(MAX_CONTENT_LENGTH=None, BODY_TIMEOUT=None, RESPONSE_TIMEOUT=None)
    for number, route in enumerate(routes):
        application.add_url_rule(
            _rule(route.path),
            endpoint=str(number),
            view_func=_view(route),
            methods=[route.method],
            strict_slashes=True,
            provide_automatic_options=False,
        )
    application.register_error_handler(HTTPException, _routing_error)
    application.register_error_handler(Exception, _fault)
    return application


def _rule(path: str) -> str:
    """Write a path as werkzeug has it; `{name...}` is all that is left, slashes and all."""
    return re.sub(r"{(\w+)\.\.\.}", r"<path:\1>", path).replace("{", "<").replace("}", ">")


def _view(route: Route) -> Callable[..., Awaitable[quart.Response]]:
    async def view(**parameters: str) -> quart.Response:
        scope = cast(HTTPScope, quart.request.scope)
        request: Request = scope["extensions"]["visit"]["request"]
        request.parameters = parameters
        request.body = cast(bytes, await quart.request.get_data(cache=False))
        return _rendered(await run(route, request))

    return view


def _rendered(response: Response) -> quart.Response:
    headers = Headers([("content-type", response.content_type), *response.headers])
    return quart.Response(response.body, response.status, headers)


async def _routing_error(error: HTTPException) -> quart.Response:
    if isinstance(error, MethodNotAllowed):
        allowed = [each for each in error.valid_methods or () if each != "HEAD"]
        if quart.request.path.startswith(ACME_PREFIXES):
            refused = _rendered(ACME_NOT_ALLOWED)
        else:
            refused = quart.Response(b"", 405)
            del refused.headers["content-type"]
        for method in allowed:
            refused.headers.add("allow", method)
        return refused
    if error.code == 404:
        return _rendered(answers.NOT_FOUND)
    return _rendered(answers.error(error.code or 500, error.description or error.name))


async def _fault(error: Exception) -> quart.Response:
    log.error("the application failed", exc_info=error)
    return _rendered(answers.error(500, answers.FAILED))


class Framework:
    """Quart-Trio, as the application uses it."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._quart = quart_application(routes)

    async def serve(
        self,
        request: Request,
        scope: HTTPScope,
        receive: ASGIReceiveCallable,
        send: ASGISendCallable,
    ) -> "Noting":
        """Serve a request, and give what was noted of its answer."""
        scope["extensions"]["visit"] = {"request": request}
        noting = Noting(request, send)
        try:
            await self._quart(strict(scope), receive, noting)
        finally:
            noting.release()
            del scope["extensions"]["visit"]
        return noting


class Noting:
    """What Quart sends through: it notes status and size, and adds the request's id."""

    def __init__(self, request: Request, send: ASGISendCallable) -> None:
        self._request = request
        self._send: ASGISendCallable | None = send
        self.status = 0
        self.size = 0

    async def __call__(self, message: ASGISendEvent) -> None:
        """Send a part of the answer."""
        request = self._request
        if message["type"] == "http.response.start":
            self.status = message["status"]
            identity = (b"x-request-id", request.request_id.encode("latin-1"))
            message["headers"] = [*message["headers"], identity]
        elif message["type"] == "http.response.body" and request.method != "HEAD":
            self.size += len(message.get("body", b""))
        if self._send is not None:
            await self._send(message)

    def release(self) -> None:
        """Let go of the connection: Quart's request refers to itself, and so to us, for long."""
        self._send = None


def strict(scope: HTTPScope) -> HTTPScope:
    """Keep werkzeug from taking `get` for GET: methods are case-sensitive (RFC 9110 9.1)."""
    method = scope["method"]
    return scope if method.isupper() else cast(HTTPScope, {**scope, "method": f"{method}-"})
