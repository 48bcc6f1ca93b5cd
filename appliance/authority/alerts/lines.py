"""The lines of certificates that are followed: in memory, with a row each."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import nsmallest
from itertools import islice
from typing import Final

import msgspec

from appliance.authority.alerts import habits, records
from appliance.authority.alerts.habits import Line
from appliance.authority.alerts.packed import PackedTable
from appliance.authority.inventory import LARGEST_PAGE, Inventory
from appliance.model.alerts import Finding
from appliance.model.events import Event, EventKind
from appliance.model.inventory import CertificateKind, CertificateQuery, CertificateSummary
from appliance.ports.store import Operation, Store

log = logging.getLogger(__name__)

_MOST: Final = 50_000  # lines
_OVER: Final = 5_000  # more than that for a short time: to find who must go takes a while
_TIDY: Final = timedelta(hours=1)
_MOST_READ: Final = 20_000  # certificates of either kind that are looked at after a start
_OCTETS: Final = 5  # of a time, in seconds
_ISSUED: Final = 2 * _OCTETS  # where the time of the newest certificate begins, in microseconds
_PLACE: Final = _ISSUED + 8  # where its kind and serial number begin
_REST: Final = _PLACE + 21  # where the rest begins: serials have 20 octets (RFC 5280 4.1.2.2)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NEVER: Final = b"\xff" * _OCTETS

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(tuple[tuple[str, ...], datetime, tuple[float, ...]])


class Lines:
    """What is known of each line. Changes are rows to write, given by `changes`, some at a time.

    Of tens of thousands of lines, each is kept as octets: when it is late, when it is over, when
    its newest certificate was issued and which that is, in a form that sorts; then what else there
    is to know of it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known = PackedTable()
        self._revoked: set[bytes] = set()  # certificates: what line is theirs is looked for later
        self._dirty: set[bytes] = set()
        self._given: list[bytes] = []  # of those, what `changes` gave last
        self._tidied: datetime | None = None

    def __len__(self) -> int:
        self._end_revoked()
        return len(self._known)

    async def load(self) -> None:
        """Read the rows. Raises Broken."""
        async for line in records.rows(self._store, records.LINES, Line):
            self._known.put(line.key, _packed(line))

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
        key = line.key
        packed = self._known.get(key)
        if packed is not None and packed[_PLACE:_REST] in self._revoked:
            packed = None
        known = None if packed is None else _line(packed)
        new = habits.continued(known, line)
        if new is not known:
            self._known.put(key, _packed(new))
            self._dirty.add(key)

    def heard(self, event: Event) -> None:
        """Learn from an event; a revoked certificate ends its line."""
        if event.kind is EventKind.REVOKED and event.serial is not None:
            kind = CertificateKind.SSH if event.is_ssh else CertificateKind.X509
            self._revoked.add(_place(kind, event.serial))
            return
        self.follow(habits.of_event(event))

    def findings(self, now: datetime, able_since: datetime) -> Iterator[Finding]:
        """Say which lines are late or quiet."""
        self._end_revoked()
        moment = _octets(now)
        for packed in self._known.rows():
            if packed[:_OCTETS] <= moment:
                yield from habits.findings(_line(packed), now, able_since)

    def tidy(self, now: datetime) -> None:
        """Let go of what is over; once an hour, and when there is too much of it."""
        self._end_revoked()
        due = self._tidied is None or not timedelta() <= now - self._tidied < _TIDY
        if not due and len(self._known) <= _MOST + _OVER:
            return
        self._tidied = now
        moment = _octets(now)
        for key in [key for key, each in self._known.items() if each[_OCTETS:_ISSUED] <= moment]:
            self._forget(key)
        if (surplus := len(self._known) - _MOST) > 0:
            log.warning("more than %d lines of certificates: some are not followed", _MOST)
            last = nsmallest(surplus, map(_worth, self._known.rows()))[-1]
            found = (key for key, each in self._known.items() if _worth(each) <= last)
            for key in list(islice(found, surplus)):
                self._forget(key)

    def changes(self, most: int) -> list[Operation]:
        """Give rows that changed, so many at most; again until there are none.

        Each time they are to be written, and `written` be called, before anything else changes.
        """
        self._end_revoked()
        self._given = list(islice(self._dirty, most))
        written: list[Operation] = []
        for key in self._given:
            known = self._known.get(key)
            written.append(records.line(_line(known)) if known else records.forgotten(key))
        return written

    def written(self) -> None:
        """Take note that the rows which `changes` gave are written."""
        self._dirty.difference_update(self._given)

    def _end_revoked(self) -> None:
        """Forget the lines whose newest certificate is revoked, all of them in one go."""
        if not self._revoked:
            return
        revoked, self._revoked = self._revoked, set()
        for key in [key for key, each in self._known.items() if each[_PLACE:_REST] in revoked]:
            self._forget(key)

    def _forget(self, key: bytes) -> None:
        self._known.remove(key)
        self._dirty.add(key)


def _packed(line: Line) -> bytes:
    late = line.late_at
    return b"".join(
        (
            _NEVER if late is None else _octets(late),
            _octets(line.over_at),
            max((line.issued_at - _EPOCH) // _MICROSECOND, 0).to_bytes(_PLACE - _ISSUED),
            _place(line.kind, line.serial),
            _encoder.encode((line.names, line.not_after, line.waits)),
        )
    )


def _worth(packed: bytes) -> int:
    """Give a number that is lowest for who goes first, where all are too many.

    Those who never renewed are that, then those that were not seen longest.
    """
    has_habit = packed[:_OCTETS] != _NEVER
    return has_habit << 64 | int.from_bytes(packed[_ISSUED:_PLACE])


def _line(packed: bytes) -> Line:
    names, not_after, waits = _decoder.decode(packed[_REST:])
    place = int.from_bytes(packed[_PLACE:_REST])
    return Line(
        kind=CertificateKind.SSH if place & 1 else CertificateKind.X509,
        names=names,
        serial=place >> 1,
        issued_at=_EPOCH + int.from_bytes(packed[_ISSUED:_PLACE]) * _MICROSECOND,
        not_after=not_after,
        waits=waits,
    )


def _place(kind: CertificateKind, serial: int) -> bytes:
    """Write kind and serial number; what somebody asks for may be longer than there are any."""
    octets = _REST - _PLACE
    return ((serial << 1 | (kind is CertificateKind.SSH)) % (1 << 8 * octets)).to_bytes(octets)


def _octets(moment: datetime) -> bytes:
    """Write a time so that it sorts."""
    return max(int(moment.timestamp()), 0).to_bytes(_OCTETS)
