"""Clients at work at the same time, each in a process of its own."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Work: TypeAlias = Callable[[float], None]
"""Works until it is that time (of perf_counter)."""

_FORK = multiprocessing.get_context("fork")


@dataclass
class Tally:
    """What a client did. `took` are seconds of each order; `processor` seconds of them all.

    `failure` is what ended it before its time.
    """

    took: list[float] = field(default_factory=list)
    seconds: float = 1.0
    requests: int = 0
    processor: float = 0.0
    exhausted: bool = False
    failure: str = ""


def at_once(client: Callable[[int, Tally], Work], count: int, seconds: float) -> list[Tally]:
    """Make so many clients, let them work when all are ready, and gather what they did."""
    ready, done = _FORK.Barrier(count), _FORK.SimpleQueue()
    processes = [
        _FORK.Process(target=_run, args=(client, number, seconds, ready, done))
        for number in range(count)
    ]
    for each in processes:
        each.start()
    found: list[Tally] = [done.get() for _ in processes]
    for each in processes:
        each.join()
    return found


def _run(
    client: Callable[[int, Tally], Work], number: int, seconds: float, ready: Any, done: Any
) -> None:
    tally = Tally()
    try:
        work = client(number, tally)
        ready.wait()
        began, used = time.perf_counter(), time.process_time()
        tally.requests = 0
        try:
            work(began + seconds)
        finally:
            tally.seconds = time.perf_counter() - began
            tally.processor = time.process_time() - used
    except Exception as error:  # noqa: BLE001  the tally says it
        ready.abort()
        tally.failure = repr(error)
    done.put(tally)


def spread(took: Sequence[float]) -> dict[str, float]:
    """Give the figures of the time that each took, of seconds in ascending order."""
    return {
        "p50 ms": statistics.median(took) * 1000,
        "p99 ms": took[int(len(took) * 0.99)] * 1000,
    }
