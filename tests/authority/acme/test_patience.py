"""Whoever waits for what does not come goes on when it is time, and not before."""

import trio
from trio.testing import MockClock

from appliance.authority.acme.patience import Patience


def test_a_wait_ends_when_it_is_time() -> None:
    ended = dict[int, float]()

    async def wait(patience: Patience, number: int) -> None:
        await trio.sleep(number)
        begun, event = trio.current_time(), trio.Event()
        patience.bound(event)
        await event.wait()
        ended[number] = trio.current_time() - begun

    async def main() -> None:
        patience = Patience(1.0)
        async with trio.open_nursery() as timer:
            timer.start_soon(patience.run)
            async with trio.open_nursery() as waiting:
                for number in (0, 0, 7):
                    waiting.start_soon(wait, patience, number)
            timer.cancel_scope.cancel()

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert ended.keys() == {0, 7}
    assert all(1.0 <= each <= 1.2 + 1e-6 for each in ended.values())


async def test_what_came_before_is_left_alone() -> None:
    patience, event = Patience(0.01), trio.Event()
    async with trio.open_nursery() as timer:
        timer.start_soon(patience.run)
        patience.bound(event)
        event.set()
        await trio.sleep(0.05)
        timer.cancel_scope.cancel()
    assert event.is_set()
