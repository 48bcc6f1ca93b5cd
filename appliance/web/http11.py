"""HTTP/1.1 on Hypercorn's protocol, one request after the other.

Hypercorn runs the application in a task of its own beside the task that reads, so that bodies can
be streamed and protocols switched. A CA needs neither. Here the reading task collects the body,
runs the application itself (web.conversation), sends its answer in one write and goes on with the
next request: no task, channel or lock a request, nothing to race with, and each limit is judged in
one place. A request that comes whole is read without h11 (web.lane), and treated the same.

Nothing switches protocols: an Upgrade is ignored, as RFC 9110 7.8 lets a server do, and HTTP/2's
preface is an unknown version.
"""

import http
import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ConnectionState, HTTPScope
from hypercorn.utils import suppress_body

from appliance.web.conversation import Conversation, Exchange, Phase
from appliance.web.lane import Whole, whole

log = logging.getLogger(__name__)

REASONS: Final = {each.value: each.phrase.encode("ascii") for each in http.HTTPStatus}
LARGE: Final = 64 * 1024  # octets of a body that is not copied behind its head
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


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


def rendered(
    status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes, *, close: bool
) -> bytes:
    """Write an answer. Raises ValueError when a header would end its line or the head."""
    lines = [b"HTTP/1.1 %d %b" % (status, REASONS.get(status, b""))]
    lines += [b"%b: %b" % (_title(name), value) for name, value in headers]
    if close:
        lines.append(b"Connection: close")
    lines += (b"", b"")
    head = b"\r\n".join(lines)
    if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1:
        raise ValueError("a response header with a line break in it")
    return head + body


class Http11(H11Protocol):
    """Hypercorn's HTTP/1.1 without protocol switches, with a limit on heads."""

    connection: h11.Connection

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
        tasks, state = TaskGroup(), ConnectionState({})  # the tasks stay none
        secure = bool(conversation.tls["version"])
        super().__init__(app, config, context, tasks, state, secure, client, server, send)
        self._scheme = "https" if secure else "http"
        self.exchange: Exchange | None = None
        self._conversation = conversation
        self._closed = False
        self._unused = True  # h11's connection has seen nothing of the request at hand

    @property
    def has_partial_head(self) -> bool:
        """Whether a request has begun to arrive."""
        if self._unused:
            return False
        return self.connection.their_state is h11.IDLE and bool(self.connection.trailing_data[0])

    async def handle(self, event: Event) -> None:
        """Take octets from the client, or its end."""
        if isinstance(event, Closed):
            if self.exchange is not None:
                self.exchange.abandon()
            return
        found = self._whole(event)
        if found is None:
            self._unused = False
            await super().handle(event)
        else:
            self.exchange = exchange = self._exchange(
                found.method, b"1.1", found.target, found.headers
            )
            await exchange.take(found.body)
            await exchange.complete()

    def _whole(self, event: Event) -> Whole | None:
        """Read a request in the fast lane."""
        conversation = self._conversation
        if not (self._unused and conversation.lane and isinstance(event, RawData)):
            return None
        return whole(event.data, conversation.limits)

    async def _handle_events(self) -> None:
        while not self._closed:
            connection = self.connection
            if connection.they_are_waiting_for_100_continue:
                proceed = h11.InformationalResponse(
                    status_code=100, headers=[], reason=REASONS[100]
                )
                await self.send(RawData(connection.send(proceed)))
            try:
                event = connection.next_event()
            except h11.RemoteProtocolError as error:
                await self._refuse_unread(error.error_status_hint)
                return
            if isinstance(event, h11.Request):
                await self._begin(event)
            elif self.exchange is None:
                return
            elif isinstance(event, h11.Data):
                await self.exchange.take(event.data)
            elif isinstance(event, h11.EndOfMessage):
                await self.exchange.complete()
            else:
                return

    async def _begin(self, request: h11.Request) -> None:
        conversation, limits = self._conversation, self._conversation.limits
        conversation.phase = Phase.BODY
        headers = list(request.headers)
        fault = _head_fault(request, headers, limits.header_octets)
        if fault:
            await self._refuse_unread(fault)
            return
        self.exchange = exchange = self._exchange(
            request.method, request.http_version, request.target, headers
        )
        for name, value in headers:
            if name == b"content-length" and int(value) > limits.body_octets:
                await exchange.refuse(413)  # before any of it is read, or asked for with 100

    def _exchange(
        self, method: bytes, version: bytes, target: bytes, headers: list[tuple[bytes, bytes]]
    ) -> Exchange:
        """Begin with a request."""
        path, _, query = target.partition(b"?")
        scope: HTTPScope = {
            "type": "http",
            "asgi": {"spec_version": "2.1", "version": "3.0"},
            "http_version": version.decode("ascii"),
            "method": method.decode("ascii"),
            "scheme": self._scheme,
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": headers,
            "client": self.client,
            "server": self.server,
            "state": ConnectionState({}),
            "extensions": {"tls": self._conversation.tls},
        }
        return Exchange(self._conversation, self.app, scope, self._answer)

    async def _answer(
        self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """Send the answer to the exchange at hand, and be ready for the next one."""
        connection, exchange = self.connection, self.exchange
        assert exchange is not None  # noqa: S101  it is what answers
        # Otherwise there is more of it, or the client wants to close.
        unread = not self._unused and connection.their_state is not h11.DONE
        close = unread or exchange.refused or self.context.terminated.is_set()
        self.exchange = None
        everything = [*headers, *self.config.response_headers("h11")]
        if status not in (204, 304) and all(name != b"content-length" for name, _ in everything):
            everything.append(
                (b"content-length", b"%d" % len(body))
            )  # RFC 9112 6.3: or wait for ever
        sent = b"" if suppress_body(exchange.method, status) else body
        if len(sent) < LARGE:
            await self.send(RawData(rendered(status, everything, sent, close=close)))
        else:
            self._conversation.allow_for_sending(len(sent))
            await self.send(RawData(rendered(status, everything, b"", close=close)))
            await self.send(RawData(sent))  # as it is: many clients may wait for the same octets
        if close:
            await self._close()
            return
        waiting = b""
        if not self._unused:
            waiting, ended = connection.trailing_data
            self._start_over(waiting, ended)
        await self.send(Updated(idle=True))
        if waiting:
            await trio.lowlevel.checkpoint()  # who sends many at once is not served alone

    def _start_over(self, data: bytes, ended: bool) -> None:  # noqa: FBT001  h11's pair
        """Read the next request, of which some octets may be there.

        A new h11 connection costs a tenth of telling the old one, event by event, of an answer
        that we have written ourselves.
        """
        limit = self.config.h11_max_incomplete_size
        self.connection = h11.Connection(h11.SERVER, max_incomplete_event_size=limit)
        if data:
            self.connection.receive_data(data)
        if ended:
            self.connection.receive_data(b"")
        self._unused = not data and not ended

    async def _refuse_unread(self, status: int) -> None:
        """Answer what could not even be read as a request, as Go's server does, and close."""
        log.debug("unreadable request from %s: %d", self.client, status)
        body = b"%d %b" % (status, REASONS.get(status, b""))
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
        ]
        await self.send(RawData(rendered(status, headers, body, close=True)))
        await self._close()

    async def _close(self) -> None:
        self._closed = True
        await self.send(Closed())
