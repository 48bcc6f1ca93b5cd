"""A worker process: TLS, HTTP and cryptography; all else is asked of the main process.

    connections ──▶ TLS ──▶ HTTP ──▶ routes ──▶ authority ──▶ Store, token keys, events
                                       │                              │
                                       └── relayed ───────────────────┴──▶ link ──▶ main process

It has no state that outlives it. When the link ends, it ends, whatever it was at: what it had not
been told to be durable was not acknowledged.
"""

import logging
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, final

import trio
from cryptography.hazmat.primitives.serialization import load_der_private_key

from appliance.authority.gate import Bar, IssuanceGate
from appliance.client.identity import Identity
from appliance.config.loading import read
from appliance.formats.keys import checked_private
from appliance.model.errors import HearthError
from appliance.provisioners.registry import Registry
from appliance.server import providers
from appliance.server.accesslog import access_log
from appliance.server.assembly import Assembly, Ground, assemble
from appliance.server.certificate import context_of
from appliance.server.moments import every_moment
from appliance.server.output import RequestLines, logging_to
from appliance.server.system import settle_collector
from appliance.server.workers import material
from appliance.server.workers.asking import Asking
from appliance.server.workers.ground import lay_ground
from appliance.server.workers.link import Link, LinkClosed
from appliance.server.workers.listening import HandedOver
from appliance.server.workers.messages import (
    Answer,
    Bars,
    Configure,
    Drain,
    Failure,
    FromMain,
    Load,
    Ready,
    Relayed,
    Show,
    Unfit,
    from_main,
)
from appliance.server.workers.relaying import divided
from appliance.server.workers.telling import RemoteOutput
from appliance.server.workers.tokens import RemoteTokenKeys
from appliance.web.application import Application, build_application
from appliance.web.limits import Limits
from appliance.web.serving import Serving, serve
from appliance.web.switch import Switch
from appliance.web.tls import TlsHolder

log = logging.getLogger(__name__)

_HEARTBEAT: Final = 5.0  # seconds
_LAST_WORDS: Final = 5.0  # seconds that they may take


@dataclass(frozen=True, slots=True)
class _Service:
    """A configuration at work."""

    assembly: Assembly
    switch: Switch
    holder: TlsHolder


