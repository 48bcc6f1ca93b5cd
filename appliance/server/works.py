"""Work that takes a while: one of each kind at a time, followed by whoever wants to.

It belongs to the server, not to who began it: a console that is closed leaves it going.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from typing import Final, final

import trio

from appliance.model.errors import BadRequest, HearthError, Unavailable
from appliance.model.work import Work, WorkKind
from appliance.ports.clock import Clock

log = logging.getLogger(__name__)

_PATIENCE: Final = 2 * 3600.0  # seconds that one may take


@final
class Progress:
    """Where a piece of work says how far it is."""

    def __init__(self, desk: "WorkDesk", kind: WorkKind) -> None:
        self._desk = desk
        self._kind = kind

    def stage(self, text: str, total: int = 0) -> None:
        """Say what is done from now on, and how much of it there is."""
        self._desk.change(self._kind, stage=text, done=0, total=total)

    def done(self, amount: int) -> None:
        """Say that so much more is done."""
        work = self._desk.current(self._kind)
        self._desk.change(self._kind, done=work.done + amount)

    def told(self, *lines: str) -> None:
        """Say what came of it."""
        work = self._desk.current(self._kind)
        self._desk.change(self._kind, told=(*work.told, *lines))


Job = Callable[[Progress], Awaitable[None]]


@final
class WorkDesk:
    """Where work is begun. `ended` is told of each when it is over."""

    def __init__(self, clock: Clock, ended: Callable[[Work], None] = lambda _work: None) -> None:
        self._clock = clock
        self._ended = ended
        self._numbers = count(1)
        self._works: dict[WorkKind, Work] = {}
        self._nursery: trio.Nursery | None = None

    @property
    def works(self) -> tuple[Work, ...]:
        """What is under way, and the last of each kind that has ended."""
        return tuple(self._works.values())

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Let work be done, until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    def begin(self, kind: WorkKind, subject: str, job: Job) -> Work:
        """Begin a piece of work. Raises BadRequest while there is one of its kind."""
        if self._nursery is None:
            raise Unavailable("the server is not ready for that yet")
        last = self._works.get(kind)
        if last is not None and last.is_under_way:
            raise BadRequest(f"a {kind} is under way already: wait for its end")
        work = Work(
            number=next(self._numbers), kind=kind, subject=subject, started_at=self._clock.now()
        )
        self._works[kind] = work
        self._nursery.start_soon(self._do, kind, job)
        return work

    def current(self, kind: WorkKind) -> Work:
        """Give the work of a kind that is under way."""
        return self._works[kind]

    def change(self, kind: WorkKind, **changed: object) -> None:
        """Put down how far it is."""
        self._works[kind] = replace(self._works[kind], **changed)  # type: ignore[arg-type]

    async def _do(self, kind: WorkKind, job: Job) -> None:
        problem = ""
        try:
            with trio.fail_after(_PATIENCE):
                await job(Progress(self, kind))
        except trio.TooSlowError:
            problem = "it took more than two hours"
        except HearthError as error:
            problem = error.public
            log.warning("the %s failed: %s", kind, error)
        except Exception:
            log.exception("a %s met a fault", kind)
            problem = "a fault of this program; the log has the details"
        self.change(kind, problem=problem, ended_at=self._clock.now())
        self._ended(self._works[kind])
