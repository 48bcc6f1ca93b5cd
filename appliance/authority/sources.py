"""Where a list's entries come from: the narrowest range of the index that has its order.

Where no bucket has both the selection and the order asked for, the selection is gathered and
sorted, as long as it has no more than MOST_GATHERED entries. Beyond that, entries of the selection
are so many that a walk over all in the right order meets them often.
"""

import enum
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol, final

from appliance.authority import index, serials, words
from appliance.authority.index import Buckets
from appliance.authority.kinds import KINDS, Kind
from appliance.model.inventory import CertificateQuery, CertificateState
from appliance.ports.store import Store

MOST_GATHERED: Final = 5000
_FIRST_CHUNK: Final = 100  # rows of the first scan; those that follow are longer
_CHUNK: Final = 1000
_EXPIRY: Final = {kind.buckets.expiry for kind in KINDS.values()}
_REVOKED: Final = {kind.buckets.revoked for kind in KINDS.values()}


class Order(enum.StrEnum):
    """How a list is sorted; the value is what its cursors begin with."""

    NEWEST_FIRST = "n"
    SOONEST_EXPIRY_FIRST = "e"


class Entry(NamedTuple):
    """A certificate in the index. `not_after` is empty where the row does not tell it."""

    place: bytes
    not_after: bytes

    @property
    def serial(self) -> int:
        """The serial number."""
        return index.read_serial(self.place)

    @property
    def issued_at(self) -> datetime:
        """When it was issued."""
        return index.read_issued(self.place)

    def position(self, order: Order) -> bytes:
        """Give what the order sorts by."""
        return self.place if order is Order.NEWEST_FIRST else self.not_after + self.place


class Source(Protocol):
    """Entries in the order of the query, from its cursor on."""

    async def next(self) -> Entry | None:
        """Give the next entry; None after the last."""
        ...


def order_of(query: CertificateQuery) -> Order:
    """Tell how the answer is sorted."""
    by_expiry = query.expires_before or query.expires_after
    return Order.SOONEST_EXPIRY_FIRST if by_expiry else Order.NEWEST_FIRST


async def choose(
    store: Store, query: CertificateQuery, now: datetime, after: bytes | None
) -> Source:
    """Find the source for a query, behind the position `after`. Raises BadRequest, Broken."""
    order, kind = order_of(query), KINDS[query.kind]
    buckets = kind.buckets
    gathered: Iterable[Entry] | None = None
    if query.serial or query.word:
        gathered = await _searched(store, kind, query)
    elif name := query.principal or query.name:
        if order is Order.NEWEST_FIRST and not name.startswith("*."):
            return _newest(store, buckets.names, index.name_key(name), after, query)
        gathered = await _by_name(store, buckets, name)
    elif order is Order.NEWEST_FIRST:
        if query.state is CertificateState.REVOKED:
            return _newest(store, buckets.revoked, b"", after, query)
        if query.state is not None:
            gathered = await _by_expiry(store, buckets, query.state, now)
        if gathered is None and query.provisioner:
            prefix = index.provisioner_key(query.provisioner)
            return _newest(store, buckets.provisioners, prefix, after, query)
    if gathered is not None:
        return _Gathered(gathered, order, after)
    if order is Order.NEWEST_FIRST:
        return _newest(store, buckets.issued, b"", after, query)
    return _soonest(store, query, now, after)


# ---- ranges that have the order


@final
class _Range:
    """A range of a bucket, read as the list goes on."""

    def __init__(
        self,
        store: Store,
        bucket: str,
        *,
        skip: int = 0,  # octets of the key before its position
        start: bytes = b"",
        stop: bytes | None = None,
        reverse: bool = False,
    ) -> None:
        self._store = store
        self._bucket = bucket
        self._skip = skip
        self._start = start
        self._stop = stop
        self._reverse = reverse
        self._limit = _FIRST_CHUNK
        self._read: list[Entry] = []  # in reverse: the next one is the last

    async def next(self) -> Entry | None:
        if not self._read:
            await self._read_on()
        return self._read.pop() if self._read else None

    async def _read_on(self) -> None:
        if self._limit == 0:
            return
        rows = await self._store.scan(
            self._bucket,
            start=self._start,
            stop=self._stop,
            reverse=self._reverse,
            limit=self._limit,
        )
        if len(rows) < self._limit:
            self._limit = 0
        else:
            self._limit = _CHUNK
            if self._reverse:
                self._stop = rows[-1][0]
            else:
                self._start = rows[-1][0] + b"\0"
        self._read = [_entry(self._bucket, key[self._skip :], value) for key, value in rows]
        self._read.reverse()


def _entry(bucket: str, position: bytes, value: bytes) -> Entry:
    """Read a row of a bucket whose keys end with a position."""
    if bucket in _EXPIRY:
        octets = index.NOT_AFTER_OCTETS
        return Entry(position[octets:], position[:octets])
    return Entry(position, b"" if bucket in _REVOKED else value)


