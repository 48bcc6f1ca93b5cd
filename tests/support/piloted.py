"""An application of the console without a terminal: a person's keys, and what is then to be seen.

Textual's own pilot takes the processor's clock for a sign: after each key it sleeps until hardly
any of its time has passed, which is long on a busy machine and too long on an idle one. Here a wait
ends when the application's loop has nothing left to do but to wait, too.
"""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from textual.app import App
from textual.pilot import Pilot

PATIENCE = 60  # seconds until a test gives up
_LOOK = 0.01  # seconds between two looks at what may take its time
_FRAME = 1 / 60  # seconds that Textual lets pass before it draws what has changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Piloted:
    """An application under way, and the keys of a person."""

    app: App[Any]
    pilot: Pilot[Any]

    @property
    def lines(self) -> list[str]:
        """What is on the screen, line by line, without trailing blanks; a new one is empty."""
        width, height = self.app.size
        strips = self.app.screen._compositor.render_strips()
        shown = [strip.text[:width].rstrip() for strip in strips]
        return shown + [""] * (height - len(shown))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def settle(self) -> None:
        """Wait until all that is there to do is done, and drawn."""
        await _stillness()
        self.app.screen._on_timer_update()
        await _stillness(_FRAME)

    async def shows(self, *parts: str) -> None:
        """Wait until all of it is on the screen."""

        def holds() -> bool:
            text = self.text
            return all(part in text for part in parts)

        await self.until(holds, str(parts))

    async def until(self, holds: Callable[[], object], what: str = "it") -> None:
        """Wait for something to hold, looking whenever the application has come to rest."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self.settle()
                while not holds():
                    await asyncio.sleep(_LOOK)
                    await self.settle()
        except TimeoutError:
            raise AssertionError(f"{what} never held:\n{self.text}") from None


def play(
    app: App[Any], act: Callable[[Pilot[Any]], Awaitable[None]], size: tuple[int, int] = (80, 24)
) -> None:
    """Run an application of this size, and do this to it."""

    async def whole() -> None:
        async with app.run_test(size=size) as pilot:
            await act(pilot)

    with (
        patch("textual.app.wait_for_idle", _stillness),
        patch("textual.pilot.wait_for_idle", _stillness),
        asyncio.Runner(loop_factory=_Loop) as runner,
    ):
        runner.run(whole())


class _Watch(selectors.DefaultSelector):
    """Tells those who wait for it that nothing is to run for so many seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[tuple[float, asyncio.Future[None]]] = []

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if not self.waiting or (timeout is not None and timeout <= 0):
            return super().select(timeout)
        if ready := super().select(0):
            return ready
        rest = [each for each in self.waiting if timeout is not None and timeout <= each[0]]
        still, self.waiting = [each for each in self.waiting if each not in rest], rest
        for _, future in still:
            if not future.done():
                future.set_result(None)
        return [] if still else super().select(timeout)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.watch = _Watch()
        super().__init__(self.watch)


async def _stillness(seconds: float = 0) -> None:
    """Wait until nothing is ready to run, and no timer is due within so many seconds."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, _Loop)
    still = loop.create_future()
    loop.watch.waiting.append((seconds, still))
    await still
