"""A publisher of revocation lists at work, and revocations as the authority records them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import trio

from appliance.authority import records, revoked_rows
from appliance.authority.crl import CrlPlan, CrlPublisher, PublishedList
from appliance.authority.issuers import Issuers
from appliance.authority.revoked_rows import Revoked
from appliance.formats import crl
from appliance.formats.crl import CrlFields
from appliance.ports.store import Operation, Store
from appliance.stores.memory import MemoryStore
from tests.support.authority import Hierarchy, StandingClock, shared_hierarchy

URL = "http://ca.example/crl"
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A revocation as `revoked_x509_certs` has it; `issuer` tells who issued, if that is known."""

    serial: int
    at: datetime
    reason_code: int = 0
    not_after: datetime | None = None
    issuer: bytes = revoked_rows.NOBODY

    def foreign(self) -> list[Operation]:
        """What step-ca would write."""
        return records.revoked(
            serial=self.serial, provisioner_id="p", reason_code=self.reason_code, reason="why",
            revoked_at=self.at, expires_at=self.not_after, token_id="t", mtls=False,
        )  # fmt: skip

    def ours(self) -> list[Operation]:
        """What we write."""
        revoked = Revoked(
            serial=self.serial, revoked_at=self.at, reason_code=self.reason_code,
            not_after=self.not_after, issuer=self.issuer,
        )  # fmt: skip
        return [*self.foreign(), revoked_rows.row(revoked)]


@dataclass(slots=True, kw_only=True)
class Lists:
    """A publisher, its clock and its store."""

    store: Store = field(default_factory=MemoryStore)
    clock: StandingClock = field(default_factory=StandingClock)
    pki: Hierarchy = field(default_factory=shared_hierarchy)
    issuers: Issuers | None = None
    publisher: CrlPublisher = field(init=False)

    def __post_init__(self) -> None:
        self.publisher = CrlPublisher(self.store, self.clock)

    def plan(self, **changes: Any) -> CrlPlan:
        issuers = self.issuers or self.pki.issuing()
        plan = CrlPlan(issuers=issuers, url=URL, cache_duration=DAY, renew_period=DAY * 2 / 3)
        return replace(plan, **changes)

    @asynccontextmanager
    async def published(self, **changes: timedelta) -> AsyncIterator[CrlPublisher]:
        """Publish while the block runs."""
        async with trio.open_nursery() as nursery:
            self.publisher.configure(self.plan(**changes))
            nursery.start_soon(self.publisher.keep_fresh)
            yield self.publisher
            nursery.cancel_scope.cancel()

    async def once(self) -> PublishedList:
        """Start as a new process would, give its first list, and end."""
        self.publisher = CrlPublisher(self.store, self.clock)
        async with self.published() as publisher:
            await publisher.publish()
            return await publisher.current()

    async def record(self, revocations: Sequence[Recorded], *, foreign: bool = False) -> None:
        for each in revocations:
            await self.store.commit(each.foreign() if foreign else each.ours())


def read(published: PublishedList) -> CrlFields:
    return crl.parse(published.der)


def serials(published: PublishedList) -> list[int]:
    return [each.serial for each in read(published).entries()]
