"""Requests that the CA itself makes to others: identity providers, webhooks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundRequest:
    """One request. `timeout` is in seconds, for all of it, redirects included.

    With `client_certificate` the CA shows its own TLS certificate to who asks for one.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold a secret
    body: bytes = field(default=b"", repr=False)
    timeout: float = 10.0
    client_certificate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundResponse:
    """What came back. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Outbound(Protocol):
    """Makes requests, trusting the system's roots and the CA's own."""

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """Send it and read the answer, whatever its status.

        Raises Unavailable when there is none: not reached, not trusted, too late, too long.
        """
        ...
