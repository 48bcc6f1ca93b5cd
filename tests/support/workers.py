"""Both ends of what joins a worker and the main process, in one event loop."""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from appliance.authority.metrics import Metrics
from appliance.config.settings import TokenKey
from appliance.model.events import Event
from appliance.ports.store import PromptStore
from appliance.server.keys import Tokens
from appliance.server.output import RequestLines
from appliance.server.system import SystemClock
from appliance.server.token_keys import TokenKeys
from appliance.server.workers.asking import Asking
from appliance.server.workers.desk import Desk, House
from appliance.server.workers.link import Link, LinkClosed
from appliance.server.workers.messages import (
    Answer,
    Failure,
    FromMain,
    FromWorker,
    Relayed,
    from_main,
    from_worker,
)
from appliance.server.workers.relaying import RelayedRoutes
from appliance.server.workers.tokens import KeyCupboard
from appliance.stores.memory import MemoryStore
from appliance.web.http import Route


@dataclass
class Kept:
    """An EventSink and an Output that keep what they get."""

    events: list[Event] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def record(self, event: Event) -> None:
        self.events.append(event)

    def write(self, line: str) -> None:
        self.lines.append(line)

    def flush(self) -> None:
        """Nothing waits here."""


@dataclass
class Joint:
    """A worker's end, and what the main process has got from it."""

    link: Link[FromMain]
    asking: Asking
    metrics: Metrics
    kept: Kept
    output: RequestLines  # of the main process, to `kept`
    heard: trio.Event = field(default_factory=trio.Event)  # that something was told


@asynccontextmanager
async def joined(
    store: PromptStore | None = None,
    *,
    routes: Sequence[Route] = (),
    keys: TokenKeys | None = None,
    places: Sequence[TokenKey] = (),
) -> AsyncIterator[Joint]:
    """Join them for the length of a block."""
    ours, theirs = socket.socketpair()
    near, far = Link(ours, from_main), Link(theirs, from_worker)
    kept = Kept()
    metrics = Metrics(kept, SystemClock())
    output = RequestLines(kept)
    house = House(
        store=store or MemoryStore(),
        events=metrics,
        output=output,
        keys=KeyCupboard(keys or Tokens(), lambda: places),
        routes=RelayedRoutes(lambda: routes),
    )
    joint = Joint(near, Asking(near), metrics, kept, output)

    async def answered(messages: Sequence[FromMain]) -> None:
        for message in messages:
            assert isinstance(message, Answer | Relayed | Failure)
            joint.asking.answered(message)

    async def worker() -> None:
        try:
            await near.run(answered)
        except LinkClosed:
            joint.asking.end()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            desk = Desk(house, far, nursery)

            async def hear(messages: Sequence[FromWorker]) -> None:
                for message in messages:
                    assert await desk.hear(message)
                joint.heard.set()

            await far.run(hear)

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(worker)
            nursery.start_soon(main)
            yield joint
            nursery.cancel_scope.cancel()
    finally:
        near.close()
        far.close()
