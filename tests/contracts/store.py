"""What every driver of `ports.store.Store` must do: subclass, and give the fixture `store`."""

from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing

from appliance.formats import chain
from appliance.model.errors import Broken, Conflict
from appliance.ports.store import (
    Add,
    Append,
    CompareAndSwap,
    Delete,
    Operation,
    Put,
    PutIfAbsent,
    Store,
)

Reopen = Callable[[], Awaitable[Store]]


async def row(store: Store, key: bytes, bucket: str = "b") -> bytes | None:
    return await store.get(bucket, key)


class StoreContract:
    """The suite for all drivers."""

    async def test_a_row_that_was_never_written_is_none(self, store: Store) -> None:
        assert await row(store, b"k") is None

    async def test_what_commit_returned_from_is_seen(self, store: Store) -> None:
        await store.commit([Put("b", b"k", b"1")])
        assert await row(store, b"k") == b"1"
        await store.commit([Put("b", b"k", b"2"), Put("b", b"l", b"3")])
        assert (await row(store, b"k"), await row(store, b"l")) == (b"2", b"3")
        await store.commit([Delete("b", b"k"), Delete("b", b"never there")])
        assert await row(store, b"k") is None

    async def test_an_empty_transaction_is_done(self, store: Store) -> None:
        await store.commit([])

    async def test_entries_are_chained_in_the_order_of_their_transactions(
        self, store: Store
    ) -> None:
        async with trio.open_nursery() as nursery:
            for number in range(40):
                body = b"body %d" % number
                operations: list[Operation] = [Put("b", body, b"1"), Append("log", body)]
                nursery.start_soon(store.commit, operations)
        await store.note([Append("log", b"noted"), Append("log", b"twice"), Append("other", b"x")])
        await store.commit([Append("log", b"last")])
        entries = [chain.read(*row) for row in await store.scan("log")]
        assert [each.number for each in entries] == list(range(1, 44))
        assert [each.body for each in entries[-3:]] == [b"noted", b"twice", b"last"]
        link = chain.START
        for each in entries:
            assert each.previous == link.hash
            link = each.link
        assert len(await store.scan("other")) == 1

    async def test_a_refused_transaction_leaves_no_entry(self, store: Store) -> None:
        await store.commit([Append("log", b"1"), PutIfAbsent("b", b"k", b"1")])
        with pytest.raises(Conflict):
            await store.commit([Append("log", b"2"), PutIfAbsent("b", b"k", b"2")])
        await store.commit([Append("log", b"3")])
        first, second = (chain.read(*row) for row in await store.scan("log"))
        assert (second.number, second.previous, second.body) == (2, first.link.hash, b"3")

    async def test_numbers_are_added_to(self, store: Store) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(40):
                nursery.start_soon(store.commit, [Add("n", b"k", 3), Add("n", b"l", -1)])
        await store.commit([Add("n", b"k", 1), Add("n", b"k", 1)])
        numbers = [int.from_bytes(value, signed=True) for _, value in await store.scan("n")]
        assert numbers == [122, -40]

    async def test_a_note_is_decided_at_once(self, store: Store) -> None:
        """Of two notes, and of a note and a commit, one wins."""
        await store.note([PutIfAbsent("b", b"k", b"1")])
        with pytest.raises(Conflict):
            await store.note([PutIfAbsent("b", b"k", b"2")])
        with pytest.raises(Conflict):
            await store.commit([PutIfAbsent("b", b"k", b"3")])

    async def test_a_note_is_written_before_what_comes_after_it(self, store: Store) -> None:
        await store.note([Put("b", b"noted", b"1")])
        await store.commit([Put("b", b"later", b"2")])
        assert await store.get("b", b"noted") == b"1"

    async def test_a_transaction_of_nothing_waits_for_what_was_noted(self, store: Store) -> None:
        await store.note([Put("b", b"noted", b"1")])
        await store.commit([])
        assert await store.get("b", b"noted") == b"1"

    async def test_many_notes_are_written_by_themselves(self, store: Store) -> None:
        for number in range(1000):
            await store.note([Put("b", b"%d" % number, b"1")])
        with trio.fail_after(60):
            while await store.get("b", b"0") is None:
                await trio.sleep(0.01)

    async def test_buckets_are_apart(self, store: Store) -> None:
        """Also where one name begins with another, or with the other's keys."""
        await store.commit([Put("b", b"k", b"1"), Put("bb", b"k", b"2"), Put("b", b"bk", b"3")])
        assert await row(store, b"k", "bb") == b"2"
        assert await store.scan("b") == [(b"bk", b"3"), (b"k", b"1")]
        assert await store.scan("bb") == [(b"k", b"2")]
        assert await store.scan("bbb") == []

    async def test_keys_and_values_are_any_octets(self, store: Store) -> None:
        keys = [b"", b"\0", b"\0\0", b"\x01", b"\xff", b"\xff\xff"]
        await store.commit([Put("b", key, b"\0" + key) for key in keys])
        assert await store.scan("b") == [(key, b"\0" + key) for key in keys]
        assert await row(store, b"") == b"\0"

    @pytest.mark.parametrize("operation", [
        Put("b", b"k", b""), PutIfAbsent("b", b"k", b""), CompareAndSwap("b", b"k", None, b""),
    ])  # fmt: skip
    async def test_an_empty_value_is_a_fault_of_the_caller(
        self, store: Store, operation: Put | PutIfAbsent | CompareAndSwap
    ) -> None:
        with pytest.raises(ValueError, match="never empty"):
            await store.commit([Put("b", b"other", b"1"), operation])
        assert await row(store, b"other") is None

    # ---- conditions

    async def test_put_if_absent_loses_to_what_is_there(self, store: Store) -> None:
        await store.commit([PutIfAbsent("b", b"k", b"1")])
        with pytest.raises(Conflict) as raised:
            await store.commit([PutIfAbsent("b", b"k", b"2")])
        assert raised.value.detail == "b/k"
        assert await row(store, b"k") == b"1"

    async def test_compare_and_swap_sees_values_and_absence(self, store: Store) -> None:
        await store.commit([CompareAndSwap("b", b"k", None, b"1")])
        await store.commit([CompareAndSwap("b", b"k", b"1", b"2")])
        for old in (None, b"1"):
            with pytest.raises(Conflict):
                await store.commit([CompareAndSwap("b", b"k", old, b"3")])
        await store.commit([CompareAndSwap("b", b"k", b"2", b"2"), Put("b", b"held", b"1")])
        with pytest.raises(Conflict):
            await store.commit([CompareAndSwap("b", b"k", b"1", b"1"), Put("b", b"held", b"2")])
        assert (await row(store, b"k"), await row(store, b"held")) == (b"2", b"1")
        await store.commit([CompareAndSwap("b", b"k", b"2", None), Delete("b", b"held")])
        assert await row(store, b"k") is None
        await store.commit([CompareAndSwap("b", b"k", None, None)])
        assert await store.scan("b") == []

    async def test_a_conflict_writes_nothing_of_its_transaction(self, store: Store) -> None:
        await store.commit([Put("b", b"k", b"1"), Put("b", b"gone", b"1")])
        with pytest.raises(Conflict):
            await store.commit([
                Put("b", b"new", b"2"), Delete("b", b"gone"), PutIfAbsent("b", b"k", b"2"),
            ])  # fmt: skip
        assert await store.scan("b") == [(b"gone", b"1"), (b"k", b"1")]

    async def test_conditions_see_the_operations_before_them(self, store: Store) -> None:
        await store.commit([
            Put("b", b"k", b"1"),
            CompareAndSwap("b", b"k", b"1", b"2"),
            Delete("b", b"k"),
            PutIfAbsent("b", b"k", b"3"),
        ])  # fmt: skip
        assert await row(store, b"k") == b"3"
        with pytest.raises(Conflict):
            await store.commit([PutIfAbsent("b", b"l", b"1"), PutIfAbsent("b", b"l", b"2")])
        assert await row(store, b"l") is None

    async def test_of_a_hundred_who_put_if_absent_exactly_one_wins(self, store: Store) -> None:
        """The others lose, though the winner is not yet on disk when they ask."""
        won: list[int] = []
        lost: list[int] = []

        async def race(number: int) -> None:
            try:
                await store.commit([
                    PutIfAbsent("used_ott", b"token", b"%d" % number),
                    Put("certs", b"%d" % number, b"x"),
                ])  # fmt: skip
            except Conflict:
                lost.append(number)
            else:
                won.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(race, number)
        assert len(won) == 1
        assert len(lost) == 99
        assert await row(store, b"token", "used_ott") == b"%d" % won[0]
        assert await store.scan("certs") == [(b"%d" % won[0], b"x")]

    async def test_a_counter_that_many_swap_loses_no_step(self, store: Store) -> None:
        await store.commit([Put("b", b"n", b"0")])

        async def add(times: int) -> None:
            while times:
                old = await row(store, b"n")
                assert old is not None
                try:
                    await store.commit([CompareAndSwap("b", b"n", old, b"%d" % (int(old) + 1))])
                    times -= 1
                except Conflict:
                    pass

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(add, 5)
        assert await row(store, b"n") == b"40"

    async def test_transactions_of_one_moment_are_all_written(self, store: Store) -> None:
        async with trio.open_nursery() as nursery:
            for number in range(300):
                rows = [Put("b", b"%04d-%d" % (number, part), b"x") for part in range(3)]
                nursery.start_soon(store.commit, rows)
        assert len(await store.scan("b")) == 900

    async def test_the_last_of_two_puts_at_one_moment_wins(self, store: Store) -> None:
        """In the order in which they were asked for."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.commit, [Put("b", b"first", b"x")])
            await trio.testing.wait_all_tasks_blocked()
            for value in (b"1", b"2", b"3"):
                nursery.start_soon(store.commit, [Put("b", value, b"x"), Put("b", b"k", value)])
                await trio.sleep(0)
        assert await row(store, b"k") == b"3"

    async def test_who_is_told_of_a_conflict_can_read_what_it_was_with(self, store: Store) -> None:
        """However close together both were: a refusal says by what it came about."""
        read: list[bytes | None] = []

        async def take(value: bytes) -> None:
            try:
                await store.commit([PutIfAbsent("b", b"k", value), Put("b", value, value)])
            except Conflict:
                read.append(await row(store, b"k"))

        async with trio.open_nursery() as nursery:
            for value in (b"1", b"2", b"3"):
                nursery.start_soon(take, value)
        assert len(read) == 2
        assert set(read) == {await row(store, b"k")}

    # ---- scans

    async def test_scans_are_in_the_order_of_octets(self, store: Store) -> None:
        keys = [b"a", b"aa", b"b", b"b\0", b"b\xff", b"c"]
        await store.commit([Put("b", key, key) for key in reversed(keys)])

        async def scanned(**bounds: bytes | int | None) -> list[bytes]:
            return [key for key, _ in await store.scan("b", **bounds)]  # type: ignore[arg-type]

        assert await scanned() == keys
        assert await scanned(reverse=True) == keys[::-1]
        assert await scanned(start=b"aa", stop=b"b\xff") == [b"aa", b"b", b"b\0"]
        assert await scanned(start=b"aa", stop=b"b\xff", reverse=True) == [b"b\0", b"b", b"aa"]
        assert await scanned(start=b"b\x01") == [b"b\xff", b"c"]
        assert await scanned(stop=b"aa") == [b"a"]
        assert await scanned(limit=2) == [b"a", b"aa"]
        assert await scanned(limit=2, reverse=True) == [b"c", b"b\xff"]
        for nothing in ({"start": b"c", "stop": b"a"}, {"start": b"b", "stop": b"b"}, {"limit": 0}):
            assert await scanned(**nothing) == []

    async def test_a_scan_after_deletes_and_returns_shows_each_key_once(self, store: Store) -> None:
        for _ in range(3):
            await store.commit([Put("b", b"%03d" % n, b"1") for n in range(200)])
            assert len(await store.scan("b")) == 200
            await store.commit([Delete("b", b"%03d" % n) for n in range(1, 200)])
            assert await store.scan("b") == [(b"000", b"1")]
        await store.commit([Put("b", b"001", b"2")])
        assert await store.scan("b", reverse=True) == [(b"001", b"2"), (b"000", b"1")]

    async def test_a_long_scan_sees_one_state(self, store: Store) -> None:
        """Of pairs written together it sees both or neither, however long it takes."""
        pairs = [(b"a%05d" % n, b"z%05d" % n) for n in range(1500)]
        for a, z in pairs[:500]:
            await store.commit([Put("b", a, b"x"), Put("b", z, b"x")])

        async def go_on() -> None:
            for a, z in pairs[500:]:
                await store.commit([Put("b", a, b"x"), Put("b", z, b"x")])

        async with trio.open_nursery() as nursery:
            nursery.start_soon(go_on)
            for _ in range(10):
                keys = [key for key, _ in await store.scan("b", limit=10_000)]
                half = len(keys) // 2
                assert [key[1:] for key in keys[:half]] == [key[1:] for key in keys[half:]]
                assert half >= 500

    # ---- cancelling and closing

    async def test_a_cancel_before_the_beginning_leaves_nothing(self, store: Store) -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            await store.commit([Put("b", b"k", b"1")])
        assert scope.cancelled_caught
        assert await row(store, b"k") is None

    async def test_a_cancel_on_the_way_waits_for_the_outcome(self, store: Store) -> None:
        """Whoever is cancelled later than the beginning has had its transaction written."""
        outcomes: list[str] = []

        async def commit(number: int, scope: trio.CancelScope) -> None:
            with scope:
                await store.commit([PutIfAbsent("b", b"%d" % (number // 2), b"%d" % number)])
                outcomes.append("written")

        scopes = [trio.CancelScope() for _ in range(20)]
        async with trio.open_nursery() as nursery:
            for number, scope in enumerate(scopes[::2]):
                nursery.start_soon(commit, 2 * number, scope)
            await trio.sleep(0)
            for scope in scopes:
                scope.cancel()
        assert len(await store.scan("b")) == len(outcomes)

    async def test_close_lets_accepted_transactions_end(self, store: Store) -> None:
        done: list[int] = []

        async def commit(number: int) -> None:
            await store.commit([Put("b", b"%d" % number, b"x")])
            done.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(commit, number)
            nursery.start_soon(store.scan, "b")
            await trio.testing.wait_all_tasks_blocked(0.0)
            nursery.start_soon(store.aclose)
            nursery.start_soon(store.aclose)
        assert sorted(done) == list(range(50))

    async def test_a_closed_store_says_so(self, store: Store) -> None:
        await store.aclose()
        await store.aclose()
        with pytest.raises(Broken, match="closed"):
            await store.get("b", b"k")
        with pytest.raises(Broken, match="closed"):
            await store.commit([Put("b", b"k", b"1")])
        for limit in (10, 10_000):
            with pytest.raises(Broken, match="closed"):
                await store.scan("b", limit=limit)

    async def test_it_says_what_it_is(self, store: Store) -> None:
        assert store.description


class DurableContract(StoreContract):
    """What is more to ask of a driver that outlives its process; fixture `reopen` closes first."""

    async def test_a_chain_goes_on_after_another_start(self, store: Store, reopen: Reopen) -> None:
        await store.commit([Append("log", b"1"), Append("log", b"2")])
        again = await reopen()
        await again.commit([Append("log", b"3")])
        _, second, third = (chain.read(*row) for row in await again.scan("log"))
        assert (third.number, third.previous) == (3, second.link.hash)

    async def test_rows_are_there_after_closing_and_opening(
        self, store: Store, reopen: Reopen
    ) -> None:
        await store.commit([Put("b", b"%d" % n, b"%d" % n) for n in range(1000)])
        await store.commit([Delete("b", b"%d" % n) for n in range(990)])
        again = await reopen()
        assert [key for key, _ in await again.scan("b")] == [b"%d" % n for n in range(990, 1000)]
        with pytest.raises(Conflict):
            await again.commit([PutIfAbsent("b", b"995", b"x")])

    async def test_notes_are_there_after_closing_and_opening(
        self, store: Store, reopen: Reopen
    ) -> None:
        await store.note([Put("b", b"k", b"1")])
        assert await (await reopen()).get("b", b"k") == b"1"
