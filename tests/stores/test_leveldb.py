"""What is LevelDB's own: locks, damage, a full disk, power."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import plyvel
import pytest
import trio

from appliance.model.errors import Broken, Conflict, Unavailable
from appliance.ports.store import Delete, Put, PutIfAbsent
from appliance.stores.directory import StoreAbsent, StoreLocked
from appliance.stores.leveldb import open_store

ROOT = Path(__file__).resolve().parents[2]


def script(text: str, *arguments: str | Path) -> list[str]:
    prelude = (
        "import sys, trio; from pathlib import Path\n"
        "from appliance.stores.leveldb import open_store\n"
        "from appliance.ports.store import *\n"
    )
    return [sys.executable, "-c", prelude + text, *map(str, arguments)]


HOLD = script("""
async def main():
    store = await open_store(Path(sys.argv[1]))
    print("open", flush=True)
    await trio.sleep(60)
trio.run(main)
""")


async def test_another_process_is_told_who_has_it(tmp_path: Path) -> None:
    with subprocess.Popen([*HOLD, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"open\n"
            with pytest.raises(StoreLocked) as raised:
                await open_store(tmp_path)
        finally:
            holder.kill()
    assert raised.value.pid == holder.pid
    assert str(raised.value) == f"the database {tmp_path} is in use by process {holder.pid}"
    store = await open_store(tmp_path)  # the lock went with its holder
    await store.aclose()


async def test_a_second_open_in_this_process_does_not_drop_the_lock(tmp_path: Path) -> None:
    """LevelDB alone would drop it: POSIX locks go when any descriptor of the file is closed."""
    store = await open_store(tmp_path)
    for name in (tmp_path, tmp_path / ".." / tmp_path.name):
        with pytest.raises(StoreLocked, match="this process already") as raised:
            await open_store(name)
        assert raised.value.pid == os.getpid()
    foreign = "import plyvel, sys; plyvel.DB(sys.argv[1])"
    tried = subprocess.run(
        [sys.executable, "-c", foreign, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert "IOError" in tried.stderr
    await store.commit([Put("b", b"k", b"1")])
    await store.aclose()


async def test_a_program_that_knows_only_leveldb_s_lock_is_named_too(tmp_path: Path) -> None:
    foreign = (
        "import plyvel, sys, time; db = plyvel.DB(sys.argv[1], create_if_missing=True); "
        "print('open', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", foreign, str(tmp_path)], stdout=subprocess.PIPE
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"open\n"
            with pytest.raises(StoreLocked) as raised:
                await open_store(tmp_path)
        finally:
            holder.kill()
    assert raised.value.pid == holder.pid


async def test_a_new_directory_is_its_owner_s_alone(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "a" / "db")
    assert (tmp_path / "a" / "db").stat().st_mode & 0o777 == 0o700
    assert store.description == f"LevelDB {tmp_path / 'a' / 'db'}"
    await store.aclose()


async def test_nothing_is_made_where_a_database_was_expected(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "missing"):
        with pytest.raises(StoreAbsent, match="there is no database in"):
            await open_store(directory, create=False)
    assert list(tmp_path.iterdir()) == []


async def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Broken, match=f"{tmp_path / 'file' / 'db'} cannot be made"):
        await open_store(tmp_path / "file" / "db")


async def test_a_badger_directory_is_left_alone(tmp_path: Path) -> None:
    for name in ("000000.vlog", "000001.sst", "MANIFEST"):
        (tmp_path / name).touch()
    with pytest.raises(Broken, match="holds a Badger database"):
        await open_store(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


async def test_without_current_the_tables_are_not_taken_for_rubbish(tmp_path: Path) -> None:
    """LevelDB would begin a new database and delete them."""
    store = await open_store(tmp_path)
    await store.commit([Put("b", b"k", b"1")])
    await store.aclose()
    (await open_store_and_close(tmp_path)).unlink()
    before = {file.name for file in tmp_path.iterdir()}
    for _ in range(2):
        with pytest.raises(Broken, match="its file CURRENT is missing"):
            await open_store(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == before


async def open_store_and_close(directory: Path) -> Path:
    """The second opening turns the log into a table."""
    await (await open_store(directory)).aclose()
    return directory / "CURRENT"


async def test_a_manifest_that_is_gone_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    await store.commit([Put("b", b"k", b"1")])
    await store.aclose()
    (manifest,) = tmp_path.glob("MANIFEST-*")
    manifest.rename(tmp_path / "kept")
    with pytest.raises(Broken, match=f"the database {tmp_path} cannot be opened"):
        await open_store(tmp_path)
    (tmp_path / "kept").rename(manifest)
    store = await open_store(tmp_path)
    assert await store.get("b", b"k") == b"1"
    await store.aclose()


async def test_a_flipped_bit_on_disk_is_an_error_and_not_a_value(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    await store.commit([Put("b", b"%03d" % n, os.urandom(500)) for n in range(50)])
    await store.aclose()
    with_tables = plyvel.DB(str(tmp_path))
    with_tables.compact_range()
    with_tables.close()
    (table,) = tmp_path.glob("*.ldb")
    octets = bytearray(table.read_bytes())
    octets[1000] ^= 1
    table.write_bytes(octets)
    store = await open_store(tmp_path)
    with pytest.raises(Broken, match="cannot be read") as raised:
        await store.get("b", b"001")
    assert "orruption" in raised.value.detail
    for limit in (100, 10_000):
        with pytest.raises(Broken, match="cannot be read"):
            await store.scan("b", limit=limit)
    await store.aclose()


async def test_after_a_failed_write_nothing_is_acknowledged(tmp_path: Path) -> None:
    """The disk is full: that batch fails, all that wait with it, and all that come."""
    store = await open_store(tmp_path)
    await store.commit([Put("b", b"before", b"x")])
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    outcomes: list[str] = []

    async def commit(number: int) -> None:
        try:
            await store.commit([Put("b", b"%d" % number, bytes(1000) + os.urandom(70_000))])
        except Broken as error:
            outcomes.append(error.public)
        else:
            outcomes.append("written")

    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, kept[1]))
        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(commit, number)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
        signal.signal(signal.SIGXFSZ, ignored)
    assert "written" in outcomes  # the first one had room
    assert len(set(outcomes)) == 2
    assert any("takes no more writes until it is opened again" in each for each in outcomes)
    with pytest.raises(Broken) as raised:  # there is room again, but who knows what is on disk
        await store.commit([Put("b", b"after", b"x")])
    assert "too large" in raised.value.detail
    assert await store.get("b", b"before") == b"x"
    await store.aclose()
    store = await open_store(tmp_path)
    await store.commit([PutIfAbsent("b", b"after", b"x")])
    assert await store.get("b", b"after") == b"x"
    await store.aclose()


LOAD = script("""
async def client(store, name, round):
    number = 0
    while True:
        number += 1
        key = b"%d-%d-%d" % (round, name, number)
        await store.commit([
            PutIfAbsent("used_ott", key, b"t" * 300), Put("x509_certs", key, b"c" * 600),
            Put("x509_certs_data", key, b"d" * 100), Put("hearth_x509", key, b"i"),
        ])
        sys.stdout.buffer.write(key + b"\\n")
        sys.stdout.buffer.flush()

