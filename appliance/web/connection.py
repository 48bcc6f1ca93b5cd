"""One connection: TLS, then one request after the other, in either lane; an end to every wait."""

import logging
import socket
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Final

import trio

from appliance.ports.abreast import abreast, at_work
from appliance.web import answers
from appliance.web.conversation import Conversation, Phase
from appliance.web.http import Response
from appliance.web.lane import Direct, read_head
from appliance.web.limits import Limits
from appliance.web.stream import HandshakeFailed, PlainStream, TlsStream
from appliance.web.tls import TlsHolder
from appliance.web.visits import Visit, fields
from appliance.web.writing import Dates, Fields, head

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework

    from appliance.web.http11 import Http11

log = logging.getLogger(__name__)

SPOKE_HTTP: Final = (
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
)
LARGE: Final = 64 * 1024  # octets of a body that is not copied behind its head
FAILED: Final = answers.error(500, answers.FAILED)
FIRST_REQUEST_SECONDS: Final = 1.0  # that a new connection still gets when the server stops


class Context:
    """What the connections of one server share; without `tls` they speak plain HTTP.

    Without `direct` there is no fast lane.
    """

    def __init__(
        self,
        app: "ASGIFramework",
        direct: Direct | None,
        limits: Limits,
        tls: TlsHolder | None,
    ) -> None:
        self.app = app
        self.direct = direct
        self.limits = limits
        self.tls = tls
        self.dates = Dates()
        self.open: set[Connection] = set()
        self.ending = False
        self.turned_away = 0

    def drain(self) -> None:
        """Close what is idle; the rest closes after its answer."""
        self.ending = True
        for connection in list(self.open):
            connection.end_soon()

    async def watch(self) -> None:
        """Cancel each connection soon after it is due: until cancelled itself."""
        limits = self.limits
        shortest = min(
            limits.handshake, limits.header, limits.body, limits.response, limits.keep_alive
        )
        interval = min(shortest / 10, FIRST_REQUEST_SECONDS / 4)
        while True:
            await trio.sleep(interval)
            now = monotonic()
            for connection in self.open:
                if connection.conversation.due <= now:
                    connection.conversation.scope.cancel()


