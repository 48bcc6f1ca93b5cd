"""Renewal happens at two thirds of a certificate's life, give or take a twentieth."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from appliance.client.renewal import (
    RETRY,
    Schedule,
    is_due,
    keep_renewed,
    rounded,
    wait_after,
    wait_before,
)
from appliance.model.validity import Validity

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = Validity(not_before=START, not_after=START + timedelta(hours=24))
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def test_a_certificate_of_a_day_is_renewed_after_sixteen_hours() -> None:
    assert wait_before(Schedule(), DAY, START, 0) == 16 * HOUR
    assert wait_before(Schedule(), DAY, START, 0.5) == 16 * HOUR - 36 * MINUTE
    assert wait_before(Schedule(), DAY, START + 10 * HOUR, 0) == 6 * HOUR


def test_near_the_time_the_wait_is_a_share_of_what_is_left() -> None:
    assert wait_before(Schedule(), DAY, START + 15.5 * HOUR, 0.5) == 15 * MINUTE


@pytest.mark.parametrize("passed", [16, 17, 24, 30])
def test_past_the_time_it_is_renewed_at_once(passed: int) -> None:
    assert wait_before(Schedule(), DAY, START + passed * HOUR, 0.9) == timedelta()


def test_expires_in_counts_from_the_end() -> None:
    assert wait_before(Schedule(expires_in=2 * HOUR), DAY, START, 0) == 22 * HOUR
    assert wait_before(Schedule(expires_in=2 * HOUR), DAY, START + 23 * HOUR, 0) == timedelta()


def test_a_period_is_kept_without_chance() -> None:
    schedule = Schedule(period=4 * HOUR)
    assert wait_before(schedule, DAY, START, 0.9) == 4 * HOUR
    assert wait_before(schedule, DAY, START + 20 * HOUR, 0.9) == timedelta()


@given(
    chance=st.floats(0, 1, exclude_max=True),
    passed=st.timedeltas(timedelta(), timedelta(hours=30)),
    margin=st.timedeltas(timedelta(), timedelta(hours=24)),
)
def test_the_wait_never_passes_the_end_and_is_never_negative(
    chance: float, passed: timedelta, margin: timedelta
) -> None:
    now = START + passed
    wait = wait_before(Schedule(expires_in=margin), DAY, now, chance)
    assert timedelta() <= wait <= max(DAY.not_after - now, timedelta())


def test_a_renewal_is_not_followed_by_another_at_once() -> None:
    """An --expires-in as long as the certificate lives would run the CA down otherwise."""
    schedule = Schedule(expires_in=24 * HOUR)
    assert wait_before(schedule, DAY, START, 0) == timedelta()
    assert wait_after(schedule, DAY, START, 0) == RETRY
    short = Validity(not_before=START, not_after=START + 5 * MINUTE)
    assert wait_after(Schedule(expires_in=5 * MINUTE), short, START, 0) == 15 * MINUTE / 60
    assert wait_after(Schedule(), DAY, START, 0) == 16 * HOUR


def test_it_is_due_within_expires_in_and_by_chance_a_twentieth_earlier() -> None:
    end = START + 10 * HOUR
    assert is_due(10 * HOUR, end, START, 0)
    assert not is_due(9 * HOUR, end, START, 0)
    assert not is_due(9.6 * HOUR, end, START, 0.5)
    assert is_due(9.6 * HOUR, end, START, 0.9)


def test_durations_are_shown_in_whole_seconds() -> None:
    assert rounded(timedelta(seconds=1.5)) == timedelta(seconds=2)
    assert rounded(timedelta(seconds=-1.5)) == timedelta(seconds=-2)
    assert rounded(timedelta(seconds=1.4)) == timedelta(seconds=1)


class VirtualClock:
    """The calendar that goes with Trio's virtual clock."""

    def now(self) -> datetime:
        return START + timedelta(seconds=trio.current_time() - self.began)

    def __init__(self) -> None:
        self.began = trio.current_time()


Waits = Callable[[], timedelta]


async def _renewals(
    first: timedelta,
    waits: list[timedelta],
    until: timedelta,
    wake_at: timedelta | None = None,
) -> list[timedelta]:
    """Run the loop for a virtual while; give the times of its renewals."""
    clock, times, left = VirtualClock(), list[timedelta](), iter(waits)
    send, now_please = trio.open_memory_channel[None](1)

    async def renew() -> timedelta:
        times.append(clock.now() - START)
        return next(left)

    with trio.move_on_after(until.total_seconds()):
        async with trio.open_nursery() as nursery:
            if wake_at is not None:

                async def wake() -> None:
                    await trio.sleep(wake_at.total_seconds())
                    await send.send(None)

                nursery.start_soon(wake)
            await keep_renewed(first, renew, clock=clock, now_please=now_please)
    return times


async def test_a_month_of_renewals(autojump_clock: trio.testing.MockClock) -> None:
    times = await _renewals(16 * HOUR, [16 * HOUR] * 100, 30 * 24 * HOUR + HOUR)
    assert times == [16 * HOUR * n for n in range(1, 46)]


async def test_failures_are_tried_again_every_minute(
    autojump_clock: trio.testing.MockClock,
) -> None:
    times = await _renewals(HOUR, [RETRY, RETRY, 16 * HOUR, HOUR], 2 * HOUR)
    assert times == [HOUR, HOUR + MINUTE, HOUR + 2 * MINUTE]


async def test_a_signal_renews_now_and_the_schedule_begins_anew(
    autojump_clock: trio.testing.MockClock,
) -> None:
    times = await _renewals(16 * HOUR, [10 * HOUR] * 9, 30 * HOUR, wake_at=3 * HOUR)
    assert times == [3 * HOUR, 13 * HOUR, 23 * HOUR]


async def test_after_a_machines_sleep_it_renews_within_minutes() -> None:
    """The processor's clock stands still in a suspended machine; the calendar does not."""

    class Slept:
        """Ten hours go by while Trio sees none of them."""

        asked = 0

        def now(self) -> datetime:
            self.asked += 1
            return START if self.asked <= 2 else START + 10 * HOUR

    renewed = trio.Event()
    send, now_please = trio.open_memory_channel[None](1)

    async def renew() -> timedelta:
        renewed.set()
        return HOUR

    slept = Slept()
    mock = trio.testing.MockClock(autojump_threshold=0)

    async def run() -> float:
        async with trio.open_nursery() as nursery:

            async def keep() -> None:
                await keep_renewed(9 * HOUR, renew, clock=slept, now_please=now_please)

            nursery.start_soon(keep)
            await renewed.wait()
            nursery.cancel_scope.cancel()
        await send.aclose()
        return trio.current_time()

    took = await trio.to_thread.run_sync(lambda: trio.run(run, clock=mock))
    assert took <= 300