@final
class Worker:
    """One process's work, from its first configuration to its end."""

    def __init__(
        self,
        link: Link[FromMain],
        handed_over: HandedOver,
        output: RequestLines,
        say: Callable[[str], None],
    ) -> None:
        self._link = link
        self._handed_over = handed_over
        self._say = say
        self._output = output
        self._asking = Asking(link)
        self._gate = IssuanceGate()
        self._stop = trio.Event()
        self._wish, self._wishes = trio.open_memory_channel[Configure | Show](100)
        self._ground: Ground | None = None
        self._service: _Service | None = None
        self._serving: Serving | None = None
        self._told = Load(0, 0)
        self._everything: trio.Nursery

    async def run(self) -> None:
        """Serve until the main process says that it is enough, or has gone."""
        async with trio.open_nursery() as self._everything:
            self._everything.start_soon(self._obey)
            self._everything.start_soon(self._beat)
            self._everything.start_soon(every_moment, self._output.flush)
            try:
                await self._link.run(self._heard, self._load)
            except LinkClosed:
                log.debug("the link is closed")
            finally:
                self._asking.end()
                self._everything.cancel_scope.cancel()

    async def _heard(self, messages: Sequence[FromMain]) -> None:
        for message in messages:
            match message:
                case Answer() | Relayed() | Failure():
                    self._asking.answered(message)
                case Configure() | Show():
                    self._wish.send_nowait(message)
                case Bars(bars=bars):
                    self._bar(bars)
                case Drain():
                    self._stop.set()

    def _bar(self, bars: Mapping[str, str]) -> None:
        for bar in Bar:
            if bar in bars:
                self._gate.close(bar, bars[bar])
            else:
                self._gate.open(bar)

    # ---- what is told

    async def _beat(self) -> None:
        """Show that the loop goes round, until cancelled."""
        while True:
            await trio.sleep(_HEARTBEAT)
            self._link.tell(self._told)

    def _load(self) -> Load | None:
        """Give what has changed since it was told."""
        serving = self._serving
        found = Load(serving.connections if serving else 0, self._handed_over.taken)
        if found == self._told:
            return None
        self._told = found
        return found

    # ---- what is wished for

    async def _obey(self) -> None:
        """Serve one wish after the other."""
        async for wish in self._wishes:
            if isinstance(wish, Show):
                self._show(wish)
                continue
            try:
                await self._configure(wish)
            except HearthError as error:
                self._link.tell(Unfit(wish.number, str(error)))
            except Exception:
                log.exception("a worker met a fault")
                self._link.tell(Unfit(wish.number, "internal error"))

    def _show(self, show: Show) -> None:
        if self._service is not None:
            identity = _identity(show.chain, show.key)
            self._service.holder.replace(context_of(self._service.assembly, identity))

    async def _configure(self, wish: Configure) -> None:
        """Build everything anew, and only then serve it."""
        self._bar(wish.bars)
        self._ground = ground = replace(
            self._ground or lay_ground(self._link, self._asking, self._gate, wish),
            key_tokens=RemoteTokenKeys(self._asking, wish.token_keys),
        )
        host, port = wish.address
        settings = replace(
            read(Path(wish.file), wish.text),
            host=host,
            port=port,
            insecure=None,  # these doors are the main process's
            metrics=None,
        )
        log_requests = access_log(settings.log_format, ground.clock, self._output.later)
        assembly = assemble(settings, ground, log_requests)
        await providers.introduce(assembly.registry)
        application = build_application(
            divided(assembly.application.routes, self._asking),
            chance=ground.chance,
            access_log=log_requests,
            trace_header=settings.trace_header,
        )
        await self._use(assembly, application, _identity(wish.chain, wish.key), wish.connections)
        settle_collector()
        self._link.tell(Ready(wish.number, material.fingerprint(assembly)))

    async def _use(
        self, assembly: Assembly, application: Application, identity: Identity, connections: int
    ) -> None:
        """Have the next request answered by this configuration."""
        former, context = self._service, context_of(assembly, identity)
        if former is not None:
            assembly.registry.resume(former.assembly.registry)
            former.holder.replace(context)
            former.switch.replace(application)
            self._service = replace(former, assembly=assembly)
            return
        self._service = _Service(assembly, Switch(application), TlsHolder(context))
        await self._everything.start(self._serve, self._service, connections)
        self._everything.start_soon(providers.keep_known, self._registry, self._say)

    def _registry(self) -> Registry:
        assert self._service is not None  # noqa: S101  for mypy
        return self._service.assembly.registry

    async def _serve(
        self, service: _Service, connections: int, *, task_status: trio.TaskStatus[None]
    ) -> None:
        """Serve until drained, and be the end of the process then."""
        serving = partial(
            serve,
            service.switch,
            listeners=[self._handed_over],
            tls=service.holder,
            limits=Limits(connections=connections),
            stop=self._stop,
        )
        async with trio.open_nursery() as nursery:
            self._serving = await nursery.start(serving)
            task_status.started()
        self._output.flush()
        with trio.move_on_after(_LAST_WORDS):
            await self._link.all_told()
        self._everything.cancel_scope.cancel()


def _identity(chain: Sequence[bytes], key: bytes) -> Identity:
    return Identity(
        chain=tuple(chain), key=checked_private(load_der_private_key(key, password=None))
    )


async def work(ours: socket.socket, doorway: socket.socket) -> None:
    """Be a worker on both sockets, until it is over."""
    link = Link(ours, from_main)
    try:
        output = RequestLines(RemoteOutput(link))
        with logging_to(output) as say:
            try:
                await Worker(link, HandedOver(doorway), output, say).run()
            except Exception:
                log.exception("a worker met a fault of its own and ends")
                link.say_last()
                raise
    finally:
        link.close()


def main(descriptors: Sequence[str]) -> int:
    """Be the worker that a main process has started, with the numbers of both sockets."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the main process decides when the end has come
    ours, doorway = (socket.socket(fileno=int(each)) for each in descriptors)
    for each in (ours, doorway):
        each.set_inheritable(False)
    trio.run(work, ours, doorway)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
