"""The ends of chained buckets, kept in memory by the one who decides: chaining reads nothing.

A transaction's entries follow the end as it is when the transaction is decided, which is the order
in which transactions are written; one that is refused leaves the end as it was.
"""

from collections.abc import Callable
from typing import final

from appliance.formats import chain
from appliance.formats.chain import Link
from appliance.model.errors import Broken, FormatError
from appliance.ports.store import Append


@final
class Chains:
    """Every chain of a store. `last` reads the last row of a bucket."""

    def __init__(self, last: Callable[[str], tuple[bytes, bytes] | None]) -> None:
        self._last = last
        self._ends: dict[str, Link] = {}

    def begin(self) -> "NewEnds":
        """Begin a transaction."""
        return NewEnds(self)

    def end(self, bucket: str) -> Link:
        """Give the entry that the next one follows. Raises Broken."""
        if bucket not in self._ends:
            row = self._last(bucket)
            try:
                self._ends[bucket] = chain.read(*row).link if row else chain.START
            except FormatError as error:
                raise Broken(
                    f"the last row of {bucket} cannot be read", detail=error.public
                ) from error
        return self._ends[bucket]

    def move(self, ends: dict[str, Link]) -> None:
        """Take the ends of a transaction that is accepted."""
        self._ends.update(ends)

    def forget(self) -> None:
        """Read the ends again: what was accepted is not written."""
        self._ends.clear()


@final
class NewEnds:
    """The ends as one transaction moves them."""

    def __init__(self, chains: Chains) -> None:
        self._chains = chains
        self._ends: dict[str, Link] = {}

    def append(self, operation: Append) -> tuple[bytes, bytes]:
        """Give the entry's row. Raises Broken."""
        bucket = operation.bucket
        last = self._ends.get(bucket) or self._chains.end(bucket)
        entry = chain.after(last, operation.body)
        self._ends[bucket] = entry.link
        return entry.row

    def accept(self) -> None:
        """Let the next transaction follow."""
        self._chains.move(self._ends)
