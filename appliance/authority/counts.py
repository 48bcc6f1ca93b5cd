"""How many certificates are in which state, without looking at any of them.

What was issued and what was revoked is counted as it happens, in the same transaction
(authority.index). What has expired is a matter of time: beside them stands, for each second in
which certificates end, how many of those are not revoked; all up to now are the expired ones.

Seconds that are over are put together under the last second that they stand for: those of an hour
two hours later, those of a day two days later, those of thirty days two months later. So few rows
are read, and a clock that was wrong for a while does no lasting harm.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import trio

from appliance.authority import index
from appliance.authority.kinds import KINDS
from appliance.model.errors import Conflict
from appliance.model.inventory import CertificateCounts, CertificateKind, ProvisionerCounts
from appliance.ports.store import Add, CompareAndSwap, Operation, Store

_STEP: Final = 5000  # rows
_LEVELS: Final = (
    (timedelta(hours=2), timedelta(hours=1)),  # older than this: one row for each of these
    (timedelta(days=2), timedelta(days=1)),
    (timedelta(days=60), timedelta(days=30)),
)
_ENDING: Final = index.COUNTED_ENDING
_TIME_END: Final = len(_ENDING) + index.NOT_AFTER_OCTETS


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of a store."""

    store: Store

    async def of(self, kind: CertificateKind, now: datetime) -> CertificateCounts:
        """Count the certificates of a kind by provisioner and state. Raises Broken."""
        issued = await self._totals(kind, index.COUNTED_ISSUED)
        revoked = await self._totals(kind, index.COUNTED_REVOKED)
        expired = await self._ending(kind, b"", index.not_after_octets(now))
        return CertificateCounts(
            kind=kind,
            counted_at=now,
            provisioners=tuple(
                ProvisionerCounts(
                    provisioner=key[:-1].decode(errors="replace"),
                    active=number - revoked[key] - expired[key],
                    expired=expired[key],
                    revoked=revoked[key],
                )
                for key, number in sorted(issued.items())
                if number
            ),
        )

    async def ending(self, kind: CertificateKind, start: datetime, stop: datetime) -> int:
        """Give how many active certificates end from `start` on and before `stop`. Raises Broken.

        Exact for times that are not yet over.
        """
        first, last = index.not_after_octets(start), index.not_after_octets(stop)
        return sum((await self._ending(kind, first, last)).values())

    async def settle(self, now: datetime) -> None:
        """Put together the rows of times that are over. Raises Broken."""
        for kind in CertificateKind:
            for age, length in _LEVELS:
                await self._join(kind, now - age, length)

    async def _totals(self, kind: CertificateKind, prefix: bytes) -> Mapping[bytes, int]:
        """Give the sums under a letter, by key of the provisioner."""
        found: defaultdict[bytes, int] = defaultdict(int)
        for key, value in await self._rows(kind, prefix, prefix + b"\xff"):
            found[key[len(prefix) :]] += _number(value)
        return found

    async def _ending(
        self, kind: CertificateKind, start: bytes, stop: bytes
    ) -> Mapping[bytes, int]:
        """Give how many that are not revoked end in a time, by key of the provisioner."""
        found: defaultdict[bytes, int] = defaultdict(int)
        for key, value in await self._rows(kind, _ENDING + start, _ENDING + stop):
            found[key[_TIME_END:]] += _number(value)
        return found

    async def _rows(
        self, kind: CertificateKind, start: bytes, stop: bytes
    ) -> list[tuple[bytes, bytes]]:
        bucket = KINDS[kind].buckets.counts
        found: list[tuple[bytes, bytes]] = []
        while rows := await self.store.scan(bucket, start=start, stop=stop, limit=_STEP):
            found += rows
            start = rows[-1][0] + b"\0"
            if len(rows) < _STEP:
                break
        return found

    async def _join(self, kind: CertificateKind, before: datetime, length: timedelta) -> None:
        """Put rows before a moment together, those of each `length` into one."""
        bucket, seconds = KINDS[kind].buckets.counts, int(length.total_seconds())
        moment = int.from_bytes(index.not_after_octets(before)) // seconds * seconds
        stop = _ENDING + moment.to_bytes(index.NOT_AFTER_OCTETS)
        groups: defaultdict[bytes, list[tuple[bytes, bytes]]] = defaultdict(list)
        for key, value in await self._rows(kind, _ENDING, stop):
            second = int.from_bytes(key[len(_ENDING) : _TIME_END])
            last = (second // seconds + 1) * seconds - 1
            target = _ENDING + last.to_bytes(index.NOT_AFTER_OCTETS) + key[_TIME_END:]
            groups[target].append((key, value))
        for target, rows in groups.items():
            others = [(key, value) for key, value in rows if key != target]
            if not others:
                continue
            operations: list[Operation] = [
                CompareAndSwap(bucket, key, old=value, new=None) for key, value in others
            ]
            total = sum(_number(value) for _, value in others)
            await trio.lowlevel.checkpoint()
            try:  # a crash that forgets it does no harm
                await self.store.note([*operations, Add(bucket, target, total)])
            except Conflict:
                continue  # one of them was revoked meanwhile, or joined: the next round has it


def _number(value: bytes) -> int:
    return int.from_bytes(value, signed=True)
