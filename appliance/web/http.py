"""Requests, responses and routes as the front doors see them, free of any framework.

A route is defined once. `web.application` serves the hot ones itself and the rest through
Quart-Trio; both call the same endpoint and the same error mapping.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter_ns
from typing import TypeAlias

from msgspec import Struct, field


class PeerCertificate(Struct, frozen=True, kw_only=True):
    """What a client showed in its TLS handshake; the handshake verified it but for its dates."""

    certificate: bytes  # DER
    chain: tuple[bytes, ...]  # DER, leaf first, as sent; empty on a resumed session


class Request(Struct, kw_only=True):
    """One request, its body read. Header names are lower case, of repeated ones the last."""

    method: str
    path: str
    parameters: Mapping[str, str]  # from the path, such as {sha}
    query: str
    headers: Mapping[str, str]
    body: bytes
    client: str  # address of the peer
    peer: PeerCertificate | None
    request_id: str
    log: dict[str, object] = field(default_factory=dict)  # extra fields of the access log line
    log_later: list[Callable[[], Mapping[str, object]]] = field(default_factory=list)
    """What gives more of them, once there is time for that: the answer does not wait for it."""
    target: str = ""  # path and query as they were sent
    protocol: str = "HTTP/1.1"
    began: int = field(default_factory=perf_counter_ns)  # nanoseconds

    def logged(self) -> dict[str, object]:
        """Give the extra fields, those that were left for later among them."""
        found = self.log.copy()
        for later in self.log_later:
            found |= later()
        return found


class Response(Struct, frozen=True, kw_only=True):
    """One answer; content-length is added by whoever sends it."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A path is literal but for `{name}` segments, and `{name...}` for all of its rest.

    `hot` ones bypass Quart; one that takes all of a path's rest cannot.
    """

    method: str
    path: str
    endpoint: Endpoint
    hot: bool = True
