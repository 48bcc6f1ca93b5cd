"""Requests wait for each other where there are many of them."""

import pytest
import trio

from appliance.ports.abreast import FEW, abreast, at_work


async def steps_of_two(others: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the order of two requests' steps while so many others are at work."""
    steps: list[str] = []

    async def take(name: str) -> None:
        with at_work:
            steps.append(f"{name}1")
            await abreast()
            steps.append(f"{name}2")

    monkeypatch.setattr(at_work, "requests", others)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(take, "a")
        nursery.start_soon(take, "b")
    assert at_work.requests == others
    return steps


async def test_of_few_requests_none_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = await steps_of_two(FEW - 2, monkeypatch)
    assert steps in (["a1", "a2", "b1", "b2"], ["b1", "b2", "a1", "a2"])


async def test_many_requests_take_each_step_together(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = await steps_of_two(FEW, monkeypatch)
    assert {*steps[:2]} == {"a1", "b1"}


@pytest.mark.parametrize("requests", [0, FEW + 1])
async def test_nobody_is_cancelled_there(requests: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_work, "requests", requests)
    with trio.CancelScope() as scope:
        scope.cancel()
        await abreast()
    assert not scope.cancelled_caught
