"""The newest of many values, but for the last few kept as pages of JSON.

That takes a third of the room of objects, and leaves no holes among what requests use and return.
"""

from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from typing import Final, Generic, TypeVar

import msgspec

_PAGE: Final = 32  # values

T = TypeVar("T")


class Pages(Generic[T]):
    """A bounded record of values, which have the numbers from 1 on.

    Its methods are called by one thread at a time; what `after` gives is read by any.
    """

    def __init__(self, kind: type[T], capacity: int) -> None:
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]
        self._capacity = capacity
        self._newest: list[T] = []
        self._pages: deque[bytes | list[T]] = deque(maxlen=-(-capacity // _PAGE))  # those before
        self.last = 0  # number

    def add(self, value: T) -> None:
        """Add the next one, forgetting the oldest when there are too many."""
        self.last += 1
        self._newest.append(value)
        if len(self._newest) == _PAGE:
            self._pages.append(self._page(self._newest))
            self._newest = []

    def after(self, number: int, most: int) -> Iterator[T]:
        """Give so many at most of those with higher numbers, oldest first."""
        before_all = self.last - len(self._newest) - _PAGE * len(self._pages)
        begin, known = divmod(max(number, self.last - self._capacity) - before_all, _PAGE)
        end = begin - (known + most) // -_PAGE
        pages = [*self._pages, self._newest.copy()][begin:end]
        return islice(chain.from_iterable(map(self._values, pages)), known, known + most)

    def _page(self, values: list[T]) -> bytes | list[T]:
        """Write values; those with text that is no Unicode stay as they are."""
        try:
            return self._encoder.encode(values)
        except UnicodeEncodeError:
            return values

    def _values(self, page: bytes | list[T]) -> list[T]:
        return self._decoder.decode(page) if isinstance(page, bytes) else page
