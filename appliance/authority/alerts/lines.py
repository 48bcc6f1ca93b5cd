"""The lines of certificates that are followed: in memory, with a row each."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from appliance.authority.alerts import habits, records
from appliance.authority.alerts.habits import Line
from appliance.authority.inventory import LARGEST_PAGE, Inventory
from appliance.model.alerts import Finding
from appliance.model.events import Event, EventKind
from appliance.model.inventory import CertificateKind, CertificateQuery, CertificateSummary
from appliance.ports.store import Operation, Store

log = logging.getLogger(__name__)

_MOST: Final = 50_000  # lines
_TIDY: Final = timedelta(hours=1)
_MOST_READ: Final = 20_000  # certificates of either kind that are looked at after a start


@dataclass(slots=True)
class _Followed:
    line: Line
    late_at: datetime | None
    over_at: datetime


class Lines:
    """What is known of each line. Changes are rows to write, given by `changes`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[bytes, _Followed] = {}
        self._by_serial: dict[tuple[CertificateKind, int], bytes] = {}
        self._dirty: set[bytes] = set()
        self._tidied: datetime | None = None

    def __len__(self) -> int:
        return len(self._known)

    async def load(self) -> None:
        """Read the rows. Raises Broken."""
        async for line in records.rows(self._store, records.LINES, Line):
            self._set(line)

    async def issued_since(self, seen: datetime | None, now: datetime) -> list[CertificateSummary]:
        """Read what was issued and is not looked at yet, the oldest first. Raises Broken.

        After the first start with alerts that is the newest part of all that was ever issued.
        """
        found: list[CertificateSummary] = []
        inventory = Inventory(self._store)
        for kind in CertificateKind:
            cursor, read = "", 0
            while read < _MOST_READ:
                query = CertificateQuery(kind=kind, limit=LARGEST_PAGE, cursor=cursor)
                page = await inventory.page(query, now)
                new = [c for c in page.certificates if seen is None or c.issued_at > seen]
                found += new
                read += len(page.certificates)
                cursor = page.cursor
                if not cursor or len(new) < len(page.certificates):
                    break
        return sorted(found, key=lambda each: each.issued_at)

    def follow(self, line: Line | None) -> None:
        """Take the next certificate of a line."""
        if line is None:
            return
        known = self._known.get(line.key)
        new = habits.continued(known.line if known else None, line)
        if known is None or new is not known.line:
            self._set(new)
            self._dirty.add(new.key)

    def heard(self, event: Event) -> None:
        """Learn from an event; a revoked certificate ends its line."""
        if event.kind is EventKind.REVOKED and event.serial is not None:
            kind = CertificateKind.SSH if event.is_ssh else CertificateKind.X509
            if key := self._by_serial.get((kind, event.serial)):
                self._forget(key)
            return
        self.follow(habits.of_event(event))

    def findings(self, now: datetime, able_since: datetime) -> Iterator[Finding]:
        """Say which lines are late or quiet."""
        for each in list(self._known.values()):
            if each.late_at is not None and each.late_at <= now:
                yield from habits.findings(each.line, now, able_since)

    def changes(self, now: datetime) -> list[Operation]:
        """Give the rows that changed, and let go of what is over."""
        if self._tidied is None or not timedelta() <= now - self._tidied < _TIDY:
            self._tidied = now
            self._tidy(now)
        written: list[Operation] = []
        for key in self._dirty:
            known = self._known.get(key)
            written.append(records.line(known.line) if known else records.forgotten(key))
        return written

    def written(self) -> None:
        """Take note that the rows which `changes` gave are written."""
        self._dirty.clear()

    def _tidy(self, now: datetime) -> None:
        for key in [key for key, each in self._known.items() if each.over_at <= now]:
            self._forget(key)
        if len(self._known) > _MOST:
            # those who never renewed first, then those that were not seen longest
            order = sorted(
                self._known.items(),
                key=lambda each: (each[1].late_at is not None, each[1].line.issued_at),
            )
            log.warning("more than %d lines of certificates: some are not followed", _MOST)
            for key, _ in order[: len(self._known) - _MOST]:
                self._forget(key)

    def _set(self, line: Line) -> None:
        old = self._known.get(line.key)
        if old is not None:
            self._by_serial.pop((old.line.kind, old.line.serial), None)
        self._known[line.key] = _Followed(line, line.late_at, line.over_at)
        self._by_serial[line.kind, line.serial] = line.key

    def _forget(self, key: bytes) -> None:
        if (old := self._known.pop(key, None)) is not None:
            self._by_serial.pop((old.line.kind, old.line.serial), None)
            self._dirty.add(key)
