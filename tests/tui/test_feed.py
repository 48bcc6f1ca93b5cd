"""What keeps the console up to date."""

import asyncio

from tests.support.sample_operator import SampleOperator, event
from tui.feed import Feed, Rhythm
from tui.journal import Journal
from tui.pulse import Pulse


def test_all_that_the_ring_remembers_is_there_from_the_start() -> None:
    """It is asked for by parts, of which none may be missing or come twice."""
    operator, journal = SampleOperator(), Journal()
    for number in range(1500):
        operator.record(event(100_000 + number))

    async def watch() -> None:
        begun = asyncio.Event()
        feed = Feed(operator, journal, Pulse(), Rhythm())
        watching = asyncio.create_task(feed.watch_events(lambda _: begun.set()))
        async with asyncio.timeout(30):
            await begun.wait()
        watching.cancel()

    asyncio.run(watch())
    live = [row.identity for row in reversed(journal.shown) if row.identity > 0]
    assert live == list(range(1, journal.last + 1))
    assert len(live) >= 1500
    assert journal.skipped == 0