class Connection:
    """From accept to close. Nothing that a client sends makes `run` raise."""

    def __init__(self, context: Context, accepted: socket.socket) -> None:
        self.conversation = Conversation(context.limits)
        self._context = context
        self._accepted = accepted
        self._stream: PlainStream
        self._protocol: Http11 | None = None  # once the slow lane is needed
        self._visit: Visit | None = None  # the request at hand, in the fast one
        self._begun = True  # a head is arriving, or the first one is waited for
        self._over = False
        self._leave = False

    async def run(self) -> None:
        """Serve the connection to its end, and close it."""
        context = self._context
        if len(context.open) >= context.limits.connections:
            if context.turned_away % 1000 == 0:
                log.warning("more than %d connections: turning clients away", len(context.open))
            context.turned_away += 1
            self._accepted.close()
            return
        context.open.add(self)
        try:
            self._stream = (
                TlsStream(self._accepted, context.tls.context)
                if context.tls
                else PlainStream(self._accepted)
            )
            try:
                await self._converse()
            finally:
                self._stream.close()
        except OSError as error:
            log.debug("connection lost: %s", error)
        except Exception:
            log.exception("connection")
        except BaseExceptionGroup as group:
            faults, others = group.split(Exception)
            if faults is not None:
                log.exception("connection", exc_info=faults)
            if others is not None:  # cancelled
                raise others from None
        finally:
            context.open.discard(self)
            self._protocol = None  # a cycle otherwise, and thousands of them wait for the collector

    async def _converse(self) -> None:
        stream, conversation = self._stream, self.conversation
        failure = None
        with conversation.scope as scope:
            try:
                await stream.handshake()
            except HandshakeFailed as error:
                failure = error
            else:
                conversation.version, conversation.peer = stream.version, stream.peer()
                conversation.enter(Phase.HEAD, self._context.limits.header)
                if self._context.ending:
                    self.end_soon()
                await self._read()
        if failure is not None:
            log.info("TLS handshake with %s:%d failed: %s", *stream.client, failure)
            if failure.spoke_http:
                await stream.answer_in_plain(SPOKE_HTTP)
            else:
                await stream.linger()  # TLS 1.3: the client may have sent its request already
            return
        if scope.cancelled_caught:
            with trio.move_on_after(self._context.limits.send):
                await self._too_late()
        if self._protocol is not None:
            self._protocol.abandon()
        if self._leave:
            await stream.leave()

    async def _read(self) -> None:
        fast = self._context.direct is not None
        while not self._over:
            data = await self._stream.receive_some()
            if self._protocol is None or self._protocol.unused:
                if not data:
                    return
                if fast:
                    data = await self._serve_directly(data)
                    if not data:
                        continue
            await self._serve_by_h11(data)

    async def _serve_directly(self, data: bytes) -> bytes:
        """Serve a request of the fast lane; what it does not take is left to h11."""
        context, conversation = self._context, self.conversation
        begun = read_head(data, context.limits)
        if begun is None or context.direct is None:
            return data
        visit = context.direct.visit(begun, self._stream.client[0], conversation.peer)
        if visit is None:
            return data
        self._visit = visit
        length = begun.octets + begun.length
        if len(data) != length:
            data = await self._completed(data, length)
            if len(data) != length:
                self._visit = None
                return data
        visit.request.body = data[begun.octets :]
        conversation.enter(Phase.RESPONSE, context.limits.response)
        with at_work:
            await abreast()
            await self._finish(visit, await visit.answer(), close=begun.close)
        return b""

    async def _completed(self, data: bytes, length: int) -> bytes:
        """Read the rest of a request, or what there is of it at the connection's end."""
        self.conversation.enter(Phase.BODY, self._context.limits.body)
        while len(data) < length:
            more = await self._stream.receive_some()
            if not more:
                break
            data += more
        return data

    async def _finish(self, visit: Visit, response: Response, *, close: bool) -> None:
        """Send the answer to a visit; `close` ends the connection with it."""
        request, method = visit.request, visit.request.method
        close = close or self.conversation.ending
        self._visit = None
        try:
            shown = fields(response, request)
            await self.answer(method, response.status, shown, response.body, close=close)
        except ValueError:
            log.exception("request %s failed", request.request_id)
            response = FAILED
            await self.answer(method, 500, fields(response, request), response.body, close=close)
        visit.over(response)
        self.rest()
        if close:
            self.end()

    async def _serve_by_h11(self, data: bytes) -> None:
        context, conversation = self._context, self.conversation
        protocol = self._protocol
        if protocol is None:
            protocol = self._protocol = await self._slow_lane()
        await protocol.take(data)
        if not data:
            self._over = True
        elif not self._begun and protocol.has_partial_head:
            self._begun = True
            conversation.enter(Phase.HEAD, context.limits.header)

    async def _slow_lane(self) -> "Http11":
        # Many servers never need it; the first to do so waits for a tenth of a second.
        module = await trio.to_thread.run_sync(import_module, "appliance.web.http11")
        stream, context = self._stream, self._context
        lane: Http11 = module.Http11(
            context.app, self.conversation, (stream.client, stream.server), self
        )
        return lane

    async def _too_late(self) -> None:
        phase = self.conversation.phase
        if phase is Phase.HANDSHAKE:
            log.info("TLS handshake with %s:%d took too long", *self._stream.client)
        elif phase is not Phase.HEAD:
            status = 408 if phase is Phase.BODY else 503
            if self._visit is not None:
                await self._finish(self._visit, answers.refusal(status), close=True)
            elif self._protocol is not None and self._protocol.exchange is not None:
                await self._protocol.exchange.refuse(status)

    async def answer(
        self, method: str, status: int, fields: Fields, body: bytes, *, close: bool
    ) -> None:
        """Send an answer. Raises ValueError, and sends nothing, for a header that is none."""
        begin = head(status, fields, date=self._context.dates.date(), close=close)
        if method == "HEAD" or status in (204, 304):
            await self.send(begin)
        elif len(body) < LARGE:
            await self.send(begin + body)
        else:
            self.conversation.allow_for_sending(len(body))
            await self.send(begin)
            await self.send(body)  # as it is: many clients may wait for the same octets

    async def send(self, data: bytes) -> None:
        """Send octets, or note that nobody takes them."""
        try:
            await self._stream.send_all(data, self._context.limits)
        except (OSError, trio.TooSlowError):
            self._over = True
            if self._protocol is not None:
                self._protocol.abandon()

    def rest(self) -> None:
        """Wait for the next request."""
        self._begun = False
        self.conversation.enter(Phase.HEAD, self._context.limits.keep_alive)

    def end(self) -> None:
        """Close: this was the last answer."""
        self._over = self._leave = True

    def end_soon(self) -> None:
        """End the connection unless a request is in the making."""
        conversation = self.conversation
        conversation.ending = True
        if conversation.phase is not Phase.HEAD:
            return
        if not self._begun:
            conversation.scope.cancel()
        else:
            soon = monotonic() + FIRST_REQUEST_SECONDS
            conversation.due = min(conversation.due, soon)
