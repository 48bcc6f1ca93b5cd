"""The real clock, the real chance, and the interpreter's collector."""

import gc
import os
from datetime import UTC, datetime
from typing import final


@final
class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """Give the time as an aware datetime in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - here is where it comes from


@final
class SystemChance:
    """The kernel's random numbers."""

    def octets(self, count: int) -> bytes:
        """Give so many octets."""
        return os.urandom(count)


def settle_collector() -> None:
    """Let the collector leave alone what stays: full collections cost requests their time.

    Called when everything is built, at start and after a reload, whose leavings it clears away.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
