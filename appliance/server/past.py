"""What the journal tells of the hours before the server started."""

from datetime import datetime
from typing import Final, final

import trio

from appliance.authority import journal
from appliance.authority.journal_reading import JournalReader
from appliance.model.errors import FormatError
from appliance.model.events import Event
from appliance.model.journal import JournalQuery
from appliance.operator.tally import HourlyTally, since
from appliance.ports.store import Store

_MOST: Final = 20_000  # entries; of a busier day, the last hours are known
_AT_A_TIME: Final = 1000


@final
class Past:
    """Has a tally remember what was done before it was there: once, when it is first asked for."""

    def __init__(self, store: Store, started: datetime) -> None:
        self._store = store
        self._started = started
        self._known: datetime | None = None
        self._turn = trio.Lock()

    async def known_since(self, tally: HourlyTally, now: datetime) -> datetime:
        """Give from when on the tally knows all. Raises Broken."""
        async with self._turn:
            if self._known is None:
                events, self._known = await self._read(since(now))
                tally.remember(events)
            return self._known

    async def _read(self, start: datetime) -> tuple[list[Event], datetime]:
        """Read back to a time, the newest first; give how far that was."""
        reader, found, before = JournalReader(self._store), list[Event](), 0
        reached, looked_at = self._started, 0
        while looked_at < _MOST:
            page = await reader.page(
                JournalQuery(newest_first=True, before=before, limit=_AT_A_TIME)
            )
            for entry in page.entries:
                try:
                    event = journal.read(entry).event
                except FormatError:
                    continue
                if event.at < start:
                    return found, start
                if event.at < self._started:
                    found.append(event)
                    reached = min(reached, event.at)
            if page.complete:
                return found, start
            before, looked_at = page.reached, looked_at + len(page.entries)
        return found, reached
