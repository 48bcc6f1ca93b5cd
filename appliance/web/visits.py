"""A request on its way through an endpoint, and what the access log says of it."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from time import perf_counter_ns
from typing import TypeAlias
from urllib.parse import urlsplit

from appliance.formats import goduration
from appliance.web import answers
from appliance.web.http import Request, Response, Route

log = logging.getLogger(__name__)

Fields: TypeAlias = Mapping[str, object]
"""step-ca's of one finished request, but for time, level and message."""

AccessLog: TypeAlias = Callable[[Callable[[], Fields]], None]
"""Takes what gives the fields, and asks it later: to make a line costs a tenth of a sign."""


class Visit:
    """A request of the fast lane."""

    __slots__ = ("_access_log", "_route", "request")

    def __init__(self, request: Request, route: Route, access_log: AccessLog) -> None:
        self.request = request
        self._route = route
        self._access_log = access_log

    def answer(self) -> Awaitable[Response]:
        """Ask the endpoint."""
        return run(self._route, self.request)

    def over(self, response: Response) -> None:
        """Note that this was the answer."""
        self._access_log(line_of(self.request, response))


def fields(response: Response, request: Request) -> list[tuple[str, str]]:
    """Give the headers of an answer."""
    if response.status == 304:  # RFC 9110 15.4.5: it has no content, nor a type or length of it
        return [*response.headers, ("x-request-id", request.request_id)]
    return [
        ("content-type", response.content_type),
        *response.headers,
        ("x-request-id", request.request_id),
        ("content-length", str(len(response.body))),
    ]


def line_of(request: Request, response: Response) -> Callable[[], Fields]:
    """Give what makes the access log line, now that the answer is out."""
    size = 0 if request.method == "HEAD" else len(response.body)
    return line(request, response.status, size)


def line(request: Request, status: int, size: int) -> Callable[[], Fields]:
    """Give it for an answer whose body had so many octets."""
    return partial(_fields, request, status, size, perf_counter_ns() - request.began)


def _fields(request: Request, status: int, size: int, took: int) -> Fields:
    headers = request.headers
    return {
        "request-id": request.request_id,
        "remote-address": request.client,
        "name": "ca",
        "user-id": "",
        "duration": goduration.format_microseconds(took // 1000),
        "duration-ns": took,
        "method": request.method,
        "path": request.target,
        "protocol": request.protocol,
        "status": status,
        "size": size,
        "referer": headers.get("referer", ""),
        "user-agent": headers.get("user-agent", ""),
        **request.logged(),
    }


async def run(route: Route, request: Request) -> Response:
    """Ask the endpoint; whatever it raises becomes an answer."""
    try:
        return await route.endpoint(request)
    except Exception as fault:  # noqa: BLE001  this is where every fault ends
        return answers.failure(fault, request)
    except BaseExceptionGroup as group:
        faults, cancelled = group.split(Exception)
        if faults is not None:
            log.exception("request %s failed", request.request_id, exc_info=faults)
        raise (cancelled or group) from None


def route_path(target: str) -> str:
    """Give what routes are matched with: the path as it was sent, escapes and all.

    Of a target that is a whole URL it is the URL's path; no route has any other's.
    """
    path = target.partition("?")[0]
    if not path.startswith("/"):
        try:
            path = urlsplit(path).path
        except ValueError:
            path = ""
    return path if path.startswith("/") else "/"


def uuid4(octets: bytes) -> str:
    """Give a version 4 UUID (RFC 9562 section 5.4) of 16 random octets."""
    digits = octets.hex()
    variant = "89ab"[octets[8] & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
