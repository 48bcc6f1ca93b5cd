"""The workers of a main process: started, handed connections, watched, replaced, drained.

    start ──▶ Configure ──▶ Ready: connections are handed to it ──▶ gone ──▶ another one starts
                   └──▶ Unfit, or no answer ──▶ killed, and tried again later

While no worker is ready the main process serves by itself, so that neither the start nor a fault of
theirs is a time without answers. A worker that has gone has taken only its connections with it:
what it had asked for is finished, and what it had not been told was not acknowledged.
"""

import logging
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Final, final

import msgspec
import trio

from appliance.authority.gate import Bar
from appliance.formats.prometheus import Family
from appliance.model.errors import Broken
from appliance.ports.conditions import ConditionSink
from appliance.server.workers import process
from appliance.server.workers.desk import Desk, House
from appliance.server.workers.duty import Duty
from appliance.server.workers.link import Link, LinkClosed
from appliance.server.workers.listening import Doorway, passage
from appliance.server.workers.messages import (
    Bars,
    Drain,
    FromWorker,
    Load,
    Ready,
    Show,
    Unfit,
    from_worker,
)

log = logging.getLogger(__name__)

CONDITION: Final = "workers"
_READY: Final = 60.0  # seconds that a configuration may take, on a machine that is busy
_SILENCE: Final = 60.0  # seconds; a worker says something every five
_PAUSES: Final = (0.0, 0.5, 2.0, 10.0, 30.0)  # seconds before one that follows so many failures
_LOOK: Final = 5.0  # seconds
_LONGER: Final = 5.0  # seconds that a process has beyond what it was given


@dataclass(slots=True, eq=False)
class _Member:
    """One process, and what is known of it."""

    process: trio.Process
    link: Link[FromWorker]
    doorway: Doorway
    heard: float  # when, by Trio's clock
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    serves: int = 0  # the number of a configuration
    told: Load = field(default_factory=lambda: Load(0, 0))
    handed: int = 0
    settled: trio.Event = field(default_factory=trio.Event)  # how the last Configure ended
    leaving: trio.Event = field(default_factory=trio.Event)
    has_ended: bool = False  # by itself
    problem: str = ""

    @property
    def load(self) -> int:
        """How many connections it has, those on their way to it included."""
        return self.told.open + self.handed - self.told.taken

    def leave(self) -> None:
        """Ask it to end after its answers."""
        self.leaving.set()
        self.link.tell(Drain())

    def give_up(self, problem: str) -> None:
        """Have it killed."""
        self.problem = problem
        self.scope.cancel()


