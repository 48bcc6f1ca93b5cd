"""HTTP/1.1 on Hypercorn's protocol and stream, one request after the other.

Hypercorn runs the application in a task of its own beside the task that reads, so that bodies can
be streamed and protocols switched. A CA needs neither. Here the reading task collects the body,
runs the application itself and goes on with the next request: no task, channel or lock a request,
nothing to race with, and each limit is judged in one place.

Nothing switches protocols: an Upgrade is ignored, as RFC 9110 7.8 lets a server do, and HTTP/2's
preface is an unknown version.
"""

import http
import logging
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Final

import h11
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol.events import Body, EndBody, Request, Response
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import (
    AppWrapper,
    ConnectionState,
    H11SendableEvent,
)

from appliance.web.conversation import Conversation, Phase

log = logging.getLogger(__name__)

REASONS: Final = {each.value: each.phrase.encode("ascii") for each in http.HTTPStatus}
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
CLOSE: Final = (b"Connection", b"close")


@lru_cache(maxsize=64)
def _title(name: bytes) -> bytes:
    """Write a header's name as Go does: some scripts look for that."""
    return name.title()


def _head_fault(request: h11.Request, headers: list[tuple[bytes, bytes]], limit: int) -> int:
    """Give the status of a head that is no good, else 0."""
    if request.http_version not in (b"1.1", b"1.0"):
        return 505
    if len(request.target) + sum(len(name) + len(value) + 4 for name, value in headers) > limit:
        return 431
    path = request.target.partition(b"?")[0]
    return 400 if b"%" in path and _BAD_ESCAPE.search(path) else 0


class Http11(H11Protocol):
    """Hypercorn's HTTP/1.1 without protocol switches, with a limit on heads, in single writes."""

    def __init__(
        self,
        app: AppWrapper,
        config: Config,
        context: WorkerContext,
        conversation: Conversation,
        ends: tuple[tuple[str, int], tuple[str, int]],
        send: Callable[[Event], Awaitable[None]],
    ) -> None:
        client, server = ends
        state, ssl = ConnectionState({}), True
        super().__init__(
            app,
            config,
            context,
            conversation,
            state,
            ssl,
            client,
            server,
            send,
        )
        self._conversation = conversation
        self._unsent: list[bytes] = []

    @property
    def stopped_early(self) -> bool:
        """Whether the client may still be sending what nobody will read."""
        return self.connection.their_state not in (h11.IDLE, h11.CLOSED)

    @property
    def has_partial_head(self) -> bool:
        """Whether a request has begun to arrive."""
        return self.connection.their_state is h11.IDLE and bool(self.connection.trailing_data[0])

    async def _check_protocol(self, event: h11.Request) -> None:
        """Switch to nothing."""

    async def _create_stream(self, request: h11.Request) -> None:
        conversation = self._conversation
        conversation.refusal = 0
        headers = list(request.headers)
        status = _head_fault(request, headers, conversation.limits.header_octets)
        if status:
            await self._send_error_response(status)
            await self.send(Closed())
            return
        self.stream = stream = HTTPStream(
            self.app,
            self.config,
            self.context,
            conversation,
            self.ssl,
            self.client,
            self.server,
            self.stream_send,
            STREAM_ID,
        )
        await stream.handle(
            Request(
                stream_id=STREAM_ID,
                headers=headers,
                http_version=request.http_version.decode("ascii"),
                method=request.method.decode("ascii"),
                raw_path=request.target,
                state=self.connection_state,
            )
        )
        for name, value in headers:
            if name == b"content-length" and int(value) > conversation.limits.body_octets:
                conversation.refusal = 413  # before any of it is read, or asked for with 100
                assert conversation.exchange is not None  # noqa: S101  just made
                await conversation.exchange.refuse(413)

    async def stream_send(self, event: StreamEvent) -> None:
        """Send a part of the answer."""
        if not isinstance(event, Response):
            await super().stream_send(event)
            return
        headers = [
            (_title(name), value)
            for name, value in (*event.headers, *self.config.response_headers("h11"))
        ]
        if self._conversation.refusal or self.context.terminated.is_set():
            headers.append(CLOSE)
        status = event.status_code
        await self._send_h11_event(
            h11.Response(headers=headers, status_code=status, reason=REASONS.get(status, b""))
        )

    async def _send_h11_event(self, event: H11SendableEvent) -> None:
        try:
            data = self.connection.send(event)
        except h11.LocalProtocolError:
            if self.connection.their_state is not h11.ERROR:
                raise
            return
        if data:
            self._unsent.append(data)
        if type(event) in (h11.EndOfMessage, h11.InformationalResponse) and self._unsent:
            data, self._unsent = b"".join(self._unsent), []
            await self.send(RawData(data))

    async def _send_error_response(self, status_code: int) -> None:
        """Answer what could not even be read as a request, as Go's server does."""
        body = b"%d %b" % (status_code, REASONS.get(status_code, b""))
        headers = [
            (b"Content-Type", b"text/plain; charset=utf-8"),
            (b"Content-Length", b"%d" % len(body)),
            CLOSE,
        ]
        reason = REASONS.get(status_code, b"")
        log.debug("refused unreadable request from %s: %d", self.client, status_code)
        await self._send_h11_event(
            h11.Response(status_code=status_code, headers=headers, reason=reason)
        )
        await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())

    async def _handle_events(self) -> None:
        connection = self.connection
        while True:
            if connection.they_are_waiting_for_100_continue:
                await self._send_h11_event(
                    h11.InformationalResponse(status_code=100, headers=[], reason=REASONS[100])
                )
            try:
                event = connection.next_event()
            except h11.RemoteProtocolError as error:
                if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                    await self._send_error_response(error.error_status_hint)
                await self.send(Closed())
                return
            if isinstance(event, h11.Request):
                self._conversation.phase = Phase.BODY
                await self._create_stream(event)
            elif self.stream is None:
                return
            elif isinstance(event, h11.Data):
                await self.stream.handle(Body(stream_id=STREAM_ID, data=event.data))
            elif isinstance(event, h11.EndOfMessage):
                await self.stream.handle(EndBody(stream_id=STREAM_ID))
            else:
                return
