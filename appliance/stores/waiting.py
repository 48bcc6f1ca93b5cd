"""A task that waits for what a store tells."""

from collections.abc import Callable

import outcome
import trio

from appliance.model.errors import Conflict
from appliance.ports.store import Told


async def until_told(submit: Callable[[Told], None]) -> None:
    """Submit, and return when told, or raise what is told; a cancelled caller waits, too.

    It must be told later, and in the event loop. Raises at once what `submit` raises.
    """
    task = trio.lowlevel.current_task()

    def told(error: Exception | None) -> None:
        ended = outcome.Value(None) if error is None else outcome.Error(error)
        trio.lowlevel.reschedule(task, ended)

    submit(told)
    await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.FAILED)


def refused(told: Told, conflict: Conflict) -> Told:
    """Give what tells of a conflict, once what it was with has been written, or has failed."""
    return lambda error: told(error or conflict)
