"""The console without a terminal, driven by keys. Tests are plain functions around `drive`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC

from textual.pilot import Pilot

from tests.support.piloted import Piloted, play
from tests.support.sample_operator import SampleOperator
from tui.app import Console
from tui.ending import Ending
from tui.feed import Rhythm

QUICK = Rhythm(events=0.05, overview=0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven(Piloted):
    """A console under test."""

    app: Console
    operator: SampleOperator

    def line(self, part: str) -> str:
        """The first line in which this occurs."""
        return next((line for line in self.lines if part in line), "")


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

    async def begin(pilot: Pilot[Ending]) -> None:
        driven = Driven(app=app, operator=source, pilot=pilot)
        if source.past or source.ring.events():
            await driven.until(lambda: app.journal.shown)
        await driven.until(lambda: "serving" in driven.text or source.silent)
        if start != "1":
            await driven.press(start)
            await driven.until(lambda: f"[{start} " in driven.text or size[1] < 20)
        await act(driven)

    play(app, begin, size)
    return app
