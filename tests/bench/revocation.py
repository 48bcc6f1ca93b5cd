"""python -m tests.bench.revocation: how long a revocation list takes, and what the server notices.

Fills a LevelDB with certificates and revocations as they are recorded (a certificate's DER stands
for all), publishes lists from it, and meanwhile asks every millisecond whether the event loop still
turns: the longest silence is what a request could have waited.
"""

import argparse
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from time import perf_counter

import trio

from appliance.authority import records, revoked_rows
from appliance.authority.crl import CrlPlan, CrlPublisher
from appliance.authority.revoked_rows import Revoked
from appliance.ports.store import Operation, Put, Store
from appliance.server.system import SystemClock
from appliance.stores.leveldb import open_store
from tests.support.authority import shared_hierarchy

_BATCH = 5000


class Silence:
    """The longest time between two turns of the event loop."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        before = perf_counter()
        while True:
            await trio.sleep(0.001)
            now = perf_counter()
            self.longest = max(self.longest, now - before - 0.001)
            before = now


def rows(certificates: int, revocations: int, *, listed: bool) -> Iterator[list[Operation]]:
    chance, now = Random(1), datetime.now(UTC)
    der = shared_hierarchy().issuer.certificate
    tag = revoked_rows.issuer_tag(shared_hierarchy().issuer)
    for number in range(certificates):
        serial = chance.getrandbits(127)
        key = records.serial_key(serial)
        operations: list[Operation] = [Put(records.CERTIFICATES, key, der)]
        if number < revocations:
            at, end = now - timedelta(seconds=number), now + timedelta(days=90)
            operations += records.revoked(
                serial=serial, provisioner_id="p", reason_code=number % 6, reason="",
                revoked_at=at, expires_at=end, token_id="", mtls=False,
            )  # fmt: skip
            if listed:
                revoked = Revoked(
                    serial=serial,
                    revoked_at=at,
                    reason_code=number % 6,
                    not_after=end,
                    issuer=tag,
                )
                operations.append(revoked_rows.row(revoked))
        yield operations


async def fill(store: Store, batches: Iterator[list[Operation]]) -> None:
    waiting: list[Operation] = []
    for operations in batches:
        waiting += operations
        if len(waiting) >= _BATCH:
            await store.commit(waiting)
            waiting = []
    await store.commit(waiting)


async def measure(directory: Path, certificates: int, revocations: int, *, listed: bool) -> None:
    store, clock = await open_store(directory), SystemClock()
    await fill(store, rows(certificates, revocations, listed=listed))
    publisher, silence = CrlPublisher(store, clock), Silence()
    plan = CrlPlan(
        issuers=shared_hierarchy().issuing(),
        url="http://ca.example/crl",
        cache_duration=timedelta(days=1),
        renew_period=timedelta(hours=16),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(silence.watch)
        nursery.start_soon(publisher.keep_fresh)
        await trio.sleep(0.1)
        for name in ("start", "revocation", "revocation"):
            silence.longest, before = 0.0, perf_counter()
            if name == "start":
                publisher.configure(plan)
                await publisher.current()
            else:
                await publisher.publish()
            took = perf_counter() - before
            published = await publisher.current()
            print(
                f"{name}: list {published.number}, {len(published.der)} octets, {took:.2f} s, "
                f"longest silence {silence.longest * 1000:.1f} ms"
            )
        nursery.cancel_scope.cancel()
    await store.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--certificates", type=int, default=1_000_000)
    parser.add_argument("--revocations", type=int, default=100_000)
    parser.add_argument("--foreign", action="store_true", help="as if step-ca had filled it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as directory:
        run = partial(
            measure,
            Path(directory) / "db",
            given.certificates,
            given.revocations,
            listed=not given.foreign,
        )
        trio.run(run)


if __name__ == "__main__":
    main()
