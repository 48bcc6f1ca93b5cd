"""One request of h11's lane, answered in the task that reads it (see web.http11)."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

import trio
from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveEvent,
    ASGISendEvent,
    HTTPResponseStartEvent,
    HTTPScope,
)

from appliance.web.conversation import Conversation, Phase

log = logging.getLogger(__name__)

Answer: TypeAlias = Callable[[int, Iterable[tuple[bytes, bytes]], bytes], Awaitable[None]]
"""Sends a whole answer: status, headers, body."""


class Exchange:
    """One request and its answer, for an ASGI application that sees whole bodies.

    Nothing is sent before the answer is complete: so a late or failing application can still be
    answered for.
    """

    def __init__(
        self, conversation: Conversation, app: ASGIFramework, scope: HTTPScope, answer: Answer
    ) -> None:
        self._conversation = conversation
        self._app = app
        self._scope = scope
        self._answer = answer
        self._body = bytearray()
        self._body_given = False
        self._start: HTTPResponseStartEvent | None = None
        self._parts: list[bytes] = []
        self._gone: trio.Event | None = None
        self.method = scope["method"]
        self.refused = False
        self.over = False  # answered, or the client has gone

    async def take(self, data: bytes) -> None:
        """Take the next part of the body."""
        self._body += data
        if len(self._body) > self._conversation.limits.body_octets:
            await self.refuse(413)

    async def complete(self) -> None:
        """Run the application: the body is there."""
        conversation = self._conversation
        conversation.enter(Phase.RESPONSE, conversation.limits.response)
        await self._run()

    async def refuse(self, status: int) -> None:
        """Let the application answer that it will not serve this; the connection ends with it."""
        if self.over:
            return
        self.refused = True
        self._scope["extensions"]["refusal"] = {"status": status}
        self._body.clear()
        self._start = None
        self._parts.clear()
        await self._run()

    def abandon(self) -> None:
        """Note that nobody waits for an answer any more."""
        self.over = True
        if self._gone is not None:
            self._gone.set()

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        except Exception:
            log.exception("the application failed")
        except BaseExceptionGroup as group:
            faults, others = group.split(Exception)
            if faults is not None:
                log.exception("the application failed", exc_info=faults)
            if others is not None:
                raise others from None
        if not self.over:
            await self._answer(500, [(b"content-length", b"0")], b"")
            self.abandon()

    async def _receive(self) -> ASGIReceiveEvent:
        if not self._body_given:
            self._body_given = True
            return {"type": "http.request", "body": bytes(self._body), "more_body": False}
        if self._gone is None:
            self._gone = trio.Event()
        if not self.over:
            await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: ASGISendEvent) -> None:
        if self.over:
            return
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body" and self._start is not None:
            self._parts.append(message.get("body", b""))  # both may be missing, in ASGI
            if not message.get("more_body", False):
                start, body = self._start, b"".join(self._parts)
                await self._answer(start["status"], start["headers"], body)
                self.abandon()
        else:
            raise RuntimeError(f"{message['type']} is out of order")
