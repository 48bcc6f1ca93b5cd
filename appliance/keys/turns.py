"""Turns at a token, which does one thing at a time: a queue with a bound and an end to waiting.

    request ── turn? ──no──> 503, Retry-After: when it should be worth asking again
                 │ yes, first come first served
                 └── operation, never cut off: its end, not its asker's, ends the turn

How long the queue is, in seconds, is learnt from the operations themselves.
"""

import math
from collections import deque
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Final, TypeVar, final

import trio

from appliance.model.tokens import TokenState
from appliance.ports.keys import TokenUnavailable

PATIENCE: Final = 15.0  # seconds that a request waits for its turn
MOST_WAITING: Final = 2000
_REMEMBERED: Final = 15  # operations, whose middle is the usual time: one slow one is no rule
_FIRST_GUESS: Final = 0.005  # seconds
_LONGEST_RETRY: Final = 60  # seconds

T = TypeVar("T")


@final
class Turns:
    """The queue before one token."""

    def __init__(
        self, name: str, *, patience: float = PATIENCE, most_waiting: int = MOST_WAITING
    ) -> None:
        self._name = name
        self._patience = patience
        self._most_waiting = most_waiting
        self._lock = trio.Lock()
        self._times = deque([_FIRST_GUESS] * _REMEMBERED, maxlen=_REMEMBERED)

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return self._lock.statistics().tasks_waiting

    @property
    def usual_time(self) -> float:
        """How long an operation has lately taken, in seconds."""
        return median(self._times)

    def is_free(self) -> bool:
        """Say whether nobody has the turn."""
        return not self._lock.locked()

    async def take(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Carry out the operation when its turn comes; once begun it is not cancelled.

        It must end by itself: give it a deadline. Raises TokenUnavailable (busy) without having
        begun when the queue is too long, or the turn does not come in time.
        """
        expected = (self.waiting + 1) * self.usual_time
        if self.waiting >= self._most_waiting or (
            self._lock.locked() and expected > self._patience
        ):
            raise self._busy()
        with trio.move_on_after(self._patience) as patience:
            await self._lock.acquire()
        if patience.cancelled_caught:
            raise self._busy()
        began = trio.current_time()
        try:
            with trio.CancelScope(shield=True):
                result = await operation()
            self._times.append(trio.current_time() - began)
        finally:
            self._lock.release()
        return result

    def _busy(self) -> TokenUnavailable:
        seconds = math.ceil(max(1.0, min(self._patience, self.waiting * self.usual_time)))
        return TokenUnavailable(
            "the signing key has more to do than it can answer in time",
            detail=f"{self._name}: {self.waiting} requests wait",
            state=TokenState.BUSY,
            retry_after=min(seconds, _LONGEST_RETRY),
        )
