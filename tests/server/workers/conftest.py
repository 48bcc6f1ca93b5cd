"""An appliance whose HTTPS is served by worker processes."""

from collections.abc import Callable

import trio

from appliance.server.operation import ApplianceOperator
from appliance.server.workers.crew import Crew
from tests.server.conftest import Appliance, authority, start

__all__ = ["authority", "start"]

PATIENCE = 120  # seconds for what takes one, on a machine that is busy


def crew_of(appliance: Appliance) -> Crew:
    assert isinstance(appliance.running.operator, ApplianceOperator)
    return appliance.running.operator.service.crew


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that has no event."""
    with trio.fail_after(PATIENCE):
        while not holds():
            await trio.sleep(0.02)


async def ready(appliance: Appliance, count: int, *, without: int = 0) -> None:
    """Wait until so many serve, and `without` (a process) is none of them."""
    crew = crew_of(appliance)
    await until(lambda: crew.ready == count and without not in crew.pids)
