"""The lines of certificates that are followed: in memory, with a row each."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from appliance.authority import index
from appliance.authority.alerts import habits, records
from appliance.authority.alerts.habits import Line
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
_KEY_OCTETS: Final = 16
_OCTETS: Final = 5  # of a time, in seconds
_ISSUED: Final = 2 * _OCTETS  # where the time of the newest certificate begins, in microseconds
_REST: Final = _ISSUED + 8  # where the line itself begins
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NEVER: Final = b"\xff" * _OCTETS

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(
    tuple[CertificateKind, tuple[str, ...], bytes, datetime, tuple[float, ...]]
)


class Lines:
    """What is known of each line. Changes are rows to write, given by `changes`.

    Of tens of thousands of lines, each is kept as octets: when it is late, when it is over and when
    its newest certificate was issued, in a form that sorts, then what else there is to know of it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[int, bytes] = {}  # by key
        self._by_serial: dict[int, int] = {}  # the keys
        self._dirty: set[int] = set()
        self._tidied: datetime | None = None

    def __len__(self) -> int:
        return len(self._known)

    async def load(self) -> None:
        """Read the rows. Raises Broken."""
        async for line in records.rows(self._store, records.LINES, Line):
            self._set(_key(line), line)

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
        key = _key(line)
        packed = self._known.get(key)
        known = None if packed is None else _line(packed)
        new = habits.continued(known, line)
        if new is not known:
            self._set(key, new, known)
            self._dirty.add(key)

    def heard(self, event: Event) -> None:
        """Learn from an event; a revoked certificate ends its line."""
        if event.kind is EventKind.REVOKED and event.serial is not None:
            kind = CertificateKind.SSH if event.is_ssh else CertificateKind.X509
            if (key := self._by_serial.get(_place(kind, event.serial))) is not None:
                self._forget(key)
            return
        self.follow(habits.of_event(event))

    def findings(self, now: datetime, able_since: datetime) -> Iterator[Finding]:
        """Say which lines are late or quiet."""
        moment = _octets(now)
        for packed in list(self._known.values()):
            if packed[:_OCTETS] <= moment:
                yield from habits.findings(_line(packed), now, able_since)

    def changes(self, now: datetime) -> list[Operation]:
        """Give the rows that changed, and let go of what is over."""
        late = self._tidied is None or not timedelta() <= now - self._tidied < _TIDY
        if late or len(self._known) > _MOST + _OVER:
            self._tidied = now
            self._tidy(now)
        written: list[Operation] = []
        for key in self._dirty:
            known = self._known.get(key)
            written.append(
                records.line(_line(known))
                if known
                else records.forgotten(key.to_bytes(_KEY_OCTETS))
            )
        return written

    def written(self) -> None:
        """Take note that the rows which `changes` gave are written."""
        self._dirty.clear()

    def _tidy(self, now: datetime) -> None:
        moment = _octets(now)
        for key in [key for key, each in self._known.items() if each[_OCTETS:_ISSUED] <= moment]:
            self._forget(key)
        if len(self._known) > _MOST:
            # those who never renewed first, then those that were not seen longest
            order = sorted(
                self._known.items(),
                key=lambda each: (each[1][:_OCTETS] != _NEVER, each[1][_ISSUED:_REST]),
            )
            log.warning("more than %d lines of certificates: some are not followed", _MOST)
            for key, _ in order[: len(self._known) - _MOST]:
                self._forget(key)

    def _set(self, key: int, line: Line, old: Line | None = None) -> None:
        if old is not None:
            self._by_serial.pop(_place(old.kind, old.serial), None)
        self._known[key] = _packed(line)
        self._by_serial[_place(line.kind, line.serial)] = key

    def _forget(self, key: int) -> None:
        if (packed := self._known.pop(key, None)) is not None:
            old = _line(packed)
            self._by_serial.pop(_place(old.kind, old.serial), None)
            self._dirty.add(key)


def _packed(line: Line) -> bytes:
    serial, late = index.serial_octets(line.serial), line.late_at
    late_at = _NEVER if late is None else _octets(late)
    issued_at = max((line.issued_at - _EPOCH) // _MICROSECOND, 0).to_bytes(_REST - _ISSUED)
    rest = (line.kind, line.names, serial, line.not_after, line.waits)
    return late_at + _octets(line.over_at) + issued_at + _encoder.encode(rest)


def _line(packed: bytes) -> Line:
    kind, names, serial, not_after, waits = _decoder.decode(packed[_REST:])
    issued_at = _EPOCH + int.from_bytes(packed[_ISSUED:_REST]) * _MICROSECOND
    return Line(
        kind=kind,
        names=names,
        serial=int.from_bytes(serial),
        issued_at=issued_at,
        not_after=not_after,
        waits=waits,
    )


def _key(line: Line) -> int:
    """Give the key as a number, which takes less room than octets."""
    return int.from_bytes(line.key)


def _place(kind: CertificateKind, serial: int) -> int:
    """Give one number for kind and serial number."""
    return serial << 1 | (kind is CertificateKind.SSH)


def _octets(moment: datetime) -> bytes:
    """Write a time so that it sorts."""
    return max(int(moment.timestamp()), 0).to_bytes(_OCTETS)
