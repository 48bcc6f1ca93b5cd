"""Requests over HTTP to identity providers and webhooks: one deadline, one size, no surprises.

What Go's client does, this does: redirects are followed up to ten times, HTTPS_PROXY and NO_PROXY
hold. What it should not do, this does not: a redirect never leads from https to http, an answer
has a limit, and nothing is taken from a netrc file.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

import trio

from appliance.client.identity import Identity
from appliance.ports.outbound import OutboundRequest, OutboundResponse

if TYPE_CHECKING:
    from appliance.upstream.http_requests import Requests


class HttpOutbound:
    """The port's driver. httpx is loaded with the first request: most CAs never make one."""

    def __init__(self, authorities: Sequence[bytes] = ()) -> None:
        """Trust the system's roots and these certificates (DER)."""
        self._authorities = tuple(authorities)
        self._identity: Identity | None = None
        self._requests: Requests | None = None

    def show(self, identity: Identity) -> None:
        """Present this, from now on, to who asks for a certificate in a request that allows it."""
        self._identity = identity
        if self._requests is not None:
            self._requests.show(identity)

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """Send it and read the answer, whatever its status. Raises Unavailable."""
        return await (await self._loaded()).send(request)

    async def _loaded(self) -> "Requests":
        if self._requests is None:
            found = await trio.to_thread.run_sync(import_module, "appliance.upstream.http_requests")
            if self._requests is None:
                self._requests = found.Requests(self._authorities)
                if self._identity is not None:
                    self._requests.show(self._identity)
        return self._requests
