"""A database meets what happens to files: power cuts, bits that flip, a disk that is full."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import plyvel
import pytest

from appliance.formats.leveldb import log
from appliance.model.errors import Broken
from appliance.ports.store import Append, Put, PutIfAbsent
from appliance.stores.leveldb import open_store
from appliance.stores.repair import repair

NOW = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
MEMORY = Path("/dev/shm")


@pytest.fixture
def quick() -> Iterator[Path]:
    """A directory in memory, where there is one: hundreds of databases are opened here."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        yield Path(name)


async def filled(directory: Path, transactions: int) -> list[int]:
    """Write transactions of three rows each; give where each ends in the log."""
    store = await open_store(directory)
    ends = []
    for number in range(transactions):
        await store.commit([
            PutIfAbsent("used_ott", b"%04d" % number, b"t" * 40),
            Put("x509_certs", b"%04d" % number, os.urandom(random.Random(number).randint(1, 900))),
            Append("hearth_events", b"{}"),
        ])  # fmt: skip
        (file,) = directory.glob("*.log")
        ends.append(file.stat().st_size)
    await store.aclose()
    return ends


async def rows(directory: Path) -> list[set[bytes]]:
    store = await open_store(directory, create=False)
    try:
        used, certificates = [
            {key for key, _ in await store.scan(bucket, limit=10_000)}
            for bucket in ("used_ott", "x509_certs")
        ]
        events = {b"%04d" % (int.from_bytes(key) - 1) for key, _ in await store.scan(
            "hearth_events", limit=10_000)}  # fmt: skip
        return [used, certificates, events]
    finally:
        await store.aclose()


async def test_a_last_write_cut_off_anywhere_loses_nothing_that_was_acknowledged(
    quick: Path,
) -> None:
    """A hundred points: the log ends there, or zeros follow as on some file systems."""
    ends = await filled(quick / "db", 120)
    luck = random.Random(8)
    for number in range(100):
        cut = luck.randint(1, ends[-1])
        copy = quick / f"copy{number}"
        shutil.copytree(quick / "db", copy)
        (file,) = copy.glob("*.log")
        octets = file.read_bytes()[:cut]
        file.write_bytes(octets + (bytes(luck.randint(100, 3000)) if number % 2 else b""))
        used, certificates, events = await rows(copy)
        whole = sum(end <= cut for end in ends)
        assert used == {b"%04d" % each for each in range(whole)}, cut
        assert used == certificates == events, "no half transactions"
        shutil.rmtree(copy)


async def test_damage_before_the_end_of_the_log_is_never_read_past(quick: Path) -> None:
    """LevelDB would open it without a word; repair keeps it, and says how much is whole."""
    ends = await filled(quick / "db", 60)
    luck = random.Random(9)
    for number in range(12):
        copy = quick / f"copy{number}"
        shutil.copytree(quick / "db", copy)
        (file,) = copy.glob("*.log")
        octets = bytearray(file.read_bytes())
        place = luck.randrange(ends[40])
        octets[place] ^= 1 << luck.randrange(8)
        file.write_bytes(octets)
        with pytest.raises(Broken, match="hearth db repair"):
            await rows(copy)
        assert file.read_bytes() == octets, "it was not touched"
        lost = sum(end <= place for end in ends)
        done = repair(copy, NOW)
        assert done.kept is not None
        assert (done.kept / file.name).read_bytes() == octets
        assert "cannot be read" in done.problems[0]
        used, certificates, events = await rows(copy)
        assert used == certificates == events
        assert used == {b"%04d" % each for each in range(60) if each != lost}
        assert repair(copy, NOW).kept is None, "there is nothing more to do"
        shutil.rmtree(copy)
        shutil.rmtree(done.kept)


async def test_a_log_is_written_as_leveldb_writes_it(quick: Path) -> None:
    ends = await filled(quick / "db", 200)
    (file,) = (quick / "db").glob("*.log")
    octets = file.read_bytes()
    found = log.read(octets)
    assert (len(found.transactions), found.damages, found.torn_at) == (200, [], None)
    assert found.whole_until == len(octets) == ends[-1]
    assert log.write(found.transactions) == octets


