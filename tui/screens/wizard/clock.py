"""The clock: what is signed in the wrong year is of no use, and cannot be taken back."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import ClassVar, Final, final

from textual.widget import Widget
from textual.widgets import Input, Label

from appliance.model.errors import HearthError
from appliance.model.founding import Topic
from tui.screens.wizard.page import Page

_FORM: Final = "%Y-%m-%d %H:%M"
_EACH: Final = 1.0  # seconds between two looks


@final
class ClockPage(Page):
    """The second step: waits until the clock is right, or a person says that it is."""

    TOPIC = Topic.CLOCK
    INTRODUCTION: ClassVar[str] = (
        "Certificates say from when until when they hold, so the clock has to be right before "
        "anything is signed. Compare it with your watch."
    )
    WHY: ClassVar[str] = (
        "A box without a battery boots in the past until the network tells it the time; what it "
        "signs then ends too early, or is not valid yet when its clients look. This step waits for "
        "the network's time, and goes on by itself knowing it. On a box without a network, compare "
        "the time, or type it: setting it needs root."
    )

    def __init__(self) -> None:
        super().__init__()
        self._now = Label("")

    def fields(self) -> Iterable[Widget]:
        """Show the time, and take another one."""
        yield from self.row("It is now", self._now)
        yield from self.row(
            "If that is wrong",
            Input(
                id="time",
                compact=True,
                placeholder="type the time in UTC: 2026-11-21 14:05",
            ),
            field="time",
        )

    def on_mount(self) -> None:
        """Begin to watch the clock."""
        self.begin(self._watch, "clock")

    def action_next(self) -> None:
        """Set the clock where a time was typed, else go on."""
        typed = self.query_one("#time", Input).value.strip()
        if typed:
            self.begin(partial(self._set, typed), "next")
        else:
            super().action_next()

    async def _watch(self) -> None:
        state = None
        while True:
            seen = await self.wizard.founding.clock()
            local = seen.now.astimezone().strftime("%H:%M:%S here")
            shown = seen.now.astimezone(UTC).strftime(f"{_FORM}:%S UTC")
            self._now.update(f"{shown}   {local}")
            if state is not None and seen.state is not state:
                await self.look()
            state = seen.state
            await asyncio.sleep(_EACH)

    async def _set(self, typed: str) -> None:
        field = self.query_one("#time", Input)
        try:
            at = datetime.strptime(typed, _FORM).replace(tzinfo=UTC)
        except ValueError:
            self.complain(f"{typed} is not a time: write it as 2026-11-21 14:05")
            return
        try:
            await self.wizard.founding.set_clock(at)
        except HearthError as error:
            self.complain(error.public)
            return
        field.value = ""
        await self.look()
        self.hint("The clock is set. Enter goes on.")