@final
class Crew:
    """All workers, by their places; `drain` is how many seconds their last answers may take."""

    def __init__(self, house: House, conditions: ConditionSink, *, drain: float) -> None:
        self._house = house
        self._conditions = conditions
        self._drain = drain
        self._bars: Mapping[str, str] = {}
        self._members: dict[int, _Member] = {}
        self._kept: set[int] = set()  # places whose tasks run
        self._replaced = 0
        self._stop = trio.Event()
        self._duty: Duty

    # ---- what the main process says

    async def serve(self, nursery: trio.Nursery, duty: Duty) -> None:
        """Have workers do a duty, as tasks of the nursery, until `close`.

        New ones are ready some time later; of those that there are, all are when it returns.
        """
        self._duty = duty
        if not duty.count:
            self._conditions.forget(CONDITION)
        for place in set(range(duty.count)) - self._kept:
            self._kept.add(place)
            nursery.start_soon(self._keep, place)
        staying = [each for place, each in self._members.items() if place < duty.count]
        for member in self._members.values():
            if member in staying:
                self._instruct(member)
            else:
                member.leave()
        for member in staying:
            await member.settled.wait()

    def share(self, accepted: socket.socket) -> bool:
        """Hand a connection over to the worker that has the fewest; False: to none."""
        ready = [each for each in self._members.values() if each.serves]
        while ready:
            member = min(ready, key=lambda each: each.load)
            if member.doorway.hand_over(accepted):
                member.handed += 1
                return True
            ready.remove(member)
        return False

    def show(self, chain: Sequence[bytes], key: bytes) -> None:
        """Have the server's certificate replaced; `key` is its key in DER."""
        configure = msgspec.structs.replace(self._duty.configure, chain=list(chain), key=key)
        self._duty = self._duty.with_instructions(configure)
        for member in self._members.values():
            member.link.tell(Show(configure.chain, key))

    def bar(self, bars: Mapping[Bar, str]) -> None:
        """Say what keeps the CA from issuing now."""
        self._bars = {bar.value: sentence for bar, sentence in bars.items()}
        for member in self._members.values():
            member.link.tell(Bars(dict(self._bars)))

    def close(self) -> None:
        """Have all end after their last answers."""
        self._stop.set()
        for member in self._members.values():
            member.leave()

    @property
    def ready(self) -> int:
        """How many serve."""
        return sum(1 for each in self._members.values() if each.serves)

    @property
    def pids(self) -> tuple[int, ...]:
        """The numbers of the processes that serve."""
        return tuple(each.process.pid for each in self._members.values() if each.serves)

    def families(self) -> list[Family]:
        """Give numbers about them; callable from any thread."""
        members = sorted(self._members.copy().items())
        return [
            Family(
                name="hearth_workers_ready",
                help="Number of worker processes that serve",
                kind="gauge",
                samples=[((), self.ready)] if self._kept else [],
            ),
            Family(
                name="hearth_worker_connections",
                help="Number of connections that a worker process has",
                kind="gauge",
                samples=[((("worker", str(place)),), each.load) for place, each in members],
            ),
            Family(
                name="hearth_workers_replaced_total",
                help="Number of worker processes that ended and were replaced",
                kind="counter",
                samples=[((), self._replaced)] if self._kept else [],
            ),
        ]

    # ---- one place

    async def _keep(self, place: int) -> None:
        """Have a worker in a place for as long as there is one to be."""
        failures = 0
        while self._is_wanted(place):
            with trio.move_on_after(_PAUSES[min(failures, len(_PAUSES) - 1)]):
                await self._stop.wait()
            if self._is_wanted(place):
                failures = 0 if await self._employ(place) else failures + 1
        self._kept.discard(place)

    def _is_wanted(self, place: int) -> bool:
        return place < self._duty.count and not self._stop.is_set()

    async def _employ(self, place: int) -> bool:
        """Start a worker and stay with it to its end; say if it served."""
        try:
            member = self._members[place] = await _hired()
        except Broken as error:
            self._ill(str(error))
            return False
        try:
            with member.scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._watch, member)
                    self._instruct(member)
                    desk = Desk(self._house, member.link, nursery)
                    await member.link.run(partial(self._heard, member, desk))
        except* LinkClosed:
            member.has_ended = True
        except* Exception as group:
            log.exception("what a worker told met a fault", exc_info=group)
            member.problem = "internal error"
        finally:
            del self._members[place]
            member.settled.set()
            await _dismissed(member)
        self._tell_of(member)
        return bool(member.serves)

    def _instruct(self, member: _Member) -> None:
        member.settled = trio.Event()
        member.link.tell(msgspec.structs.replace(self._duty.configure, bars=dict(self._bars)))

    async def _watch(self, member: _Member) -> None:
        """Give up a worker that is silent, or does not come to an end."""
        since = trio.current_time()
        while not member.leaving.is_set():
            with trio.move_on_after(_LOOK):
                await member.leaving.wait()
            now = trio.current_time()
            since = now if member.settled.is_set() else since
            if now - member.heard > _SILENCE:
                member.give_up(f"it said nothing for {_SILENCE:.0f} seconds")
            elif now - since > _READY:
                member.give_up(f"it was not ready after {_READY:.0f} seconds")
        await trio.sleep(self._drain + _LONGER)
        member.give_up("it did not end")

    async def _heard(self, member: _Member, desk: Desk, messages: Sequence[FromWorker]) -> None:
        member.heard = trio.current_time()
        for message in messages:
            if await desk.hear(message):
                continue
            match message:
                case Load():
                    member.told = message
                case Ready() if message.configuration == self._duty.configure.number:
                    self._ready(member, message)
                case Unfit() if message.configuration == self._duty.configure.number:
                    member.give_up(message.reason)

    def _ready(self, member: _Member, ready: Ready) -> None:
        if ready.fingerprint != self._duty.fingerprint:
            member.give_up(
                "certificates or keys on disk are not those that are served: reload to serve them"
            )
            return
        member.serves = ready.configuration
        member.settled.set()
        if self.ready == self._duty.count:
            self._conditions.report(CONDITION, ok=True, text=f"{self.ready} serve HTTPS")

    # ---- what went wrong

    def _tell_of(self, member: _Member) -> None:
        if member.leaving.is_set() and not member.problem:
            return
        code = member.process.returncode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        why = member.problem or how
        if member.serves:
            self._replaced += 1
            self._ill(f"worker {member.process.pid} has ended ({why}): another takes its place")
        elif not member.leaving.is_set():
            self._ill(f"a worker process does not serve: {why}")

    def _ill(self, text: str) -> None:
        """Say that there are fewer than there should be, and why."""
        log.warning("%s", text)
        self._conditions.report(CONDITION, ok=False, text=text)


async def _hired() -> _Member:
    """Start a process. Raises Broken."""
    with ExitStack() as opened:
        try:
            ours, its = map(opened.enter_context, socket.socketpair())
            door, its_door = map(opened.enter_context, passage())
        except OSError as error:  # no descriptor is left, say
            raise Broken("a worker process cannot be started", detail=str(error)) from error
        started = await process.start(its, its_door)
        opened.pop_all()
    return _Member(
        process=started,
        link=Link(ours, from_worker),
        doorway=Doorway(door),
        heard=trio.current_time(),
    )


async def _dismissed(member: _Member) -> None:
    """See a process to its end: its own, or else by force."""
    with trio.CancelScope(shield=True):
        member.doorway.close()
        if member.has_ended:
            with trio.move_on_after(_LONGER):
                await member.process.wait()
        if member.process.returncode is None:
            member.process.kill()
            with trio.move_on_after(_LONGER):
                await member.process.wait()
        member.link.close()
