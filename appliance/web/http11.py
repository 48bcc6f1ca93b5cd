"""HTTP/1.1 on Hypercorn's protocol, one request after the other.

Hypercorn runs the application in a task of its own beside the task that reads, so that bodies can
be streamed and protocols switched. A CA needs neither. Here the reading task collects the body,
runs the application itself (web.exchange), sends its answer in one write and goes on with the
next request: no task, channel or lock a request, nothing to race with, and each limit is judged in
one place. Plain requests for hot routes do not come here (web.lane).

Nothing switches protocols: an Upgrade is ignored, as RFC 9110 7.8 lets a server do, and HTTP/2's
preface is an unknown version.
"""

import logging
import re
from collections.abc import Iterable
from typing import Final, Protocol
from urllib.parse import unquote

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Event, RawData
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework, ConnectionState, HTTPScope

from appliance.web.conversation import Conversation, Phase
from appliance.web.exchange import Exchange
from appliance.web.writing import REASONS, Fields

log = logging.getLogger(__name__)

_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def _head_fault(request: h11.Request, headers: list[tuple[bytes, bytes]], limit: int) -> int:
    """Give the status of a head that is no good, else 0."""
    if request.http_version not in (b"1.1", b"1.0"):
        return 505
    if len(request.target) + sum(len(name) + len(value) + 4 for name, value in headers) > limit:
        return 431
    path = request.target.partition(b"?")[0]
    return 400 if b"%" in path and _BAD_ESCAPE.search(path) else 0


class Line(Protocol):
    """The connection, as this lane uses it."""

    async def send(self, data: bytes) -> None:
        """Send octets, or note that nobody takes them."""
        ...

    async def answer(
        self, method: str, status: int, fields: Fields, body: bytes, *, close: bool
    ) -> None:
        """Send a whole answer, without its body where HTTP has none."""
        ...

    def rest(self) -> None:
        """Wait for the next request."""
        ...

    def end(self) -> None:
        """Close: this was the last answer."""
        ...


class QuietConfig(Config):
    """Hypercorn's settings for us."""

    accesslog = None
    errorlog = log
    keep_alive_max_requests = 10**9  # closing after so many loses a pipelined request


class Http11(H11Protocol):
    """Hypercorn's HTTP/1.1 without protocol switches, with a limit on heads."""

    connection: h11.Connection

    def __init__(
        self,
        app: ASGIFramework,
        conversation: Conversation,
        ends: tuple[tuple[str, int], tuple[str, int]],
        line: Line,
    ) -> None:
        config, context = QuietConfig(), WorkerContext(None)
        config.h11_max_incomplete_size = conversation.limits.header_octets
        tasks, state = TaskGroup(), ConnectionState({})  # the tasks stay none
        secure, (client, server) = bool(conversation.version), ends
        # It never calls what would be its wrapper of the application: web.exchange runs that.
        super().__init__(app, config, context, tasks, state, secure, client, server, self._obey)  # type: ignore[arg-type]
        self.exchange: Exchange | None = None
        self.unused = True  # h11's connection has seen nothing of the request at hand
        self._application = app
        self._line = line
        self._scheme = "https" if secure else "http"
        self._conversation = conversation
        self._closed = False

    @property
    def has_partial_head(self) -> bool:
        """Whether a request has begun to arrive."""
        if self.unused:
            return False
        return self.connection.their_state is h11.IDLE and bool(self.connection.trailing_data[0])

    async def take(self, data: bytes) -> None:
        """Take octets from the client, or its end."""
        self.unused = False
        await self.handle(RawData(data))

    def abandon(self) -> None:
        """Note that nobody waits for an answer any more."""
        if self.exchange is not None:
            self.exchange.abandon()

    async def _obey(self, event: Event) -> None:
        """Do what Hypercorn's part asks for."""
        if isinstance(event, RawData):
            await self._line.send(event.data)

    async def _handle_events(self) -> None:
        while not self._closed:
            connection = self.connection
            if connection.they_are_waiting_for_100_continue:
                proceed = h11.InformationalResponse(
                    status_code=100, headers=[], reason=REASONS[100].encode("ascii")
                )
                await self._line.send(connection.send(proceed) or b"")
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
        limits = self._conversation.limits
        self._conversation.enter(Phase.BODY, limits.body)
        headers = list(request.headers)
        fault = _head_fault(request, headers, limits.header_octets)
        if fault:
            await self._refuse_unread(fault)
            return
        self.exchange = exchange = self._exchange(request, headers)
        for name, value in headers:
            if name == b"content-length" and int(value) > limits.body_octets:
                await exchange.refuse(413)  # before any of it is read, or asked for with 100

    def _exchange(self, request: h11.Request, headers: list[tuple[bytes, bytes]]) -> Exchange:
        path, _, query = request.target.partition(b"?")
        conversation = self._conversation
        scope: HTTPScope = {
            "type": "http",
            "asgi": {"spec_version": "2.1", "version": "3.0"},
            "http_version": request.http_version.decode("ascii"),
            "method": request.method.decode("ascii"),
            "scheme": self._scheme,
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": headers,
            "client": self.client,
            "server": self.server,
            "state": ConnectionState({}),
            "extensions": {"tls": {"version": conversation.version, "peer": conversation.peer}},
        }
        return Exchange(conversation, self._application, scope, self._answer)

    async def _answer(
        self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """Send the answer to the exchange at hand, and be ready for the next one."""
        connection, exchange = self.connection, self.exchange
        assert exchange is not None  # noqa: S101  it is what answers
        # Otherwise there is more of it, or the client wants to close.
        unread = not self.unused and connection.their_state is not h11.DONE
        close = unread or exchange.refused or self._conversation.ending
        fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        if status not in (204, 304) and all(name != "content-length" for name, _ in fields):
            fields.append(("content-length", str(len(body))))  # RFC 9112 6.3: or wait for ever
        await self._line.answer(exchange.method, status, fields, body, close=close)
        self.exchange = None
        if close:
            self._close()
            return
        waiting = b""
        if not self.unused:
            waiting, ended = connection.trailing_data
            self._start_over(waiting, ended)
        self._line.rest()
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
        self.unused = not data and not ended

    async def _refuse_unread(self, status: int) -> None:
        """Answer what could not even be read as a request, as Go's server does, and close."""
        log.debug("unreadable request from %s: %d", self.client, status)
        body = f"{status} {REASONS.get(status, '')}".encode("ascii")
        fields = [
            ("content-type", "text/plain; charset=utf-8"),
            ("content-length", str(len(body))),
        ]
        await self._line.answer("", status, fields, body, close=True)
        self._close()

    def _close(self) -> None:
        self._closed = True
        self.abandon()
        self._line.end()
