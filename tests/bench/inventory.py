"""python -m tests.bench.inventory: how long pages, searches and counts take among a million.

Fills a LevelDB with certificates as they are recorded, each with its own name, serial number and
time, journal included; some are renewed, expired or revoked. Then asks what people ask, several
times, and counts how long the event loop was silent meanwhile.
"""

import argparse
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter, process_time

import trio

from appliance.authority import index, journal, records
from appliance.authority.certificate_numbers import CertificateNumbers
from appliance.authority.counts import Counts
from appliance.authority.inventory import Inventory
from appliance.authority.journal_reading import JournalReader
from appliance.authority.journal_verification import Verification
from appliance.model.events import Event, EventKind
from appliance.model.grants import ProvisionerRef
from appliance.model.inventory import CertificateKind, CertificateQuery, CertificateState, Origin
from appliance.model.journal import JournalQuery
from appliance.ports.store import Operation, Store
from appliance.stores.leveldb import open_store
from tests.bench.revocation import Silence
from tests.support.authority import StandingClock
from tests.support.inventory import START, Sample

_BATCH = 20_000  # operations
_WEEK = timedelta(days=7)
_PROVISIONERS = tuple(ProvisionerRef(type="ACME", name=n, id=f"acme/{n}") for n in ("a", "b", "c"))
_NAME, _SERIAL = "h0000000.example.com", 1 << 126
_PATTERN = Sample(serial=_SERIAL, sans=(_NAME,), subject=_NAME).der()


def certificate(number: int, serial: int) -> bytes:
    """Write another name and serial number into a certificate; nobody looks at its signature."""
    der = _PATTERN.replace(b"h0000000", b"h%07d" % number)
    return der.replace(_SERIAL.to_bytes(16), serial.to_bytes(16))


def rows(certificates: int, end: datetime) -> Iterator[Sequence[Operation]]:
    chance, pause = Random(8), timedelta(days=365) / certificates
    for number in range(certificates):
        serial = 1 << 126 | chance.getrandbits(125)
        name, issued_at = f"h{number:07d}.example.com", end - (certificates - number) * pause
        not_after = issued_at + chance.random() * 20 * _WEEK
        provisioner, der = _PROVISIONERS[number % 3], certificate(number, serial)
        event = Event(
            at=issued_at, kind=EventKind.ISSUED, operation="sign", subject=name, sans=(name,),
            provisioner=provisioner.name, provisioner_type="ACME", serial=serial,
            not_after=not_after, client="192.0.2.1",
        )  # fmt: skip
        yield [
            *records.issued(
                certificate=der, serial=serial, provisioner=provisioner, subject=name,
                sans=(name,), not_after=not_after, issued_at=issued_at, token=None,
                origin=Origin(operation="sign", client="192.0.2.1", asked_by="account 7c5f"),
            ),
            journal.row(event),
        ]  # fmt: skip
        if number % 50 == 0:
            yield records.revoked(
                serial=serial, provisioner_id=provisioner.id, reason_code=1, reason="lost",
                revoked_at=issued_at, expires_at=not_after, token_id="", mtls=False,
                listed=index.Listed(
                    issued_at=issued_at, not_after=not_after, provisioner=provisioner.name
                ),
            )  # fmt: skip


async def fill(store: Store, certificates: int) -> None:
    waiting: list[Operation] = []
    for operations in rows(certificates, START):
        waiting += operations
        if len(waiting) >= _BATCH:
            await store.commit(waiting)
            waiting = []
    await store.commit(waiting)
    for step in range(0, 365, 5):  # as housekeeping would have, every hour of the year
        await Counts(store).settle(START - timedelta(days=360 - step))


def questions(store: Store, certificates: int) -> dict[str, Callable[[], Awaitable[object]]]:
    inventory, clock = Inventory(store), StandingClock(moment=START)
    some = certificates // 3
    serial = Random(8).getrandbits(125) | 1 << 126

    def page(**query: object) -> Callable[[], Awaitable[object]]:
        return partial(inventory.page, CertificateQuery(**query), START)  # type: ignore[arg-type]

    async def numbers() -> object:
        return await CertificateNumbers(store, clock).families()

    return {
        "first page": page(),
        "a name": page(name=f"h{some:07d}.example.com"),
        "names below a domain, the newest": page(name="*.example.com"),
        "a word that all names begin with": page(word="h0"),
        "a word that one name has": page(word=f"h{some:07d}"),
        "a word that no name has": page(word="zzz"),
        "the beginning of a serial number": page(serial=f"{serial:#x}"[:12]),
        "of a provisioner": page(provisioner="b"),
        "active": page(state=CertificateState.ACTIVE),
        "expired": page(state=CertificateState.EXPIRED),
        "revoked": page(state=CertificateState.REVOKED),
        "ending within a week": page(expires_after=START, expires_before=START + _WEEK),
        "issued in a month": page(issued_before=START - 8 * _WEEK, issued_after=START - 12 * _WEEK),
        "one certificate whole": partial(inventory.certificate, serial, START),
        "counts by state and provisioner": partial(Counts(store).of, CertificateKind.X509, START),
        "numbers for /metrics": numbers,
        "newest hundred of the journal": partial(
            JournalReader(store).page, JournalQuery(newest_first=True, limit=100)
        ),
    }


async def verify(store: Store) -> int:
    verification, query = Verification(), JournalQuery(limit=2000)
    while True:
        page = await JournalReader(store).page(query)
        for entry in page.entries:
            verification.take(entry)
        if page.complete:
            break
        query = JournalQuery(limit=2000, after=page.reached)
    verification.finish()
    if verification.problems:
        raise AssertionError(verification.problems)
    return verification.entries


async def measure(directory: Path, certificates: int, rounds: int) -> None:
    if not directory.exists():
        before = perf_counter()
        store = await open_store(directory)
        await fill(store, certificates)
        await store.aclose()
        print(f"{certificates} certificates written in {perf_counter() - before:.0f} s")
    store, silence = await open_store(directory), Silence()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(silence.watch)
        for name, ask in questions(store, certificates).items():
            times, worked = [], []
            silence.longest = 0.0
            for _ in range(rounds):
                before, began = perf_counter(), process_time()
                await ask()
                worked.append((process_time() - began) * 1000)
                times.append((perf_counter() - before) * 1000)
            print(
                f"{name}: first {times[0]:.1f} ms, median {median(times):.1f} ms "
                f"({median(worked):.1f} ms of a core), "
                f"longest silence {silence.longest * 1000:.1f} ms"
            )
        before = perf_counter()
        entries = await verify(store)
        print(f"journal of {entries} entries verified in {perf_counter() - before:.1f} s")
        nursery.cancel_scope.cancel()
    await store.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--certificates", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--directory", type=Path, help="keep the database here, or ask this one")
    given = parser.parse_args()
    if given.directory:
        trio.run(measure, given.directory, given.certificates, given.rounds)
        return
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as directory:
        trio.run(measure, Path(directory) / "db", given.certificates, given.rounds)


if __name__ == "__main__":
    main()
