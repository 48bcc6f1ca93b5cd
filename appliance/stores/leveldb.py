"""LevelDB with group commit.

A transaction is decided at once, in the event loop: its conditions see what the database has, what
is on its way to disk, and what waits for the next batch. Then its rows join that batch. One thread
writes batch after batch, each with one call and one sync; whatever arrives during a write shares
the next one. So nothing but the loop decides, and what it decided is written in that order.

A sync that failed leaves unknown what is on disk (the kernel may drop the pages and report no
error the next time), so after a failed write the store refuses every write until it is opened
again, which writes all of the log that can be read to a new file: by `recover`, or another start.
"""

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Final, TypeVar, final

import plyvel
import trio

from appliance.model.errors import Broken, Conflict, HearthError
from appliance.model.upkeep import ScrubPart
from appliance.ports.store import Append, CompareAndSwap, Operation, Put, Told
from appliance.stores import reading, reading_all
from appliance.stores.batch import Batch, Rows, WriteBatch
from appliance.stores.chains import Chains, NewEnds
from appliance.stores.conditions import value_after
from appliance.stores.directory import Claim
from appliance.stores.known import KnownKeys
from appliance.stores.lately import LatelySeen
from appliance.stores.opening import Database, open_database, opened
from appliance.stores.prefixes import Prefixes, end_of
from appliance.stores.snapshots import LevelDbSnapshot
from appliance.stores.waiting import refused, until_told

_CLOSING: Final = 30.0  # seconds
_INLINE: Final = 200  # pairs that a scan may read without going into a thread
_KEYS: Final = 1000  # that are learned in a row
_NOTED: Final = 200  # rows that wait for a transaction, at most
_READS: Final = 64  # in a row, before others have their turn

T = TypeVar("T")


