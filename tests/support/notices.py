"""Targets of alerts for tests: one that remembers, and one that can be gone."""

from dataclasses import dataclass, field

import trio

from appliance.model.alerts import Notice
from appliance.model.errors import HearthError


@dataclass(slots=True)
class Mailbox:
    """Takes notices, unless it has a reason not to; one that hangs never answers."""

    taken: list[Notice] = field(default_factory=list)
    trouble: HearthError | None = None
    hangs: bool = False
    tries: int = 0

    async def deliver(self, notice: Notice) -> None:
        """Take it."""
        self.tries += 1
        if self.hangs:
            await trio.sleep_forever()
        await trio.lowlevel.checkpoint()
        if self.trouble is not None:
            raise self.trouble
        self.taken.append(notice)

    @property
    def told(self) -> list[tuple[str, str]]:
        """What was told: change and name."""
        return [(each.change.value, each.name) for each in self.taken]