async def main():
    store = await open_store(Path(sys.argv[1]))
    async with trio.open_nursery() as nursery:
        for name in range(16):
            nursery.start_soon(client, store, name, int(sys.argv[2]))
trio.run(main)
""")
BUCKETS = ("used_ott", "x509_certs", "x509_certs_data", "hearth_x509")


async def test_kill_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """In each of several rounds: all rows of what was answered, and no half transactions."""
    acknowledged: set[bytes] = set()
    for number in range(5):
        with subprocess.Popen(
            [*LOAD, str(tmp_path), str(number)], stdout=subprocess.PIPE, cwd=ROOT
        ) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(100 + 237 * number)]
            process.kill()
            lines += process.stdout.read().splitlines(keepends=True)
        assert process.returncode == -signal.SIGKILL
        acknowledged |= {line.rstrip() for line in lines if line.endswith(b"\n")}
        store = await open_store(tmp_path, create=False)
        found = [
            {key for key, _ in await store.scan(bucket, limit=1_000_000)} for bucket in BUCKETS
        ]
        assert acknowledged <= found[0]
        assert all(keys == found[0] for keys in found)
        with pytest.raises(Conflict):
            await store.commit([PutIfAbsent("used_ott", min(acknowledged), b"again")])
        await store.aclose()
    assert len(acknowledged) > 2000


def test_the_errors_are_of_the_family() -> None:
    assert issubclass(StoreLocked, Unavailable)
    assert issubclass(StoreAbsent, Unavailable)


async def test_compacting_gives_back_the_room_of_what_was_removed(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "db")
    try:
        keys = [b"%04d" % number for number in range(2000)]
        await store.commit([Put("bucket", key, os.urandom(2000)) for key in keys])
        await store.compact()
        full = sum(file.stat().st_size for file in (tmp_path / "db").glob("*.ldb"))
        await store.commit([Delete("bucket", key) for key in keys])
        await store.compact()
        left = sum(file.stat().st_size for file in (tmp_path / "db").glob("*.ldb"))
    finally:
        await store.aclose()
    assert full > 4_000_000
    assert left < 100_000