def _newest(
    store: Store, bucket: str, prefix: bytes, after: bytes | None, query: CertificateQuery
) -> Source:
    """Walk back over the places of a bucket, or of one name in it, issued when it is asked for."""
    earliest, latest = issued_bounds(query)
    stops = [latest, after] if latest is not None else [after]
    stop = min((prefix + each for each in stops if each is not None), default=_end(prefix))
    return _Range(store, bucket, skip=len(prefix), start=prefix + earliest, stop=stop, reverse=True)


def issued_bounds(query: CertificateQuery) -> tuple[bytes, bytes | None]:
    """Give the octets that places start from and stop before, None where there is no bound."""
    after, before = query.issued_after, query.issued_before
    return (
        index.issued_octets(after) if after else b"",
        index.issued_octets(before) if before else None,
    )


def _soonest(store: Store, query: CertificateQuery, now: datetime, after: bytes | None) -> Source:
    """Walk on over the times of expiry, within the bounds that the query sets."""
    starts = [query.expires_after, now if query.state is CertificateState.ACTIVE else None]
    stops = [query.expires_before, now if query.state is CertificateState.EXPIRED else None]
    start = max((index.not_after_octets(each) for each in starts if each), default=b"")
    stop = min((index.not_after_octets(each) for each in stops if each), default=None)
    if after is not None:
        start = max(start, after + b"\0")
    return _Range(store, KINDS[query.kind].buckets.expiry, start=start, stop=stop)


def _end(prefix: bytes) -> bytes | None:
    """Give the first key behind all that begin with the prefix, which ends below 255."""
    return prefix[:-1] + bytes((prefix[-1] + 1,)) if prefix else None


# ---- sets that are sorted


@final
class _Gathered:
    """Entries that were gathered whole."""

    def __init__(self, entries: Iterable[Entry], order: Order, after: bytes | None) -> None:
        newest = order is Order.NEWEST_FIRST
        by_position = {entry.position(order): entry for entry in entries}
        positions = sorted(by_position, reverse=not newest)  # the next one is the last
        if after is not None:
            positions = [each for each in positions if (each < after if newest else each > after)]
        self._left = [by_position[position] for position in positions]

    async def next(self) -> Entry | None:
        return self._left.pop() if self._left else None


async def _by_name(store: Store, buckets: Buckets, name: str) -> list[Entry] | None:
    """Gather the certificates with a name, or with one below `*.domain`; None: too many."""
    below = name.startswith("*.")
    prefix = index.below_key(name[2:]) if below else index.name_key(name)
    rows = await store.scan(buckets.names, start=prefix, stop=_end(prefix), limit=MOST_GATHERED + 1)
    return _named(rows)


def _named(rows: Sequence[tuple[bytes, bytes]]) -> list[Entry] | None:
    """Read rows of names; None: too many."""
    if len(rows) > MOST_GATHERED:
        return None
    return [Entry(key[key.index(b"\0") + 1 :], value) for key, value in rows]


async def _by_expiry(
    store: Store, buckets: Buckets, state: CertificateState, now: datetime
) -> list[Entry] | None:
    """Gather the certificates that have expired, or that have not; None: too many."""
    moment = index.not_after_octets(now)
    active = state is CertificateState.ACTIVE
    rows = await store.scan(
        buckets.expiry,
        start=moment if active else b"",
        stop=None if active else moment,
        limit=MOST_GATHERED + 1,
    )
    if len(rows) > MOST_GATHERED:
        return None
    return [_entry(buckets.expiry, key, value) for key, value in rows]


async def _searched(store: Store, kind: Kind, query: CertificateQuery) -> list[Entry] | None:
    """Gather what a search by serial number, or else by a word of a name, finds; None: too many."""
    if query.serial:
        return await _by_serial(store, kind, query.serial)
    return _named(await words.rows(store, kind.buckets, query.word, MOST_GATHERED))


async def _by_serial(store: Store, kind: Kind, beginning: str) -> list[Entry] | None:
    """Gather the certificates whose serial number begins so; None: too many."""
    wanted = serials.read(beginning)
    entries: list[Entry] = []
    for start, stop in wanted.ranges:
        bucket = kind.certificates if wanted.decimal else kind.buckets.serials
        rows = await store.scan(bucket, start=start, stop=stop, limit=MOST_GATHERED + 1)
        if len(rows) > MOST_GATHERED:
            return None
        for key, _ in rows:
            number = int(key) if wanted.decimal else int.from_bytes(key)
            octets = index.serial_octets(number)
            if row := await store.get(kind.buckets.serials, octets):
                end = index.ISSUED_OCTETS + index.NOT_AFTER_OCTETS
                issued, not_after = row[: index.ISSUED_OCTETS], row[index.ISSUED_OCTETS : end]
                entries.append(Entry(issued + octets, not_after))
    return entries
