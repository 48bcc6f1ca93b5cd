"""What is left for later is done soon, and at the end, whatever becomes of the rest."""

import pytest
import trio
from trio.testing import MockClock

from appliance.server.moments import every_moment


async def test_all_is_done_soon_again_and_when_it_ends(autojump_clock: MockClock) -> None:
    del autojump_clock
    done: list[str] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(every_moment, lambda: done.append("a"), lambda: done.append("b"))
        await trio.sleep(0.12)
        assert done == ["a", "b"] * 2
        nursery.cancel_scope.cancel()
    assert done == ["a", "b"] * 3


async def test_one_that_fails_is_told_and_keeps_no_other_from_being_done(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    del autojump_clock
    done: list[str] = []

    def broken() -> None:
        raise ValueError("why")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(every_moment, broken, lambda: done.append("b"))
        await trio.sleep(0.12)
        nursery.cancel_scope.cancel()
    assert done == ["b"] * 3
    assert "ValueError: why" in caplog.text
