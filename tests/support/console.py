"""The console without a terminal, driven by keys. Tests are plain functions around `drive`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC

from textual.pilot import Pilot

from tests.support.sample_operator import SampleOperator
from tui.app import Console
from tui.ending import Ending
from tui.feed import Rhythm

QUICK = Rhythm(events=0.05, overview=0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven:
    """A console under test."""

    app: Console
    operator: SampleOperator
    pilot: Pilot[Ending]

    @property
    def lines(self) -> list[str]:
        """What is on the screen, line by line, without trailing blanks."""
        width, height = self.app.size
        strips = self.app.screen._compositor.render_strips()
        assert len(strips) == height
        return [strip.text[:width].rstrip() for strip in strips]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def line(self, part: str) -> str:
        """The first line in which this occurs."""
        return next((line for line in self.lines if part in line), "")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, holds: Callable[[], object], seconds: float = 10) -> None:
        """Wait for something to hold, looking after each round of messages."""
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    await self.pilot.pause(0.01)
        except TimeoutError:
            raise AssertionError(f"it never held:\n{self.text}") from None
        await self.pilot.pause()


def drive(
    act: Callable[[Driven], Awaitable[None]],
    *,
    size: tuple[int, int] = (80, 24),
    operator: SampleOperator | None = None,
    start: str = "2",
) -> Console:
    """Run a console to which this is done, on the screen `start`, and give it when it has ended."""
    source = operator or SampleOperator()
    app = Console(source, zone=UTC, rhythm=QUICK)

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            driven = Driven(app=app, operator=source, pilot=pilot)
            if source.past or source.ring.events():
                await driven.until(lambda: app.journal.shown)
            await driven.until(lambda: "serving" in driven.text or source.silent)
            if start != "1":
                await driven.press(start)
                await driven.until(lambda: f"[{start} " in driven.text or size[1] < 20)
            await act(driven)

    asyncio.run(run())
    return app
