"""A request on its way from the wire to an endpoint, and what the access log says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from time import perf_counter_ns
from typing import Any
from urllib.parse import urlsplit

from hypercorn.typing import HTTPScope

from appliance.formats import goduration
from appliance.web import answers
from appliance.web.http import PeerCertificate, Request, Response, Route


@dataclass(slots=True)
class Visit:
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
        """The address of the client."""
        client = self.scope["client"]
        return client[0] if client else ""

    def request(self, parameters: Mapping[str, str], body: bytes) -> Request:
        """Give what an endpoint gets."""
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
        """Give the access log line, now that the answer is out."""
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


async def run(route: Route, request: Request) -> Response:
    """Ask the endpoint; whatever it raises becomes an answer."""
    try:
        return await route.endpoint(request)
    except Exception as fault:  # noqa: BLE001  this is where every fault ends
        return answers.failure(fault, request)


def route_path(target: bytes) -> str:
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


def uuid4(octets: bytes) -> str:
    """Give a version 4 UUID (RFC 9562 section 5.4) of 16 random octets."""
    digits = octets.hex()
    variant = "89ab"[octets[8] & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
