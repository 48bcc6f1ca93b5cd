"""What proves ACME's challenges: there when a configuration first has a provisioner of that type.

A CA without one has nothing of it in its memory, and starts sooner.
"""

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

import trio

from appliance.authority.acme.tally import ChallengeTally
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.events import EventSink
from appliance.ports.store import Store
from appliance.provisioners.registry import Registry
from appliance.server.launch import Network

if TYPE_CHECKING:
    from appliance.authority.acme.validation import Validation


class Proving:
    """Outlives every configuration, as the challenges do that are looked at."""

    def __init__(
        self, network: Network, *, store: Store, clock: Clock, chance: Chance, events: EventSink
    ) -> None:
        self._network, self._store = network, store
        self._clock, self._chance, self._events = clock, chance, events
        self.tally = ChallengeTally()
        self._made: Validation | None = None
        self._making = Lock()  # all routes, and `run`, must have the same
        self._wanted = trio.Event()

    @property
    def validation(self) -> "Validation":
        """What the routes have their challenges proven by. Callable from any thread."""
        from appliance.server.validating import build_validation  # noqa: PLC0415 - see above

        with self._making:
            if self._made is None:
                self._made = build_validation(
                    self._network,
                    store=self._store,
                    clock=self._clock,
                    chance=self._chance,
                    events=self._events,
                    tally=self.tally,
                )
            return self._made

    def want(self) -> None:
        """Have `run` begin: there is a provisioner whose challenges are to be looked at."""
        self._wanted.set()

    async def run(
        self,
        registry: Callable[[], Registry],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Look at challenges as soon as they are wanted, for ever."""
        task_status.started()
        await self._wanted.wait()
        from appliance.server.validating import owner  # noqa: PLC0415 - `validation` has loaded it

        await self.validation.run(lambda row: owner(registry(), row))
