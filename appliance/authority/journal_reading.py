"""Reading the journal: entries that a query selects, forwards or back, in steps."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import trio

from appliance.authority import index, journal, serials
from appliance.formats import chain
from appliance.model.errors import BadRequest, Broken, FormatError
from appliance.model.events import Event
from appliance.model.journal import JournalEntry, JournalPage, JournalQuery
from appliance.ports.store import Store

LARGEST_PAGE: Final = 2000
_STEP: Final = 1000  # entries read at a time
_MOST_READ: Final = 20_000  # entries looked at for one page
_LONGEST_WAIT: Final = 20.0  # seconds


async def _sleep_out(seconds: float) -> None:
    await trio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class JournalReader:
    """The journal of a store. `wait_changed` waits until there may be more, so long at most."""

    store: Store
    wait_changed: Callable[[float], Awaitable[None]] = _sleep_out

    async def page(self, query: JournalQuery) -> JournalPage:
        """Give one page. Raises BadRequest, Broken."""
        if query.limit < 1:
            raise BadRequest(f"a page of {query.limit} entries cannot be: ask for 1 or more")
        if query.after < 0 or query.before < 0:
            raise BadRequest("numbers of entries begin with 1")
        found = await self._read(query)
        if found.complete and not found.entries and query.wait > 0 and not query.newest_first:
            await self.wait_changed(min(query.wait, _LONGEST_WAIT))
            found = await self._read(query)
        return found

    async def _read(self, query: JournalQuery) -> JournalPage:
        limit = min(query.limit, LARGEST_PAGE)
        start = chain.key(query.after + 1)
        stop = chain.key(query.before) if query.before else None
        entries: list[JournalEntry] = []
        reached = query.before if query.newest_first else query.after
        looked_at = 0
        while looked_at < _MOST_READ:
            rows = await self.store.scan(
                journal.EVENTS, start=start, stop=stop, reverse=query.newest_first, limit=_STEP
            )
            for key, value in rows:
                entry = _entry(key, value)
                reached = entry.number
                if _selects(query, entry):
                    entries.append(entry)
                    if len(entries) == limit:
                        return JournalPage(entries=tuple(entries), reached=reached, complete=False)
            if len(rows) < _STEP:
                return JournalPage(entries=tuple(entries), reached=reached, complete=True)
            looked_at += len(rows)
            if query.newest_first:
                stop = rows[-1][0]
            else:
                start = rows[-1][0] + b"\0"
        return JournalPage(entries=tuple(entries), reached=reached, complete=False)


def _entry(key: bytes, value: bytes) -> JournalEntry:
    try:
        read = chain.read(key, value)
    except FormatError as error:
        raise Broken("a row of the journal cannot be read", detail=error.public) from error
    return JournalEntry(number=read.number, previous=read.previous, body=read.body)


def _selects(query: JournalQuery, entry: JournalEntry) -> bool:
    """Say whether an entry is asked for; one that cannot be read is when everything is."""
    if not is_selective(query):
        return True
    try:
        event = journal.read(entry).event
    except FormatError:
        return False
    return all(
        (
            not query.kinds or event.kind in query.kinds,
            query.operation in ("", event.operation),
            query.provisioner in ("", event.provisioner),
            query.client in ("", event.client),
            not query.serial or _is_about(query.serial, event),
            query.since is None or event.at >= query.since,
            query.until is None or event.at < query.until,
            not query.name or _is_named(query.name, event),
        )
    )


def is_selective(query: JournalQuery) -> bool:
    """Say whether a query asks for less than all."""
    return bool(
        query.kinds or query.operation or query.name or query.provisioner or query.client
        or query.serial or query.since or query.until
    )  # fmt: skip


def _is_named(wanted: str, event: Event) -> bool:
    return any(index.name_matches(wanted, each) for each in (event.subject, *event.sans) if each)


def _is_about(typed: str, event: Event) -> bool:
    wanted = serials.read(typed)
    return any(wanted.matches(each) for each in (event.serial, event.replaces) if each is not None)
