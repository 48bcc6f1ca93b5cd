"""An application that can be replaced while it serves: what a reload needs."""

from hypercorn.typing import ASGIFramework, ASGIReceiveCallable, ASGISendCallable, Scope


class Switch:
    """Hands each request to the application of the moment.

    Requests that have begun stay with theirs, connections stay open. Only the first application
    is told of start-up and shutdown.
    """

    def __init__(self, application: ASGIFramework) -> None:
        self._first = self.application = application

    def replace(self, application: ASGIFramework) -> None:
        """Use another one from the next request on."""
        self.application = application

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Serve one request, or the application's life."""
        chosen = self._first if scope["type"] == "lifespan" else self.application
        await chosen(scope, receive, send)
