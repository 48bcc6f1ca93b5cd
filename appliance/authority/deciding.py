"""Decisions that may take long, beside the event loop: one client's template makes nobody wait.

A budget bounds what a rendering costs, but at that bound it takes a second or so, and a policy of
thousands of rules may meet a request of thousands of names. Few at a time are decided in threads;
everybody else is served meanwhile, and only requests of the same kind queue.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import trio

T = TypeVar("T")

FEW_NAMES: Final = 32
"""As many names are judged at once faster than a thread is asked to."""

_AT_A_TIME: Final = trio.CapacityLimiter(2)


async def decided(decide: Callable[[], T], *, long: bool) -> T:
    """Give what `decide`, which waits for nothing, makes; in a thread when that may take long."""
    if not long:
        return decide()
    return await trio.to_thread.run_sync(decide, limiter=_AT_A_TIME)
