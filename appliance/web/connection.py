"""One connection: Hypercorn's TCPServer with its faults kept inside, and an end to every wait."""

import logging
from typing import Final

import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper

from appliance.web.conversation import Conversation, Phase
from appliance.web.http11 import Http11
from appliance.web.limits import Limits
from appliance.web.stream import HandshakeFailed, PlainStream, TlsStream
from appliance.web.tls import TlsHolder

log = logging.getLogger(__name__)

SPOKE_HTTP: Final = (
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
)
FIRST_REQUEST_SECONDS: Final = 1.0  # that a new connection still gets when the server stops


class Context(WorkerContext):
    """What the connections of one server share; without `tls` they speak plain HTTP.

    Without `lane`, h11 reads every request. Setting `terminated` begins the drain.
    """

    def __init__(self, limits: Limits, tls: TlsHolder | None, *, lane: bool) -> None:
        super().__init__(None)
        self.limits = limits
        self.tls = tls
        self.lane = lane
        self.open: set[Connection] = set()
        self.turned_away = 0

    async def drain(self) -> None:
        """Close what is idle; the rest closes after its answer."""
        await self.terminated.set()
        for connection in list(self.open):
            connection.end_soon()


class Connection(TCPServer):
    """From accept to close. Nothing that a client sends makes `run` raise."""

    context: Context
    protocol: Http11  # type: ignore[assignment]  # Hypercorn's wrapper only chooses protocols

    def __init__(
        self, app: AppWrapper, config: Config, context: Context, accepted: trio.SocketStream
    ) -> None:
        super().__init__(app, config, context, {}, accepted)  # type: ignore[arg-type]
        self._accepted = accepted
        self._stream: PlainStream
        self._conversation: Conversation | None = None
        self._begun = True  # a head is arriving, or the first one is waited for
        self._over = False
        self._leave = False

    async def run(self) -> None:
        """Serve the connection to its end, and close it."""
        context = self.context
        if len(context.open) >= context.limits.connections:
            if context.turned_away % 1000 == 0:
                log.warning("more than %d connections: turning clients away", len(context.open))
            context.turned_away += 1
            return  # the caller closes it
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

    async def _converse(self) -> None:
        stream, limits = self._stream, self.context.limits
        try:
            with trio.fail_after(limits.handshake):
                await stream.handshake()
        except HandshakeFailed as error:
            log.info("TLS handshake with %s:%d failed: %s", *stream.client, error)
            if error.spoke_http:
                await stream.answer_in_plain(SPOKE_HTTP)
            else:
                await stream.linger()  # TLS 1.3: the client may have sent its request already
            return
        except trio.TooSlowError:
            log.info("TLS handshake with %s:%d took too long", *stream.client)
            return
        self._conversation = Conversation(
            limits, stream.version, stream.peer(), lane=self.context.lane
        )
        self.protocol = Http11(
            self.app,
            self.config,
            self.context,
            self._conversation,
            (stream.client, stream.server),
            self.protocol_send,
        )
        try:
            await self._read_data()
            if self._leave:
                await stream.leave()
        finally:
            del self.protocol  # a cycle otherwise, and thousands of them wait for the collector

    async def _read_data(self) -> None:
        conversation = self._conversation
        assert conversation is not None  # noqa: S101  for mypy
        protocol, limits, scope = self.protocol, self.context.limits, conversation.scope
        scope.deadline = trio.current_time() + limits.header
        timed_body = False
        with scope:
            while not self._over:
                data = await self._stream.receive_some()
                await protocol.handle(RawData(data))
                if not data:
                    break
                if conversation.phase is Phase.BODY:
                    if not timed_body:
                        scope.deadline = trio.current_time() + limits.body
                    timed_body = True
                    continue
                timed_body = False
                if not self._begun and protocol.has_partial_head:
                    self._begun = True
                    scope.deadline = trio.current_time() + limits.header
        if scope.cancelled_caught and conversation.phase is not Phase.HEAD:
            await self._too_late(conversation)
        await protocol.handle(Closed())

    async def _too_late(self, conversation: Conversation) -> None:
        exchange = self.protocol.exchange
        if exchange is not None:
            status = 408 if conversation.phase is Phase.BODY else 503
            with trio.move_on_after(self.context.limits.send):
                await exchange.refuse(status)

    async def protocol_send(self, event: Event) -> None:
        """Do what the protocol asks: send, close, or note that a request is done."""
        if isinstance(event, RawData):
            try:
                limits, data = self.context.limits, event.data
                whole = limits.sending(len(data))
                await self._stream.send_all(data, within=limits.send, whole=whole)
            except (OSError, trio.TooSlowError):
                self._over = True
                await self.protocol.handle(Closed())
        elif isinstance(event, Closed):
            self._over = self._leave = True
            await self.protocol.handle(Closed())
        elif isinstance(event, Updated) and self._conversation is not None:
            self._conversation.phase = Phase.HEAD
            self._begun = False
            deadline = trio.current_time() + self.context.limits.keep_alive
            self._conversation.scope.deadline = deadline

    def end_soon(self) -> None:
        """End the connection unless a request is in the making."""
        conversation = self._conversation
        if conversation is None or conversation.phase is not Phase.HEAD:
            return
        scope = conversation.scope
        if not self._begun:
            scope.cancel()
        else:
            scope.deadline = min(scope.deadline, trio.current_time() + FIRST_REQUEST_SECONDS)
