"""Notices on their way: each target has a queue and a task of its own.

A notice is in the store from when its alert is, until its target took it. A target that hangs or
is gone keeps its own notices waiting, in their order, and nothing else: it is tried again after
half a minute, then twice as long each time, up to a quarter of an hour, and at once when there is
something new to tell. A notice that a target refuses by itself lets those behind it pass.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import trio

from appliance.authority.alerts import records
from appliance.model.alerts import Delivery, Notice, Pending
from appliance.model.conditions import Severity
from appliance.model.errors import HearthError, NotFound, Unavailable
from appliance.ports.clock import Clock
from appliance.ports.notices import NoticeTarget
from appliance.ports.store import Operation, Put, Store

log = logging.getLogger(__name__)

_DEADLINE: Final = 30.0  # seconds for one delivery
_FIRST_PAUSE: Final = timedelta(seconds=30)
_LONGEST_PAUSE: Final = timedelta(minutes=15)
_LOOK: Final = 60.0  # seconds; the wall clock can jump, so it is looked at often
_MOST: Final = 1000  # notices that wait for one target; the oldest gives way


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """A target, and what it wants to be told of. Without `rules`: of everything."""

    target: NoticeTarget
    least: Severity = Severity.NOTICE
    rules: frozenset[str] = frozenset()

    def wants(self, notice: Notice) -> bool:
        """Say whether it is to be told of a notice."""
        listed = not self.rules or notice.rule in self.rules
        return listed and notice.severity.rank >= self.least.rank


class Courier:
    """Holds what waits, and hands it over."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._addressees: Mapping[str, Addressee] = {}
        self._waiting: dict[str, dict[str, Pending]] = {}  # target → notice's id → what waits
        self._changed = trio.Event()
        self._news: dict[str, trio.Event] = {}

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of all targets."""
        return tuple(self._addressees)

    @property
    def pending(self) -> tuple[Pending, ...]:
        """What waits, oldest first."""
        return tuple(
            sorted(
                (each for queue in self._waiting.copy().values() for each in queue.copy().values()),
                key=lambda each: (each.notice.id, each.target),
            )
        )

    def configure(self, addressees: Mapping[str, Addressee]) -> None:
        """Tell these from now on."""
        self._addressees = dict(addressees)
        self._changed.set()

    def has_delivered(self, operation: Operation) -> bool:
        """Say whether an operation would write again what is delivered."""
        if not isinstance(operation, Put) or operation.bucket != records.OUTBOX:
            return False
        return operation.key not in {records.place(each) for each in self.pending}

    async def load(self) -> None:
        """Take up what waited when the server ended. Raises Broken."""
        async for row in records.rows(self._store, records.OUTBOX, Pending):
            self._waiting.setdefault(row.target, {})[row.notice.id] = row

    def addressed(self, notice: Notice) -> list[Pending]:
        """Say to whom a notice goes: rows to be recorded, then given to `send`."""
        return [
            Pending(target=name, notice=notice, due=notice.at)
            for name, each in self._addressees.items()
            if each.wants(notice)
        ]

    def send(self, rows: Sequence[Pending]) -> None:
        """Put recorded rows into the queues, and have these tried at once."""
        for row in rows:
            self._waiting.setdefault(row.target, {})[row.notice.id] = row
            for waiting in self._waiting[row.target].values():
                self._keep(replace(waiting, due=row.due))
            news = self._news.get(row.target)
            if news is not None:
                news.set()

    async def run(self) -> None:
        """Hand over what waits, until cancelled."""
        while True:
            self._changed = trio.Event()
            await self._drop_unaddressed()
            async with trio.open_nursery() as queues:
                for name in self._addressees:
                    queues.start_soon(self._serve, name)
                await self._changed.wait()
                queues.cancel_scope.cancel()

    async def deliver_due(self, name: str) -> None:
        """Hand over what is due for a target, as far as it takes it."""
        queue = self._waiting.get(name, {})
        now = self._clock.now()
        if not any(_is_due(each, now) for each in queue.values()):
            return
        for row in sorted(queue.values(), key=lambda each: each.notice.id):
            delivery, later = await self._hand_over(name, row.notice)
            if not delivery.problem:
                queue.pop(row.notice.id, None)
                await self._note([records.delivered(row)])
                continue
            log.warning("the alert '%s' waits for %s: %s", row.notice.title, name, delivery.problem)
            pause = min(_FIRST_PAUSE * 2 ** min(row.attempts, 10), _LONGEST_PAUSE)
            failed = replace(
                row, attempts=row.attempts + 1, due=self._clock.now() + pause,
                problem=delivery.problem,
            )  # fmt: skip
            self._keep(failed)
            await self._note([records.pending(failed)])
            if later:
                for waiting in list(queue.values()):
                    self._keep(replace(waiting, due=failed.due))
                return

    async def try_out(self, notice: Notice, name: str = "") -> list[Delivery]:
        """Hand a notice to a target, or to all, once, and say how they took it. Raises NotFound."""
        if name and name not in self._addressees:
            raise NotFound(f"there is no target '{name}' in `alerts.targets` of ca.json")
        chosen = [name] if name else list(self._addressees)
        found: dict[str, Delivery] = {}

        async def attempt(each: str) -> None:
            found[each], _ = await self._hand_over(each, notice)

        async with trio.open_nursery() as attempts:
            for each in chosen:
                attempts.start_soon(attempt, each)
        return [found[each] for each in chosen]

    async def _serve(self, name: str) -> None:
        while True:
            self._news[name] = trio.Event()
            await self.deliver_due(name)
            with trio.move_on_after(self._rest(name)):
                await self._news[name].wait()

    async def _hand_over(self, name: str, notice: Notice) -> tuple[Delivery, bool]:
        """Give how it was taken, and whether the target itself is to blame."""
        try:
            with trio.fail_after(_DEADLINE):
                await self._addressees[name].target.deliver(notice)
        except trio.TooSlowError:
            return Delivery(target=name, problem=f"no answer within {_DEADLINE:.0f} s"), True
        except HearthError as error:
            return Delivery(target=name, problem=str(error)), isinstance(error, Unavailable)
        except Exception as error:
            log.exception("the target %s met a fault", name)
            return Delivery(target=name, problem=f"a fault: {type(error).__name__}"), True
        return Delivery(target=name), False

    def _rest(self, name: str) -> float:
        now = self._clock.now()
        due = [each.due for each in self._waiting.get(name, {}).values()]
        left = (min(due) - now).total_seconds() if due else _LOOK
        return min(max(left, 0.1), _LOOK)

    def _keep(self, row: Pending) -> None:
        queue = self._waiting.setdefault(row.target, {})
        queue[row.notice.id] = row

    async def _drop_unaddressed(self) -> None:
        """Let go of what waits for targets that are gone, and of too much."""
        gone: list[Operation] = []
        for name, queue in list(self._waiting.items()):
            if name not in self._addressees:
                log.warning("%d alerts for the target '%s', which is gone", len(queue), name)
                gone += [records.delivered(each) for each in self._waiting.pop(name).values()]
        if gone:
            await self._note(gone)

    async def trim(self) -> None:
        """Let the oldest go where too many wait."""
        gone: list[Operation] = []
        for name, queue in self._waiting.items():
            for id_ in sorted(queue)[: max(len(queue) - _MOST, 0)]:
                log.error("too many alerts wait for %s: the oldest is dropped", name)
                gone.append(records.delivered(queue.pop(id_)))
        if gone:
            await self._note(gone)

    async def _note(self, operations: list[Operation]) -> None:
        try:
            await self._store.note(operations)
        except HearthError as error:
            log.warning("the delivery of alerts cannot be recorded: %s", error)


def _is_due(row: Pending, now: datetime) -> bool:
    """Judge by the clock, which may have been set back."""
    return row.due <= now or row.due > now + 2 * _LONGEST_PAUSE
