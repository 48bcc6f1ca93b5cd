"""A store that ends with the process: a CA without a database, and tests."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby, islice
from typing import TypeAlias, final

import trio

from appliance.model.errors import Broken
from appliance.ports.store import Append, Operation, Told
from appliance.stores.chains import Chains
from appliance.stores.conditions import value_after

_Rows: TypeAlias = dict[tuple[str, bytes], bytes | None]  # None: removed


@dataclass(slots=True)
class _Bucket:
    """Rows, and their keys in order: sorted when somebody scans, which is seldom."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    keys: list[bytes] = field(default_factory=list)
    fresh: list[bytes] = field(default_factory=list)  # not yet among `keys`

    def put(self, key: bytes, value: bytes) -> None:
        if key not in self.rows:
            self.fresh.append(key)
        self.rows[key] = value

    def ordered(self) -> list[bytes]:
        """Give the keys in order, some perhaps twice or without a row."""
        if self.fresh:
            self.keys += self.fresh
            self.fresh.clear()
            self.keys.sort()
        if len(self.keys) > 2 * len(self.rows) + 100:
            self.keys = sorted(self.rows)
        return self.keys


@final
class MemoryStore:
    """Rows in memory (ports.store.Store)."""

    def __init__(self) -> None:
        self._buckets: defaultdict[str, _Bucket] = defaultdict(_Bucket)
        self._closed = False
        self._chains = Chains(self._last)

    @property
    def description(self) -> str:
        """Kind, and what it means."""
        return "memory, until the process ends"

    async def get(self, bucket: str, key: bytes) -> bytes | None:
        """Give the value, or None."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        return self._buckets[bucket].rows.get(key)

    async def commit(self, operations: Sequence[Operation]) -> None:
        """Do all of it or nothing."""
        await trio.lowlevel.checkpoint()
        self._do(operations)

    def submit(self, operations: Sequence[Operation], told: Told) -> None:
        """Do all of it or nothing, and tell of it (ports.store.PromptStore)."""
        self._do(operations)
        told(None)

    async def note(self, operations: Sequence[Operation]) -> None:
        """Do all of it or nothing."""
        await self.commit(operations)

    def _do(self, operations: Sequence[Operation]) -> None:
        self._check_open()
        changed: _Rows = {}
        ends, seen = self._chains.begin(), partial(self._seen, changed)
        for operation in operations:
            if isinstance(operation, Append):
                number, body = ends.append(operation)
                changed[operation.bucket, number] = body
                continue
            place = operation.bucket, operation.key
            changed[place] = value_after(operation, place, seen)
        ends.accept()
        for (bucket, key), value in changed.items():
            if value is None:
                self._buckets[bucket].rows.pop(key, None)
            else:
                self._buckets[bucket].put(key, value)

    async def scan(
        self,
        bucket: str,
        *,
        start: bytes = b"",
        stop: bytes | None = None,
        reverse: bool = False,
        limit: int = 1000,
    ) -> list[tuple[bytes, bytes]]:
        """Give pairs in key order."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        if limit <= 0:
            return []
        rows, keys = self._buckets[bucket].rows, self._buckets[bucket].ordered()
        first = bisect_left(keys, start)
        last = len(keys) if stop is None else bisect_left(keys, stop)
        places = range(last - 1, first - 1, -1) if reverse else range(first, last)
        present = (key for key, _ in groupby(keys[place] for place in places) if key in rows)
        return [(key, rows[key]) for key in islice(present, limit)]

    async def aclose(self) -> None:
        """Forget everything."""
        self._closed = True
        self._buckets.clear()
        await trio.lowlevel.checkpoint()

    def _seen(self, changed: _Rows, place: tuple[str, bytes]) -> bytes | None:
        if place in changed:
            return changed[place]
        bucket, key = place
        return self._buckets[bucket].rows.get(key)

    def _last(self, bucket: str) -> tuple[bytes, bytes] | None:
        rows = self._buckets[bucket].rows
        return max(rows.items(), default=None)

    def _check_open(self) -> None:
        if self._closed:
            raise Broken("the store is closed")
