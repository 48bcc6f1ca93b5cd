"""Turns at a token: first come, first served, with a bound and an end to waiting."""

import pytest
import trio
import trio.testing

from appliance.keys.turns import Turns
from appliance.model.tokens import TokenState
from appliance.ports.keys import TokenUnavailable


async def test_one_at_a_time_in_the_order_of_asking(autojump_clock: trio.testing.MockClock) -> None:
    turns, order, inside = Turns("t"), [], []

    async def operation(number: int) -> None:
        inside.append(number)
        await trio.sleep(0.05)
        assert inside == [number]
        inside.clear()
        order.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(turns.take, lambda number=number: operation(number))
            await trio.testing.wait_all_tasks_blocked()
    assert order == list(range(20))
    assert turns.is_free()
    assert turns.usual_time == pytest.approx(0.05, rel=0.2)


async def test_a_turn_that_cannot_come_in_time_is_refused_at_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Once the time of an operation is known, nobody waits in vain."""
    turns, outcomes, refusals = Turns("t", patience=1.0), [], []

    async def one() -> None:
        began = trio.current_time()
        try:
            await turns.take(lambda: trio.sleep(0.1))
            outcomes.append((True, trio.current_time() - began))
        except TokenUnavailable as error:
            refusals.append(error)
            outcomes.append((False, trio.current_time() - began))

    for _ in range(20):
        await one()
    outcomes.clear()
    async with trio.open_nursery() as nursery:
        for _ in range(30):
            nursery.start_soon(one)
    served = [took for held, took in outcomes if held]
    refused = [took for held, took in outcomes if not held]
    assert 9 <= len(served) <= 11
    assert max(served) <= 1.2
    assert {each.state for each in refusals} == {TokenState.BUSY}
    assert all(1 <= each.retry_after <= 60 for each in refusals)
    assert sorted(refused)[-2] < 0.2  # one may wait to the end: its turn was almost there


async def test_one_slow_operation_is_no_rule(autojump_clock: trio.testing.MockClock) -> None:
    """Making a key takes minutes; that turns nobody away who comes after it."""
    turns = Turns("t", patience=1.0)
    await turns.take(lambda: trio.sleep(100))
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(turns.take, lambda: trio.sleep(0.01))


async def test_a_turn_that_does_not_come_is_given_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    turns = Turns("t", patience=2.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turns.take, lambda: trio.sleep(30))
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        with pytest.raises(TokenUnavailable):
            await turns.take(trio.lowlevel.checkpoint)
        assert trio.current_time() - began == pytest.approx(2.0)


async def test_the_queue_is_bounded(autojump_clock: trio.testing.MockClock) -> None:
    turns = Turns("t", most_waiting=3)
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(turns.take, lambda: trio.sleep(1))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(TokenUnavailable):
            await turns.take(trio.lowlevel.checkpoint)


async def test_an_operation_that_has_begun_ends_before_the_next(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Who asked is gone; the token is not asked anything else meanwhile."""
    turns, ended = Turns("t"), []

    async def operation() -> None:
        await trio.sleep(1)
        ended.append(trio.current_time())

    with trio.move_on_after(0.5):
        await turns.take(operation)
    assert len(ended) == 1
    with trio.move_on_after(0.5) as waiting:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(turns.take, operation)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(turns.take, operation)  # never begins
    assert waiting.cancelled_caught
    assert len(ended) == 2
    assert turns.is_free()


async def test_a_failed_operation_ends_its_turn() -> None:
    turns = Turns("t")

    async def operation() -> None:
        await trio.lowlevel.checkpoint()
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await turns.take(operation)
    assert turns.is_free()
