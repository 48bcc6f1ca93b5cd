"""Rows kept in memory are those on disk, and never many."""

from pathlib import Path
from random import Random

from appliance.ports.store import Delete, Operation, Put
from appliance.stores.lately import LatelySeen
from appliance.stores.leveldb import open_store


def test_the_young_come_before_the_old() -> None:
    rows = LatelySeen()
    rows.add(b"k", b"1")
    for number in range(2000):
        rows.add(b"%d" % number, b"x")
    assert rows.get(b"k") == b"1"
    rows.add(b"k", b"2")
    assert rows.get(b"k") == b"2"
    rows.written({b"k": None})
    assert rows.get(b"k") == b""


def test_only_so_many_and_no_large_ones_are_kept() -> None:
    rows = LatelySeen()
    for number in range(10_000):
        rows.add(b"%d" % number, b"x")
    kept = [number for number in range(10_000) if rows.get(b"%d" % number)]
    assert 2000 <= len(kept) <= 4000
    assert kept[-1] == 9999
    rows.add(b"9999", b"y" * 5000)
    assert rows.get(b"9999") is None


def test_what_is_not_written_again_is_gone_when_two_generations_have_passed() -> None:
    rows = LatelySeen()
    rows.add(b"k", b"1")
    rows.age()
    assert rows.get(b"k") == b"1"
    rows.age()
    assert rows.get(b"k") is None


async def test_reads_give_what_was_written_last(tmp_path: Path) -> None:
    """Against a dict, for keys of all ages: written, replaced, removed, read meanwhile."""
    store, chance, expected = await open_store(tmp_path / "db"), Random(7), dict[bytes, bytes]()
    for _ in range(300):
        operations: list[Operation] = []
        for _ in range(20):
            key = b"%d" % chance.randrange(3000)
            if chance.random() < 0.2:
                operations.append(Delete("b", key))
                expected.pop(key, None)
            else:
                value = bytes([65 + chance.randrange(26)]) * chance.choice([1, 100, 5000])
                operations.append(Put("b", key, value))
                expected[key] = value
        await store.commit(operations)
        for _ in range(10):
            key = b"%d" % chance.randrange(3000)
            assert await store.get("b", key) == expected.get(key)
    for number in range(3000):
        assert await store.get("b", b"%d" % number) == expected.get(b"%d" % number)
    await store.aclose()
