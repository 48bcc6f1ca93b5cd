"""A worker's questions to the main process: each waits for the answer with its number."""

from collections.abc import Callable
from typing import Any, final

import outcome
import trio

from appliance.model.errors import Broken
from appliance.server.workers.link import Link
from appliance.server.workers.messages import (
    Answer,
    Failure,
    FromMain,
    Question,
    Relayed,
    error_of,
)


@final
class Asking:
    """Those that are not answered yet."""

    def __init__(self, link: Link[FromMain]) -> None:
        self._link = link
        self._waiting: dict[int, trio.lowlevel.Task] = {}
        self._last = 0
        self._is_over = False

    async def ask(self, question: Callable[[int], Question], *, to_the_end: bool = False) -> Any:
        """Ask, and give the answer. Raises what it failed by.

        With `to_the_end` a cancelled caller waits for it, too: what was asked is done in any case.
        """
        if self._is_over:
            raise _gone()
        if to_the_end:
            await trio.lowlevel.checkpoint_if_cancelled()
        self._last = number = self._last + 1
        self._link.tell(question(number))
        self._waiting[number] = trio.lowlevel.current_task()

        def given_up(_: object) -> trio.lowlevel.Abort:
            if to_the_end:
                return trio.lowlevel.Abort.FAILED
            del self._waiting[number]
            return trio.lowlevel.Abort.SUCCEEDED

        return await trio.lowlevel.wait_task_rescheduled(given_up)

    def answered(self, answer: Answer | Relayed | Failure) -> None:
        """Hand an answer over to who waits for it; nobody may."""
        task = self._waiting.pop(answer.number, None)
        if task is None:
            return
        value: outcome.Outcome[Any]
        match answer:
            case Answer():
                value = outcome.Value(answer.value)
            case Relayed():
                value = outcome.Value(answer)
            case Failure():
                value = outcome.Error(error_of(answer))
        trio.lowlevel.reschedule(task, value)

    def end(self) -> None:
        """Fail whatever waits: nobody will answer any more."""
        self._is_over = True
        for task in self._waiting.values():
            trio.lowlevel.reschedule(task, outcome.Error(_gone()))
        self._waiting.clear()


def _gone() -> Broken:
    return Broken("the main process is gone: it is not known what became of it")