@final
class LevelDbStore:
    """An embedded store in a directory of its own (ports.store.Store)."""

    def __init__(self, directory: Path, claim: Claim, database: Database) -> None:
        """Take over an opened database: see `open_store`."""
        self._directory = directory
        self._claim = claim
        self._database = database
        self._prefixes = Prefixes()
        self._next = Batch()
        self._chains = Chains(self._last)
        self._written: Batch | None = None  # what the thread is writing
        self._failure = ""
        self._told: Callable[[int, float], None] = lambda *_: None
        self._reads = 0
        self._lately = LatelySeen()
        self._known = KnownKeys(())
        self._closing = False
        self._readable = True
        self._closed = trio.Event()
        self._users = 0  # scans in threads
        self._idle = trio.Event()
        self._loop = trio.lowlevel.current_trio_token()
        self._batches: SimpleQueue[tuple[Batch, WriteBatch] | None] = SimpleQueue()
        self._thread = Thread(target=self._write_batches, name="store writer", daemon=True)
        self._thread.start()

    @property
    def description(self) -> str:
        """Kind and place."""
        return f"LevelDB {self._directory}"

    async def get(self, bucket: str, key: bytes) -> bytes | None:
        """Read one row where it is: a few microseconds, less than a thread would cost.

        To let others run, or to see who is cancelled, costs as much again: so only every so often.
        """
        self._reads += 1
        if not self._reads % _READS:
            await trio.lowlevel.checkpoint()
        return self._read(self._prefixes[bucket] + key)

    async def commit(self, operations: Sequence[Operation]) -> None:
        """Decide now, return when it is on disk."""
        await trio.lowlevel.checkpoint_if_cancelled()
        await until_told(partial(self.submit, operations))

    def submit(self, operations: Sequence[Operation], told: Told) -> None:
        """Decide now, tell when it is on disk (ports.store.PromptStore).

        A conflict with what is not on disk yet is told when it is: who is told may read it.
        """
        try:
            self._join(operations)
        except Conflict as error:
            if self._written is None and not self._next.rows:
                raise
            told = refused(told, error)
        self._next.waiting.append(told)
        if self._written is None:
            self._begin()

    async def note(self, operations: Sequence[Operation]) -> None:
        """Decide now; write it with the next transaction, or when there is much of it."""
        self._join(operations)
        if self._written is None and len(self._next.rows) >= _NOTED:
            self._begin()

    async def scan(
        self,
        bucket: str,
        *,
        start: bytes = b"",
        stop: bytes | None = None,
        reverse: bool = False,
        limit: int = 1000,
    ) -> list[tuple[bytes, bytes]]:
        """Read a range: a short one here, a long one in a thread, on a snapshot."""
        await trio.lowlevel.checkpoint()
        prefix = self._prefixes[bucket]
        end = end_of(prefix) if stop is None else prefix + stop
        if limit <= 0 or prefix + start >= end:
            return []
        first, skip = prefix + start, len(prefix)
        read = partial(
            reading.pairs, start=first, stop=end, skip=skip, limit=limit, reverse=reverse
        )
        self._check_readable()
        if limit <= _INLINE:
            return self._asked(read)
        return await self._beside(partial(self._asked, read))

    def snapshot(self) -> LevelDbSnapshot:
        """Take a snapshot of what is written now (ports.store.SnapshotStore)."""
        if self._closing:
            raise self._refusal()
        return LevelDbSnapshot(self._database, str(self._directory), self._use)

    def measure(self, told: Callable[[int, float], None]) -> None:
        """Tell of each write (ports.store.MeasuredStore)."""
        self._told = told

    def age(self) -> None:
        """Let go of rows that were kept before the last time (ports.store.CachingStore)."""
        self._lately.age()

    async def learn(self, buckets: Sequence[str]) -> None:
        """Learn which keys there are (ports.store.LearningStore)."""
        known = KnownKeys([self._prefixes[bucket] for bucket in buckets])
        for batch in (self._written, self._next):
            if batch is not None:
                known.add(batch.rows)
        self._known = known  # to which whatever is accepted from now on is added
        await known.learn(self._read_keys)

    @property
    def failure(self) -> str:
        """Why a write failed, after which there are no more; empty: none did."""
        return self._failure

    async def recover(self) -> None:
        """Open the database again after a failed write, when nobody reads. Raises Broken."""
        if not self._failure or self._closing or self._users or self._written is not None:
            return
        finished, self._readable = self._use(), False
        try:
            with trio.CancelScope(shield=True):
                self._database = await trio.to_thread.run_sync(self._open_again)
        except (plyvel.Error, OSError) as error:
            raise Broken(
                f"the database {self._directory} could not be opened again", detail=str(error)
            ) from error
        finally:
            finished()
        self._readable = True
        self._next, self._lately, self._failure = Batch(), LatelySeen(), ""

    async def scrub(self, start: bytes = b"") -> ScrubPart:
        """Read some of all rows with their checksums, from a key on."""
        return await self._beside(partial(reading_all.part, self._database, self._directory, start))

    async def compact(self) -> None:
        """Give back the room of what was removed. Raises Broken."""
        # without both ends, plyvel compacts nothing
        whole = partial(self._asked, lambda each: each.compact_range(start=b"\0", stop=b"\xff"))
        await self._beside(whole)

    async def aclose(self) -> None:
        """Write what was accepted, end the thread, close the database, give up the claim.

        Raises Broken when a disk does not come back; the database then stays open, since closing
        it under a write would crash the process.
        """
        if self._closing:
            await self._closed.wait()
            return
        self._closing = True
        with trio.move_on_after(_CLOSING, shield=True) as patience:
            self._idle_if_done()
            await self._idle.wait()
        if patience.cancelled_caught:
            self._closed.set()
            raise Broken(
                f"the database {self._directory} could not be closed: a write is under way for "
                f"{_CLOSING:.0f} seconds"
            )
        self._readable = False
        self._batches.put(None)
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._close)
        self._closed.set()

    # ---- reading

    async def _beside(self, work: Callable[[], T]) -> T:
        """Do something long in a thread; the database stays open for it. Raises Broken."""
        self._check_readable()
        finished = self._use()
        try:
            return await trio.to_thread.run_sync(work)
        finally:
            finished()

    def _use(self) -> Callable[[], None]:
        """Keep the database open for a thread, until what is given is called."""
        if self._closing:
            raise self._refusal()
        self._users += 1
        return self._unuse

    def _unuse(self) -> None:
        self._users -= 1
        self._idle_if_done()

    def _read(self, key: bytes) -> bytes | None:
        self._check_readable()
        value: bytes | None = self._lately.get(key)
        if value is None:
            if self._known.lack(key):
                return None
            value = self._asked(partial(reading.row, key=key))
            self._lately.add(key, value)
        return value or None

    async def _read_keys(self, start: bytes, stop: bytes) -> list[bytes]:
        read = partial(reading.keys, start=start, stop=stop, most=_KEYS)
        return await self._beside(partial(self._asked, read))

    def _asked(self, read: Callable[[Database], T]) -> T:
        """Ask the database, in this thread or another. Raises Broken."""
        try:
            return read(self._database)
        except plyvel.Error as error:
            raise self._unreadable(error) from error

    # ---- deciding, in the event loop

    def _join(self, operations: Sequence[Operation]) -> None:
        """Put a transaction into the next batch. Raises Conflict, Broken."""
        if self._failure or self._closing:
            raise self._refusal()
        rows = self._decide(operations)
        self._known.add(rows)
        self._next.rows.update(rows)

    def _decide(self, operations: Sequence[Operation]) -> Rows:
        """Give the rows that the transaction writes. Raises Conflict."""
        rows: Rows = {}
        ends: NewEnds | None = None
        seen, prefixes = partial(self._seen, rows), self._prefixes
        for operation in operations:
            prefix = prefixes[operation.bucket]
            if isinstance(operation, Put) and operation.value:  # as most are
                rows[prefix + operation.key] = operation.value
                continue
            if isinstance(operation, Append):
                ends = ends or self._chains.begin()
                number, entry = ends.append(operation)
                rows[prefix + number] = entry
                continue
            key = prefix + operation.key
            value = value_after(operation, key, seen)
            if not (isinstance(operation, CompareAndSwap) and value == operation.old):
                rows[key] = value  # what changes nothing is not written
        if ends is not None:
            ends.accept()
        return rows

    def _seen(self, own: Rows, key: bytes) -> bytes | None:
        """Give a value as the transaction sees it: with all that was accepted before."""
        if key in own:
            return own[key]
        if key in self._next.rows:
            return self._next.rows[key]
        if self._written is not None and key in self._written.rows:
            return self._written.rows[key]
        return self._read(key)

    def _last(self, bucket: str) -> tuple[bytes, bytes] | None:
        """Give the last row of a bucket that is written."""
        prefix = self._prefixes[bucket]
        read = partial(
            reading.pairs, start=prefix, stop=end_of(prefix), skip=len(prefix), limit=1,
            reverse=True,
        )  # fmt: skip
        return next(iter(self._asked(read)), None)

    # ---- writing

    def _begin(self) -> None:
        """Give the thread what has gathered."""
        batch, self._next = self._next, Batch()
        batch.began = trio.current_time()
        self._written = batch
        self._batches.put((batch, batch.write_to(self._database)))

    def _write_batches(self) -> None:
        """Write batch after batch: the thread's work."""
        while (given := self._batches.get()) is not None:
            batch, write = given
            problem = ""
            try:
                write.write()
            except plyvel.Error as error:
                problem = str(error)
            try:
                self._loop.run_sync_soon(self._finish, batch, problem)
            except trio.RunFinishedError:
                return  # nobody is left to be told

    def _finish(self, batch: Batch, problem: str) -> None:
        """Tell those who wait, in the event loop, and begin the next batch."""
        self._written = None
        waiting = batch.waiting
        if problem:
            self._failure = problem
            self._chains.forget()
            waiting += self._next.waiting
            self._next = Batch()
        else:
            self._lately.written(batch.rows)
            self._told(len(batch.waiting), trio.current_time() - batch.began)
            if self._next.waiting or len(self._next.rows) >= _NOTED:
                self._begin()
        for told in waiting:
            told(self._refusal() if problem else None)
        self._idle_if_done()

    def _idle_if_done(self) -> None:
        if self._closing and self._written is None and not self._users:
            self._idle.set()

    def _open_again(self) -> Database:
        self._database.close()
        return opened(self._directory, create=False)

    def _close(self) -> None:
        self._thread.join()
        if self._next.rows and not self._failure:
            with contextlib.suppress(plyvel.Error):  # notes are lost, as after a crash
                self._next.write_to(self._database).write()
        self._database.close()
        self._claim.release()

    # ---- what can go wrong

    def _refusal(self) -> HearthError:
        if self._failure:
            return Broken(
                f"the database {self._directory} could not be written: it takes no more writes "
                "until it is opened again",
                detail=self._failure,
            )
        return Broken(f"the database {self._directory} is closed")

    def _check_readable(self) -> None:
        """Keep away from a database that another thread is closing."""
        if not self._readable:
            raise self._refusal()

    def _unreadable(self, error: Exception) -> HearthError:
        return Broken(f"the database {self._directory} cannot be read", detail=str(error))


async def open_store(directory: Path, *, create: bool = True) -> LevelDbStore:
    """Open the database in a directory, to be closed with `aclose`.

    Raises StoreLocked, StoreAbsent (only without `create`), Broken.
    """
    open_it = partial(open_database, directory, create=create)
    return LevelDbStore(directory, *await trio.to_thread.run_sync(open_it))
