"""Lists of issued certificates, each a walk over ranges of the index.

A query has one *order* (newest first, or soonest expiry first) and is answered from one *source*
in that order: a range of a bucket that has it already, or a set that is small enough to be
gathered and sorted. What a source cannot decide is asked of the index row by row, and of the
certificate itself last. A cursor is the position of the last entry shown, so pages stay in step
while certificates are issued.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
import trio

from appliance.authority import index, records, serials, sources, words
from appliance.authority.kinds import KINDS, Kind
from appliance.authority.serials import SerialBeginning
from appliance.authority.sources import Entry, Order
from appliance.formats import base64url
from appliance.model.errors import BadRequest, FormatError, NotFound
from appliance.model.inventory import (
    CertificateDetail,
    CertificateKind,
    CertificatePage,
    CertificateQuery,
    CertificateState,
    CertificateSummary,
    Origin,
)
from appliance.ports.store import Store

LARGEST_PAGE: Final = 1000
_LONGEST_CHAIN: Final = 50  # renewals that are followed back
_MOST_SUCCESSORS: Final = 50


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was issued, as the store has it. States are those at the given time."""

    store: Store

    async def page(self, query: CertificateQuery, now: datetime) -> CertificatePage:
        """Give one page; a limit above LARGEST_PAGE counts as that.

        Raises BadRequest for a cursor, a limit or a serial number that cannot be, Broken.
        """
        if query.limit < 1:
            raise BadRequest(f"a page of {query.limit} certificates cannot be: ask for 1 or more")
        limit = min(query.limit, LARGEST_PAGE)
        order = sources.order_of(query)
        source = await sources.choose(self.store, query, now, _read_cursor(query.cursor, order))
        wanted = _wanted(query, now)
        found: list[CertificateSummary] = []
        last: Entry | None = None
        while (entry := await source.next()) is not None:
            summary = await self._matching(entry, wanted, now)
            if summary is None:
                continue
            if len(found) == limit and last is not None:
                return CertificatePage(certificates=tuple(found), cursor=_write_cursor(last, order))
            found.append(summary)
            last = entry
        return CertificatePage(certificates=tuple(found), cursor="")

    async def certificate(
        self, serial: int, now: datetime, kind: CertificateKind = CertificateKind.X509
    ) -> CertificateDetail:
        """Give one certificate. Raises NotFound, Broken."""
        where = KINDS[kind]
        issued_at = await records.issued_at(self.store, serial, where.buckets)
        der = await self.store.get(where.certificates, records.serial_key(serial))
        if der is None:
            raise NotFound(f"there is no certificate with serial number {serial}")
        try:
            summary = await self._summary(serial, der, issued_at, kind, now)
        except FormatError as error:
            raise NotFound(f"certificate {serial} cannot be read", detail=error.public) from error
        origin = await self._origin(where, serial)
        return CertificateDetail(
            summary=summary,
            der=der,
            origin=origin,
            before=await self._before(where, origin),
            renewed_by=await self._successors(where, serial),
        )

    async def _origin(self, where: Kind, serial: int) -> Origin | None:
        """Give how a certificate came about; a row that cannot be read tells nothing."""
        if serial < 0:
            return None
        row = await self.store.get(where.buckets.origins, index.serial_octets(serial))
        try:
            return index.read_origin(row) if row else None
        except msgspec.DecodeError:
            return None

    async def _before(self, where: Kind, origin: Origin | None) -> tuple[int, ...]:
        """Follow renewals back, the first certificate first, as far as is recorded."""
        chain: list[int] = []
        while origin is not None and origin.replaces is not None and len(chain) < _LONGEST_CHAIN:
            if origin.replaces in chain:
                break
            chain.append(origin.replaces)
            origin = await self._origin(where, origin.replaces)
        return tuple(reversed(chain))

    async def _successors(self, where: Kind, serial: int) -> tuple[int, ...]:
        """Give the newest certificates that one was renewed or rekeyed by."""
        if serial < 0:
            return ()
        prefix = index.successors_key(serial)
        rows = await self.store.scan(
            where.buckets.successors,
            start=prefix,
            stop=prefix + b"\xff",
            reverse=True,
            limit=_MOST_SUCCESSORS,
        )
        return tuple(index.read_serial(key[len(prefix) :]) for key, _ in reversed(rows))

    async def _matching(
        self, entry: Entry, wanted: "_Wanted", now: datetime
    ) -> CertificateSummary | None:
        """Give the entry as a line of the list; None when it is not asked for."""
        if not await self._is_wanted(entry, wanted):
            return None
        der = await self.store.get(wanted.where.certificates, records.serial_key(entry.serial))
        if der is None:
            return None  # taken away by another program that shares the database
        try:
            summary = await self._summary(entry.serial, der, entry.issued_at, wanted.kind, now)
        except FormatError:
            return None
        return summary if wanted.names(summary) else None

    async def _is_wanted(self, entry: Entry, wanted: "_Wanted") -> bool:
        """Judge an entry by rows of the index, before the certificate is read."""
        if wanted.serial is not None and not wanted.serial.matches(entry.serial):
            return False
        if not wanted.issued_from <= entry.place < wanted.issued_until:
            return False
        buckets = wanted.where.buckets
        not_after = entry.not_after or await self.store.get(buckets.issued, entry.place) or b""
        if not wanted.earliest <= not_after < wanted.latest:
            return False
        if wanted.provisioner:
            key = wanted.provisioner + entry.place
            if await self.store.get(buckets.provisioners, key) is None:
                return False
        if wanted.state is None:
            return True
        revocation = await self.store.get(
            wanted.where.revocations, records.serial_key(entry.serial)
        )
        is_revoked = revocation is not None
        return is_revoked == (wanted.state is CertificateState.REVOKED)

    async def _summary(
        self,
        serial: int,
        der: bytes,
        issued_at: datetime | None,
        kind: CertificateKind,
        now: datetime,
    ) -> CertificateSummary:
        """Put a certificate's line together from its rows. Raises FormatError, Broken."""
        await trio.lowlevel.checkpoint()
        where = KINDS[kind]
        read = where.read(der)
        provisioner = await records.provisioner_of(self.store, serial, where.data)
        revocation = await records.revocation(self.store, serial, where.revocations)
        if revocation is not None:
            state = CertificateState.REVOKED
        elif read.not_after < now.replace(microsecond=0):
            state = CertificateState.EXPIRED
        else:
            state = CertificateState.ACTIVE
        return CertificateSummary(
            serial=serial,
            subject=read.subject,
            sans=read.sans,
            provisioner=provisioner.name if provisioner else where.provisioner_name(der),
            provisioner_type=provisioner.type if provisioner else "",
            not_before=read.not_before,
            not_after=read.not_after,
            issued_at=issued_at or read.not_before,
            state=state,
            revocation=revocation,
            kind=kind,
            certificate_type=read.certificate_type,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A query as rows of the index are compared with it."""

    kind: CertificateKind
    where: Kind
    name: str
    serial: SerialBeginning | None
    provisioner: bytes  # what its keys begin with; empty: any
    state: CertificateState | None
    earliest: bytes  # of the time of expiry
    latest: bytes  # from here on no longer
    principal: str
    word: str
    issued_from: bytes  # of the place
    issued_until: bytes

    def names(self, summary: CertificateSummary) -> bool:
        """Judge a certificate by its names."""
        names = [each for each in (summary.subject, *summary.sans) if each]
        asked = (
            (self.name, index.name_matches, names),
            (self.word, words.matches, names),
            (self.principal, index.name_matches, summary.sans),
        )
        return all(
            not wanted or any(match(wanted, each) for each in given)
            for wanted, match, given in asked
        )


def _wanted(query: CertificateQuery, now: datetime) -> _Wanted:
    moment = index.not_after_octets(now)
    active, expired = (
        query.state is each for each in (CertificateState.ACTIVE, CertificateState.EXPIRED)
    )
    after, before = query.expires_after, query.expires_before
    earliest = index.not_after_octets(after) if after else b""
    latest = index.not_after_octets(before) if before else b"\xff"
    issued_from, issued_until = sources.issued_bounds(query)
    return _Wanted(
        kind=query.kind,
        where=KINDS[query.kind],
        name=query.name,
        serial=serials.read(query.serial) if query.serial else None,
        provisioner=index.provisioner_key(query.provisioner) if query.provisioner else b"",
        state=query.state,
        earliest=max(earliest, moment) if active else earliest,
        latest=min(latest, moment) if expired else latest,
        principal=query.principal,
        word=query.word,
        issued_from=issued_from,
        issued_until=b"\xff" if issued_until is None else issued_until,
    )


def _write_cursor(entry: Entry, order: Order) -> str:
    return base64url.encode(order.value.encode() + entry.position(order))


def _read_cursor(cursor: str, order: Order) -> bytes | None:
    """Give the position after which to go on. Raises BadRequest."""
    if not cursor:
        return None
    try:
        octets = base64url.decode(cursor)
    except FormatError:
        octets = b""
    if not octets.startswith(order.value.encode()) or len(octets) <= 1 + index.ISSUED_OCTETS:
        raise BadRequest("the cursor is not one that a page of this list ended with")
    return octets[1:]
