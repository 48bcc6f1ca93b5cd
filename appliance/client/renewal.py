"""When to renew a certificate, and the loop that does it for as long as it is let.

A certificate is renewed when two thirds of its life are over, or `expires_in` before its end, or
every `period`. Chance spreads the renewals of machines that were set up together: a random
share of a twentieth of the life is taken off the wait.
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import trio

from appliance.model.validity import Validity
from appliance.ports.clock import Clock

RETRY: Final = timedelta(minutes=1)  # after a failure, however long the certificate still holds
_NAP: Final = timedelta(minutes=5)  # at most; a machine that slept must not oversleep
_NOTHING: Final = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What a person asked for; zero is not asked."""

    expires_in: timedelta = _NOTHING
    period: timedelta = _NOTHING


def wait_before(schedule: Schedule, validity: Validity, now: datetime, chance: float) -> timedelta:
    """Say how long to wait before a certificate is renewed; `chance` is from [0, 1)."""
    left = validity.not_after - now
    if schedule.period > _NOTHING:
        return schedule.period if left > schedule.period else _NOTHING
    margin = schedule.expires_in or validity.length / 3
    wait, spread = left - margin, validity.length / 20
    if wait <= _NOTHING:
        return _NOTHING
    if wait < spread:
        return wait * chance
    return wait - spread * chance


def wait_after(schedule: Schedule, validity: Validity, now: datetime, chance: float) -> timedelta:
    """Say how long to wait after a renewal: never so short that the CA is run down."""
    return max(wait_before(schedule, validity, now, chance), min(RETRY, validity.length / 20))


def is_due(expires_in: timedelta, not_after: datetime, now: datetime, chance: float) -> bool:
    """Say if a certificate is near enough to its end; chance lets some machines go earlier."""
    return not_after - now <= expires_in + expires_in / 20 * chance


def rounded(duration: timedelta) -> timedelta:
    """Round to whole seconds, halves away from zero, as Go shows durations."""
    seconds = duration.total_seconds()
    return timedelta(seconds=math.copysign(math.floor(abs(seconds) + 0.5), seconds))


async def keep_renewed(
    first: timedelta,
    renew: Callable[[], Awaitable[timedelta]],
    *,
    clock: Clock,
    now_please: trio.MemoryReceiveChannel[None],
) -> None:
    """Renew when it is time, and whenever something comes through the channel, until cancelled.

    `renew` gives the wait before the next time; it deals with its own failures.
    """
    wait = first
    while True:
        await _wait_until(clock.now() + wait, clock, now_please)
        wait = await renew()


async def _wait_until(
    due: datetime, clock: Clock, now_please: trio.MemoryReceiveChannel[None]
) -> None:
    """Wait by the calendar, not by the processor's clock, which stands while a machine sleeps."""
    while (left := due - clock.now()) > _NOTHING:
        with trio.move_on_after(min(left, _NAP).total_seconds()):
            await now_please.receive()
            return
