"""The requests of one connection, each answered in the task that reads them (see web.http11)."""

import enum
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

import trio
from hypercorn.config import Config
from hypercorn.trio.task_group import TaskGroup
from hypercorn.typing import AppWrapper, ASGIReceiveEvent, ASGISendEvent, HTTPScope, Scope

from appliance.web.http import PeerCertificate
from appliance.web.limits import Limits

log = logging.getLogger(__name__)


class Phase(enum.Enum):
    """What a connection waits for."""

    HEAD = enum.auto()
    BODY = enum.auto()
    RESPONSE = enum.auto()


class Conversation(TaskGroup):
    """The requests of one connection, each run in the task that reads them.

    It takes the place of Hypercorn's task group, whose `spawn_app` starts a task. `scope` is around
    all reading and running; its deadline moves with the phase.
    """

    def __init__(self, limits: Limits, version: str, peer: PeerCertificate | None) -> None:
        super().__init__()
        self.limits = limits
        self.scope = trio.CancelScope()
        self.phase = Phase.HEAD
        self.refusal = 0  # a status, when the request at hand is not to be served
        self.exchange: Exchange | None = None
        self._tls: dict[str, Any] = {"version": version, "peer": peer}

    async def spawn_app(
        self,
        app: AppWrapper,
        config: Config,
        scope: Scope,
        send: Callable[[ASGISendEvent | None], Awaitable[None]],
    ) -> Callable[[ASGIReceiveEvent], Awaitable[None]]:
        """Begin a request, and give what takes its body."""
        scope = cast(HTTPScope, scope)
        scope["extensions"]["tls"] = self._tls
        self.exchange = Exchange(self, app, scope, send)
        return self.exchange.take


async def _nowhere(message: ASGISendEvent | None) -> None:
    """Take what an application sends when its request is over."""


class Exchange:
    """One request and its answer."""

    def __init__(
        self,
        conversation: Conversation,
        app: AppWrapper,
        scope: HTTPScope,
        send: Callable[[ASGISendEvent | None], Awaitable[None]],
    ) -> None:
        self._conversation = conversation
        self._app = app
        self._scope = scope
        self._send = send
        self._body = bytearray()
        self._body_given = False
        self._gone: trio.Event | None = None
        self._over = False

    async def take(self, message: ASGIReceiveEvent) -> None:
        """Take the next part of the body; with the last one, run the application."""
        if message["type"] != "http.request":
            self._over = True
            if self._gone is not None:
                self._gone.set()
            return
        conversation = self._conversation
        if conversation.refusal:
            await self.refuse(conversation.refusal)
            return
        self._body += message["body"]
        if len(self._body) > conversation.limits.body_octets:
            await self.refuse(413)
        elif not message["more_body"]:
            conversation.phase = Phase.RESPONSE
            conversation.scope.deadline = trio.current_time() + conversation.limits.response
            await self._run()

    async def refuse(self, status: int) -> None:
        """Let the application answer that it will not serve this; the connection ends with it."""
        if self._over:
            return
        self._conversation.refusal = status
        self._scope["extensions"]["refusal"] = {"status": status}
        self._body.clear()
        await self._run()

    async def _run(self) -> None:
        try:
            await self._app(
                self._scope,
                self._receive,
                self._send,
                trio.to_thread.run_sync,
                trio.from_thread.run,
            )
        except Exception:
            log.exception("the application failed")
        except BaseExceptionGroup as group:
            faults, others = group.split(Exception)
            if faults is not None:
                log.exception("the application failed", exc_info=faults)
            if others is not None:
                raise others from None
        await self._send(None)
        # What refers to each other would stay until the collector comes, a few kB a request.
        self._send = _nowhere
        self._conversation.exchange = None

    async def _receive(self) -> ASGIReceiveEvent:
        if not self._body_given:
            self._body_given = True
            return {"type": "http.request", "body": bytes(self._body), "more_body": False}
        if self._gone is None:
            self._gone = trio.Event()
        if not self._over:
            await self._gone.wait()
        return {"type": "http.disconnect"}
