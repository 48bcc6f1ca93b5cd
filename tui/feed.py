"""What keeps the console up to date: it asks the operator, a few times a second, and tells.

Nothing here is lost when an answer is late: the ring remembers, and its numbers tell what it has
forgotten.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from appliance.model.errors import HearthError
from appliance.model.events import NumberedEvent
from appliance.model.inventory import CertificateKind, CertificateQuery
from appliance.model.overview import Overview
from appliance.operator.interface import Operator
from tui.history import events_of
from tui.journal import Journal
from tui.pulse import Pulse

_PATIENCE: Final = 5.0  # seconds until a silent server is said to be one
_CROWD: Final = 50  # events between two looks
_PAST: Final = 200  # certificates that fill the view at the start


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """Seconds between two looks at the events, and between two at the overview."""

    events: float = 0.25
    overview: float = 1.0


class Feed:
    """Fills a journal. `on_events` is told how many rows came on top; None says all are new."""

    def __init__(self, operator: Operator, journal: Journal, pulse: Pulse, rhythm: Rhythm) -> None:
        self._operator = operator
        self._journal = journal
        self._pulse = pulse
        self._rhythm = rhythm

    async def watch_events(self, on_events: Callable[[int | None], None]) -> None:
        """Follow what happens, until cancelled."""
        await self._begin()
        on_events(None)
        pause = self._rhythm.events
        while True:
            await asyncio.sleep(pause)
            if events := await self._next_events():
                self._note(events)
                on_events(self._journal.add(events))
            # Nobody reads so many, and to draw them takes time that the CA could have.
            pause = self._rhythm.events * (2 if len(events) > _CROWD else 1)

    async def watch_overview(self, on_overview: Callable[[Overview | None], None]) -> None:
        """Follow the state of the appliance, until cancelled; None is told when it is silent."""
        while True:
            overview: Overview | None = None
            with suppress(HearthError, TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    overview = await self._operator.overview()
            on_overview(overview)
            await asyncio.sleep(self._rhythm.overview)

    async def _begin(self) -> None:
        """Fill the view with the past; what cannot be had of it is no reason not to follow."""
        past = []
        for kind in CertificateKind:
            with suppress(HearthError, TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    page = await self._operator.certificates(
                        CertificateQuery(limit=_PAST, kind=kind)
                    )
                past += [event for summary in page.certificates for event in events_of(summary)]
        live = await self._next_events()
        self._journal.fill(past, live)
        for event in past:
            self._pulse.note(event.at)
        while live:
            self._note(live)
            live = await self._next_events()
            self._journal.add(live)

    async def _next_events(self) -> Sequence[NumberedEvent]:
        """Ask for what is not in the journal; that there is no answer is no news."""
        with suppress(HearthError, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                return await self._operator.events(self._journal.last)
        return ()

    def _note(self, events: Sequence[NumberedEvent]) -> None:
        for numbered in events:
            self._pulse.note(numbered.event.at)
