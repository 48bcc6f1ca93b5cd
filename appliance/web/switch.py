"""An application that can be replaced while it serves: what a reload needs."""

from typing import TYPE_CHECKING, Protocol

from appliance.web.http import PeerCertificate
from appliance.web.lane import Direct, Head
from appliance.web.visits import Visit

if TYPE_CHECKING:
    from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope


class Switched(Direct, Protocol):
    """What a switch leads to: an application of both lanes."""

    async def __call__(
        self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        """Serve one request as ASGI has it."""
        ...


class Switch:
    """Hands each request to the application of the moment.

    Requests that have begun stay with theirs, connections stay open.
    """

    def __init__(self, application: Switched) -> None:
        self.application = application

    def replace(self, application: Switched) -> None:
        """Use another one from the next request on."""
        self.application = application

    def visit(self, head: Head, client: str, peer: PeerCertificate | None) -> Visit | None:
        """Begin with a request of the fast lane."""
        return self.application.visit(head, client, peer)

    async def __call__(
        self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        """Serve one request."""
        await self.application(scope, receive, send)
