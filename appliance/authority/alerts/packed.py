"""Many small rows in a few large pieces of memory.

In a dict, a row takes up as much again as it has octets, and is an object of its own: tens of
thousands of them, made while requests come and go, keep all memory around them from being given
back.
"""

from array import array
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Final, final

KEY: Final = 16  # octets
_PARTS: Final = 256  # by the first octet of the key: of 50,000 rows, some 200 are in each


@final
class PackedTable:
    """Rows of octets in no order, by keys of 16 octets, which are parts of hashes."""

    def __init__(self) -> None:
        self._parts = [_Part() for _ in range(_PARTS)]

    def __len__(self) -> int:
        return sum(len(part.sizes) for part in self._parts)

    def get(self, key: bytes) -> bytes | None:
        """Give a row; None where there is none."""
        part = self._parts[key[0]]
        index = part.index(key)
        return None if index is None else bytes(part.rows[part.span(index)])

    def put(self, key: bytes, row: bytes) -> None:
        """Add a row, or write it anew."""
        part = self._parts[key[0]]
        index = part.index(key)
        if index is None:
            part.keys += key
            part.sizes.append(len(row))
            part.rows += row
        else:
            part.rows[part.span(index)] = row
            part.sizes[index] = len(row)

    def remove(self, key: bytes) -> None:
        """Remove a row; that there is none is no fault."""
        part = self._parts[key[0]]
        index = part.index(key)
        if index is not None:
            del part.rows[part.span(index)]
            del part.keys[index * KEY : (index + 1) * KEY]
            del part.sizes[index]

    def rows(self) -> Iterator[bytes]:
        """Give all rows. Nothing may be changed meanwhile."""
        for part in self._parts:
            yield from part

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Give all rows with their keys. Nothing may be changed meanwhile."""
        for part in self._parts:
            for index, row in enumerate(part):
                yield bytes(part.keys[index * KEY : (index + 1) * KEY]), row


@final
class _Part:
    """Rows one behind the other, how long each is, and their keys."""

    __slots__ = ("keys", "rows", "sizes")

    def __init__(self) -> None:
        self.keys, self.sizes, self.rows = bytearray(), array("I"), bytearray()

    def __iter__(self) -> Iterator[bytes]:
        rows = bytes(self.rows)
        for start, end in pairwise(accumulate(self.sizes, initial=0)):
            yield rows[start:end]

    def index(self, key: bytes) -> int | None:
        at = self.keys.find(key)
        while at > 0 and at % KEY:  # the end of one key and the beginning of the next
            at = self.keys.find(key, at + 1)
        return None if at < 0 else at // KEY

    def span(self, index: int) -> slice:
        start = sum(self.sizes[:index])
        return slice(start, start + self.sizes[index])