def tabled(directory: Path) -> Path:
    """Put all rows into one table."""
    database = plyvel.DB(str(directory))
    database.compact_range()
    database.close()
    (table,) = directory.glob("*.ldb")
    return table


async def scrubbed(directory: Path) -> tuple[int, list[str]]:
    store = await open_store(directory)
    start, count = b"", 0
    problems: list[str] = []
    try:
        while True:
            part = await store.scrub(start)
            count += sum(each.rows for each in part.sizes)
            problems += part.problems
            start = part.next
            if not start:
                return count, problems
    finally:
        await store.aclose()


async def test_a_flipped_bit_in_a_table_is_found_named_and_left_behind(quick: Path) -> None:
    """Scrub names the rows and goes on behind them; repair keeps all others."""
    await filled(quick / "db", 400)
    table = tabled(quick / "db")
    assert await scrubbed(quick / "db") == (1200, [])
    octets = bytearray(table.read_bytes())
    octets[len(octets) // 2] ^= 4
    table.write_bytes(octets)
    count, (problem,) = await scrubbed(quick / "db")
    assert problem.startswith(f"{table.name}: the rows after x509_certs/0")
    assert 1100 < count < 1200
    done = repair(quick / "db", NOW)
    assert done.problems == (problem,)
    assert done.kept is not None
    assert (done.kept / table.name).read_bytes() == octets
    assert await scrubbed(quick / "db") == (count, [])
    used, certificates, _ = await rows(quick / "db")
    assert len(used) == 400
    assert len(certificates) == count - 800


async def test_a_bit_in_a_table_s_index_and_a_missing_current_are_told_too(quick: Path) -> None:
    await filled(quick / "db", 50)
    tabled(quick / "db")
    (quick / "db" / "CURRENT").unlink()
    done = repair(quick / "db", NOW)
    assert "the database does not open" in done.problems[0]
    assert len((await rows(quick / "db"))[0]) == 50
    table = next((quick / "db").glob("*.ldb"))
    octets = bytearray(table.read_bytes())
    octets[-60] ^= 1
    table.write_bytes(octets)
    second = repair(quick / "db", NOW.replace(hour=16))
    assert f"{table.name} cannot be read" in second.problems[0]
    assert second.kept is not None
    assert (second.kept / table.name).exists()


FULL_DISK = """
import os, sys, trio
from pathlib import Path
from appliance.model.errors import Broken
from appliance.ports.store import Put, PutIfAbsent
from appliance.stores.leveldb import open_store

async def main(directory):
    store = await open_store(directory / "db")
    other = directory / "others"
    other.write_bytes(bytes(6 << 20))
    acknowledged = []

    async def client(name):
        for number in range(2000):
            key = b"%d-%d" % (name, number)
            try:
                await store.commit([
                    PutIfAbsent("used_ott", key, b"1"), Put("x509_certs", key, os.urandom(3000))
                ])
            except Broken:
                return
            acknowledged.append(key)

    async with trio.open_nursery() as nursery:
        for name in range(4):
            nursery.start_soon(client, name)
    assert "No space left" in store.failure, store.failure
    assert acknowledged
    try:
        await store.commit([Put("b", b"k", b"1")])
    except Broken as error:
        assert "takes no more writes" in str(error), error
    else:
        raise AssertionError("a write after a failed one")
    assert await store.get("used_ott", acknowledged[0]) == b"1", "reads go on"
    other.unlink()
    await store.recover()
    assert not store.failure
    await store.commit([Put("b", b"k", b"1")])
    for bucket in ("used_ott", "x509_certs"):
        found = {key for key, _ in await store.scan(bucket, limit=100_000)}
        assert set(acknowledged) <= found
    await store.aclose()

trio.run(main, Path(sys.argv[1]))
"""


def test_a_full_disk_loses_nothing_that_was_acknowledged_and_is_recovered_from(
    tmp_path: Path,
) -> None:
    """Others fill a disk of 16 MB in the middle of writes; then there is room again."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    small = f'mount -t tmpfs -o size=16m tmpfs {tmp_path} && exec "$0" -c "$1" {tmp_path}'
    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-c", small, sys.executable, FULL_DISK],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
