"""An operator's clock and database, for tests of what shows them."""

from datetime import UTC, datetime

from appliance.model.upkeep import BucketSize, ClockStatus, DatabaseStats, ScrubPart

_NOW = datetime(2026, 11, 21, 14, 2, 11, tzinfo=UTC)


class KeptBox:
    """The part of an Operator that is about the box itself."""

    clock_problem = ""

    async def clock(self) -> ClockStatus:
        return ClockStatus(now=_NOW, highest=_NOW, synchronized=True, problem=self.clock_problem)

    async def confirm_clock(self) -> ClockStatus:
        self.clock_problem = ""
        return await self.clock()

    async def database(self) -> DatabaseStats:
        return DatabaseStats(
            directory="/var/lib/hearth/db", files=7, octets=3 << 20, free=9 << 30,
            refuse_below=32 << 20,
        )  # fmt: skip

    async def scrub_database(self, start: bytes = b"") -> ScrubPart:
        return ScrubPart(sizes=(BucketSize(bucket="x509_certs", rows=48, octets=40_000),))

    async def compact_database(self) -> None:
        return None
