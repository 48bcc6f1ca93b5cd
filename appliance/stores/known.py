"""Which keys there are where a CA looks for what is not there.

With each request it asks whether a token was used before, or a certificate revoked, and nearly
always there is no such row. LevelDB takes 15 microseconds to find nothing; and of tables that it
has looked into in vain it rewrites one for every hundred times or so, which was two thirds of all
that was written. A hash of each key in memory says the same: 4 octets of a key.
"""

from array import array
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, final

from appliance.stores.prefixes import end_of

_PARTS: Final = 256  # by one octet of the hash, so that little is moved when a key is added
_HASH: Final = 0xFFFF_FFFF


@final
class KnownKeys:
    """Keys that begin with one of some prefixes; those that were removed may stay."""

    def __init__(self, prefixes: Sequence[bytes]) -> None:
        self._prefixes = tuple(prefixes)
        self._parts = [array("I") for _ in range(_PARTS)]
        self.complete = False  # that there is no key that is not known here

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def add(self, keys: Iterable[bytes]) -> None:
        """Take keys; others than those with the prefixes are left out."""
        prefixes = self._prefixes
        for key in keys:
            if key.startswith(prefixes):
                part, place, number = self._place(key)
                if not _is_at(part, place, number):
                    part.insert(place, number)

    async def learn(self, read: Callable[[bytes, bytes], Awaitable[Sequence[bytes]]]) -> None:
        """Take all keys that there are, some at a time: `read` gives those from one to another.

        Whatever is added meanwhile must be told to `add`. Raises what `read` raises.
        """
        for prefix in self._prefixes:
            key = prefix
            while keys := await read(key, end_of(prefix)):
                self.add(keys)
                key = keys[-1] + b"\0"
        self.complete = True

    def lack(self, key: bytes) -> bool:
        """Say that there is surely no row; False where that is not known."""
        if not self.complete or not key.startswith(self._prefixes):
            return False
        return not _is_at(*self._place(key))

    def _place(self, key: bytes) -> tuple["array[int]", int, int]:
        """Give the part for a key, where in it its number is or should be, and the number."""
        number = hash(key)
        part, number = self._parts[number % _PARTS], number // _PARTS & _HASH
        return part, bisect_left(part, number), number


def _is_at(part: "array[int]", place: int, number: int) -> bool:
    return place < len(part) and part[place] == number
