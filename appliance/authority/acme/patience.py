"""Waits that have an end: one timer for all of them.

What is waited for mostly comes within milliseconds, and then a cancel scope for each wait costs
more than all else that the wait does.
"""

from collections import deque
from typing import Final

import trio

_PARTS: Final = 5  # of the time, after which each is looked for what is over


class Patience:
    """Sets events that nobody has set within `seconds`, or a fifth more, while `run` goes on."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: deque[tuple[float, trio.Event]] = deque()  # in order of time
        self._begun = trio.Event()

    def bound(self, event: trio.Event) -> None:
        """Have an event set when it is time."""
        self._ends.append((trio.current_time() + self._seconds, event))
        self._begun.set()

    async def run(self) -> None:
        """Set those whose time is over, until cancelled; without any, this costs nothing."""
        while True:
            await self._begun.wait()
            self._begun = trio.Event()
            while self._ends:
                await trio.sleep(self._seconds / _PARTS)
                self._end_those_due()

    def _end_those_due(self) -> None:
        ends, now = self._ends, trio.current_time()
        while ends and ends[0][0] <= now:
            ends.popleft()[1].set()
