"""The store: buckets of keys and values, and one write primitive.

Buckets, keys and value forms of what step-ca also has are step-ca's; buckets of our own have the
prefix `hearth_`. A value is never empty: an empty one in a foreign database means absent.

Operations are msgspec's structs: a certificate has about fifteen of them, and they cost a quarter
of what frozen dataclasses do. Their tags tell one from the other where they are sent.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from msgspec import Struct

from appliance.model.errors import HearthError
from appliance.model.upkeep import ScrubPart


class Put(Struct, frozen=True, gc=False, array_like=True, tag=0):
    """Write the value, whatever was there."""

    bucket: str
    key: bytes
    value: bytes


class PutIfAbsent(Struct, frozen=True, gc=False, array_like=True, tag=1):
    """Write the value; the transaction conflicts when the key has one already."""

    bucket: str
    key: bytes
    value: bytes


class CompareAndSwap(Struct, frozen=True, gc=False, array_like=True, tag=2):
    """Replace `old` by `new` (None: absent, before or after); conflicts when `old` is not there."""

    bucket: str
    key: bytes
    old: bytes | None
    new: bytes | None


class Delete(Struct, frozen=True, gc=False, array_like=True, tag=3):
    """Remove the key, if it is there."""

    bucket: str
    key: bytes


class Add(Struct, frozen=True, gc=False, array_like=True, tag=4):
    """Add to a number, which is 0 where there is no row; the value is 8 octets, signed."""

    bucket: str
    key: bytes
    amount: int


class Append(Struct, frozen=True, gc=False, array_like=True, tag=5):
    """Write the last of a bucket's entries, chained to the one before it (formats.chain).

    The order of entries is that in which their transactions were accepted. The last entry of a
    bucket must not be deleted, since the next one is chained to it.
    """

    bucket: str
    body: bytes


SnapshotRow: TypeAlias = tuple[str, bytes, bytes]
"""Bucket, key, value."""

RowOperation: TypeAlias = Put | PutIfAbsent | CompareAndSwap | Delete | Add
Operation: TypeAlias = RowOperation | Append


class Store(Protocol):
    """A durable map. One suite, `tests/contracts/store.py`, proves every driver."""

    @property
    def description(self) -> str:
        """Give kind and place in a few words, for people: `LevelDB /var/lib/hearth/db`."""
        ...

    async def get(self, bucket: str, key: bytes) -> bytes | None:
        """Give the value, or None. Raises Broken when the store cannot be read."""
        ...

    async def commit(self, operations: Sequence[Operation]) -> None:
        """Do all of it or nothing, and return when it is on disk.

        Conditions see every transaction that was committed or queued before, and the earlier
        operations of their own. Raises Conflict (nothing was written; its `detail` names bucket
        and key, and what is there can be read now) or Broken (it is not known to be on disk). A
        transaction once begun cannot be cancelled: a cancelled caller waits for its outcome.
        """
        ...

    async def note(self, operations: Sequence[Operation]) -> None:
        """Do all of it or nothing, as `commit` does, and need not wait for the disk.

        It is on disk before whatever is committed later, be it nothing, and when the store is
        closed; until then a crash forgets it, and `get` and `scan` may not see it, though
        conditions do. Raises as `commit`.
        """
        ...

    async def scan(
        self,
        bucket: str,
        *,
        start: bytes = b"",
        stop: bytes | None = None,
        reverse: bool = False,
        limit: int = 1000,
    ) -> list[tuple[bytes, bytes]]:
        """Give up to `limit` pairs with start <= key < stop (None: the bucket's end), in key order.

        With `reverse`, the last ones first. One call sees one state of the store. Long scans run
        in a thread, so the event loop goes on.
        """
        ...

    async def aclose(self) -> None:
        """Finish what was begun, then let go of files and locks. Idempotent."""
        ...


Told: TypeAlias = Callable[[HearthError | None], None]
"""Takes how a transaction ended: None, it is on disk. Neither waits nor raises."""


@runtime_checkable
class PromptStore(Store, Protocol):
    """A store that takes a transaction without a task that waits for it."""

    def submit(self, operations: Sequence[Operation], told: Told) -> None:
        """Do as `commit`: decide now, so in the order of calls, and tell of the disk.

        Raises Conflict and Broken, and then tells nothing; or tells of a Conflict when `commit`
        would raise it.
        """
        ...


class Snapshot(Protocol):
    """All rows of a store as they were at one moment, whatever is written meanwhile."""

    async def read(self) -> Sequence[SnapshotRow]:
        """Give the next rows, about 1 MiB of them, in the order of bucket and key; none at the end.

        Checksums are verified. Raises Broken, also when the store was closed meanwhile.
        """
        ...

    async def aclose(self) -> None:
        """Let go of it. Idempotent."""
        ...


@runtime_checkable
class SnapshotStore(Protocol):
    """A store that can be backed up while it is in use."""

    def snapshot(self) -> Snapshot:
        """Take a snapshot now of all that was committed. Raises Broken when it is closed."""
        ...


@runtime_checkable
class MeasuredStore(Protocol):
    """A store that tells how its writes go."""

    def measure(self, told: Callable[[int, float], None]) -> None:
        """Tell of each write that reached the disk: of how many transactions, in how many seconds.

        `told` is called in the event loop, and must neither wait nor raise.
        """
        ...


@runtime_checkable
class LearningStore(Protocol):
    """A store that is quick to say that there is no row, where it knows all keys."""

    async def learn(self, buckets: Sequence[str]) -> None:
        """Read the keys of these buckets, in which mostly what is not there is looked for.

        Returns when they are known, and with them all that are added. Raises Broken.
        """
        ...


@runtime_checkable
class CachingStore(Protocol):
    """A store that keeps rows in memory."""

    def age(self) -> None:
        """Let go of those that were kept before this was last said."""
        ...


@runtime_checkable
class MaintainedStore(Protocol):
    """A store with files of its own, which have to be looked after."""

    @property
    def failure(self) -> str:
        """Say why a write failed, after which it takes none; empty: none did."""
        ...

    async def recover(self) -> None:
        """Try to take writes again after one failed; `failure` says if it does. Raises Broken."""
        ...

    async def scrub(self, start: bytes = b"") -> ScrubPart:
        """Read some of all rows with their checksums, from where another part has ended."""
        ...

    async def compact(self) -> None:
        """Give back the room of rows that were removed. Raises Broken."""
        ...
