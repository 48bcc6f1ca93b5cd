"""What is said not to be there is not there, whatever happens meanwhile."""

from pathlib import Path
from random import Random

import pytest
import trio

from appliance.model.errors import Broken, Conflict
from appliance.ports.store import Delete, LearningStore, Operation, Put, PutIfAbsent
from appliance.stores.known import KnownKeys
from appliance.stores.leveldb import LevelDbStore, open_store


def test_nothing_is_said_before_all_is_known_nor_of_other_keys() -> None:
    known = KnownKeys([b"a\0", b"b\0"])
    known.add([b"a\x001", b"c\x001"])
    assert not known.lack(b"a\x002")
    known.complete = True
    assert known.lack(b"a\x002")
    assert known.lack(b"b\x001")
    assert not known.lack(b"a\x001")
    assert not known.lack(b"c\x001")
    assert not known.lack(b"c\x002")


def test_of_many_keys_none_is_lacked_and_few_others_are_taken_for_them() -> None:
    known, keys = KnownKeys([b"a\0"]), [b"a\0%d" % number for number in range(50_000)]
    known.add(keys)
    known.add(keys[:1000])
    known.complete = True
    assert len(known) <= len(keys)
    assert not any(map(known.lack, keys))
    assert sum(not known.lack(b"a\0x%d" % number) for number in range(10_000)) < 5


def forget(store: LevelDbStore) -> None:
    """Have no row remembered that was read or written lately: both generations."""
    store.age()
    store.age()


async def test_a_used_token_is_found_before_while_and_after_keys_are_learned(
    tmp_path: Path,
) -> None:
    store = await open_store(tmp_path)
    for start in range(0, 3000, 100):
        await store.commit(
            [PutIfAbsent("used", b"%d" % number, b"x") for number in range(start, start + 100)]
        )
    await store.aclose()
    store = await open_store(tmp_path)
    assert isinstance(store, LearningStore)
    again = [PutIfAbsent("used", b"2999", b"y")]
    with pytest.raises(Conflict):
        await store.commit(again)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.learn, ["none", "used"])
        for number in range(3000, 3200):  # they come while the others are read
            await store.commit([PutIfAbsent("used", b"%d" % number, b"x")])
            with pytest.raises(Conflict):
                await store.commit(again)
    forget(store)
    for number in range(3200):
        assert await store.get("used", b"%d" % number) == b"x"
        with pytest.raises(Conflict):
            await store.commit([PutIfAbsent("used", b"%d" % number, b"y")])
    assert await store.get("used", b"3200") is None
    await store.aclose()


async def test_rows_that_wait_for_the_disk_when_learning_begins_are_known(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    told: list[object] = []
    for number in range(3):  # one in the thread, the others for the next batch
        store.submit([PutIfAbsent("used", b"%d" % number, b"x")], told.append)
    await store.learn(["used"])
    while len(told) < 3:
        await trio.sleep(0.001)
    forget(store)
    for number in range(3):
        assert await store.get("used", b"%d" % number) == b"x"
    await store.aclose()


async def test_reads_are_the_same_as_those_of_a_dict(tmp_path: Path) -> None:
    """For keys of all ages, with rows that nobody remembers, opened and learned again and again."""
    chance, expected = Random(11), dict[bytes, bytes]()
    for _ in range(3):
        store = await open_store(tmp_path)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.learn, ["b"])
            for _ in range(60):
                operations: list[Operation] = []
                for key in {b"%d" % chance.randrange(4000) for _ in range(20)}:
                    if key in expected and chance.random() < 0.5:
                        operations.append(Delete("b", key))
                        del expected[key]
                    elif key in expected:
                        operations.append(Put("b", key, b"again"))
                        expected[key] = b"again"
                    else:
                        operations.append(PutIfAbsent("b", key, b"new"))
                        expected[key] = b"new"
                await store.commit(operations)
                forget(store)
                for _ in range(20):
                    key = b"%d" % chance.randrange(4000)
                    assert await store.get("b", key) == expected.get(key)
        await store.aclose()


async def test_a_closed_store_learns_nothing(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    await store.aclose()
    with pytest.raises(Broken):
        await store.learn(["used"])
