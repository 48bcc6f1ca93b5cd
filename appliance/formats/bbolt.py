"""bbolt's files, read and never written, as step-ca leaves them: a tree of pages for each table.

    meta (two of them; the newer one holds) ─ root ─ branches ─ leaves: a table's name → its root
    a table's root ─ branches ─ leaves: key → value; a small table is within the leaf above

Pages are of the size that meta says, and numbered; one with much in it goes on over those that
follow. Only meta has a checksum. So every page is held against all that is known of it: its number,
its kind, the order of its keys and those above them, that what it holds lies close together, and
that each page of the file is in use once, or free. A bit that flips within a value is beyond that:
see what the rows say themselves (authority.row_forms).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from appliance.formats.embedded import Octets, Row, Unreadable
from appliance.model.errors import FormatError

_MAGIC: Final = 0xED0CDAED
_VERSION: Final = 2
_PAGE: Final = struct.Struct("<QHHI")  # number, kind, count, pages that follow
_META: Final = struct.Struct("<IIIIQQQQQQ")
_BRANCH: Final = struct.Struct("<IIQ")  # where the key is, its length, the page
_LEAF: Final = struct.Struct("<IIII")  # flags, where the key is, its length, that of the value
_BUCKET: Final = struct.Struct("<QQ")  # root, sequence
_IS_BRANCH, _IS_LEAF, _IS_META, _IS_FREE_LIST = 1, 2, 4, 16
_IS_BUCKET: Final = 1
_NO_FREE_LIST: Final = 2**64 - 1
_MANY: Final = 0xFFFF  # the count of a free list that does not fit into its head
_PAGE_SIZES: Final = [512 << shift for shift in range(8)]
_DEEPEST: Final = 40
_FNV_START, _FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meta:
    page_size: int
    root: int
    free_list: int
    pages: int
    transaction: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """An opened file. `unfinished` says that the last transaction may be missing."""

    data: Octets
    meta: _Meta = field(repr=False)
    unfinished: tuple[Unreadable, ...] = ()

    def contents(self) -> Iterator[Row | Unreadable]:
        """Give every row. Raises FormatError where the tree of pages is damaged."""
        yield from self.unfinished
        walk = _Walk(self.data, self.meta)
        yield from walk.bucket(self.meta.root, (), 0)
        walk.finish()


def read(data: Octets) -> Database:
    """Open a file. Raises FormatError for one that is none, is cut off or has no beginning."""
    metas = [found for size in _PAGE_SIZES for found in [_meta(data, size)] if found]
    first = _meta(data, 0)
    if first is not None:
        metas = [meta for meta in metas if meta.page_size == first.page_size]
    known = {meta.transaction: meta for meta in [*([first] if first else ()), *metas]}
    if not known:
        raise FormatError("this is not a bbolt database, or its first pages are damaged")
    newest = known[max(known)]
    if newest.pages * newest.page_size > len(data):
        raise FormatError(
            f"the file is cut off: it has {len(data)} octets of {newest.pages * newest.page_size}"
        )
    unfinished: tuple[Unreadable, ...] = ()
    if len(known) < 2:
        unfinished = (
            Unreadable(
                reason="one of the two meta pages is damaged: the last write may be missing"
            ),
        )
    return Database(data=data, meta=newest, unfinished=unfinished)


def _meta(data: Octets, start: int) -> _Meta | None:
    """Read one of the two meta pages, which begins there; None when it is damaged."""
    position = start + _PAGE.size
    if position + _META.size > len(data):
        return None
    _, kind, _, _ = _PAGE.unpack_from(data, start)
    magic, version, size, _, root, _, free_list, pages, transaction, checksum = _META.unpack_from(
        data, position
    )
    if (kind, magic, version) != (_IS_META, _MAGIC, _VERSION) or size not in _PAGE_SIZES:
        return None
    if start not in (0, size) or _fnv(data[position : position + _META.size - 8]) != checksum:
        return None
    return _Meta(
        page_size=size, root=root, free_list=free_list, pages=pages, transaction=transaction
    )


def _fnv(data: Octets) -> int:
    """FNV-1a of 64 bits."""
    value = _FNV_START
    for octet in data:
        value = (value ^ octet) * _FNV_PRIME % 2**64
    return value


@dataclass(frozen=True, slots=True)
class _Element:
    """What a page says of one key: of a branch, its page; of a leaf, its value."""

    key: bytes
    page: int = 0
    value: Octets = b""
    is_bucket: bool = False


class _Walk:
    """One walk through all pages, which remembers where it was."""

    def __init__(self, data: Octets, meta: _Meta) -> None:
        self._data = data
        self._meta = meta
        self._seen: set[int] = {0, 1}

    def bucket(self, root: int, path: tuple[bytes, ...], depth: int) -> Iterator[Row | Unreadable]:
        """Give the rows of a table and of those in it."""
        yield from self._rows(self._tree(root, None, None, depth), path, depth)

    def finish(self) -> None:
        """See that every page that was not met is free. Raises FormatError."""
        if self._meta.free_list == _NO_FREE_LIST:
            return
        octets, kind, count = self._page(self._meta.free_list)
        if kind != _IS_FREE_LIST:
            raise _damaged(self._meta.free_list, "it is not the list of free pages")
        start = _PAGE.size
        if count == _MANY:
            count = int.from_bytes(octets[start : start + 8], "little")
            start += 8
        if start + 8 * count > len(octets):
            raise _damaged(self._meta.free_list, "the list of free pages is cut off")
        free = set(struct.unpack_from(f"<{count}Q", octets, start))
        if free & self._seen or free | self._seen != set(range(self._meta.pages)):
            raise FormatError("the file is damaged: pages are lost, or both free and in use")

    def _rows(
        self, elements: Iterator[_Element], path: tuple[bytes, ...], depth: int
    ) -> Iterator[Row | Unreadable]:
        for each in elements:
            if each.is_bucket:
                yield from self._nested(each, path, depth + 1)
                continue
            try:
                table = "/".join(name.decode() for name in path)
            except UnicodeDecodeError:
                table = ""
            if not table:
                yield Unreadable(key=each.key, reason="a row in a table that step-ca does not have")
            else:
                yield Row(table=table, key=each.key, value=bytes(each.value))

    def _nested(
        self, bucket: _Element, path: tuple[bytes, ...], depth: int
    ) -> Iterator[Row | Unreadable]:
        if len(bucket.value) < _BUCKET.size or depth > _DEEPEST:
            raise FormatError("the file is damaged: a table has no beginning")
        root, _ = _BUCKET.unpack_from(bucket.value)
        inner = (*path, bucket.key)
        if root:
            yield from self.bucket(root, inner, depth)
            return
        octets = bucket.value[_BUCKET.size :]
        if len(octets) < _PAGE.size:
            raise FormatError("the file is damaged: a table has no page")
        _, kind, count, _ = _PAGE.unpack_from(octets)
        if kind != _IS_LEAF:
            raise FormatError("the file is damaged: a table within a leaf is no leaf")
        elements = list(_leaf(octets, count, 0))
        _check_order(elements, None, None, 0)
        yield from self._rows(iter(elements), inner, depth)

    def _tree(
        self, number: int, low: bytes | None, high: bytes | None, depth: int
    ) -> Iterator[_Element]:
        """Give the elements of all leaves below a page: keys from `low` to before `high`."""
        octets, kind, count = self._page(number)
        if depth > _DEEPEST or kind not in (_IS_BRANCH, _IS_LEAF):
            raise _damaged(number, "it is no page of a table")
        read_ = _leaf if kind == _IS_LEAF else _branch
        elements = list(read_(octets, count, number))
        _check_order(elements, low, high, number)
        if kind == _IS_LEAF:
            yield from elements
            return
        if not elements:
            raise _damaged(number, "it leads nowhere")
        ends = [*(each.key for each in elements[1:]), high]
        for each, end in zip(elements, ends, strict=True):
            yield from self._tree(each.page, each.key, end, depth + 1)

    def _page(self, number: int) -> tuple[Octets, int, int]:
        """Give a page, with those that it goes on over, its kind and its count."""
        size = self._meta.page_size
        if not 1 < number < self._meta.pages:
            raise _damaged(number, "there is no such page")
        start = number * size
        told, kind, count, more = _PAGE.unpack_from(self._data, start)
        if told != number or number + more >= self._meta.pages:
            raise _damaged(number, "it says that it is another")
        pages = range(number, number + more + 1)
        if not self._seen.isdisjoint(pages):
            raise _damaged(number, "it is used twice")
        self._seen.update(pages)
        return self._data[start : start + len(pages) * size], kind, count


def _leaf(octets: Octets, count: int, number: int) -> Iterator[_Element]:
    end = _PAGE.size + count * _LEAF.size
    if end > len(octets):
        raise _damaged(number, "it is cut off")
    for place in range(_PAGE.size, end, _LEAF.size):
        flags, position, key, value = _LEAF.unpack_from(octets, place)
        start = place + position
        content = _content(octets, start, end, key + value, number)
        end = start + key + value
        if flags not in (0, _IS_BUCKET):
            raise _damaged(number, "a row of an unknown kind")
        yield _Element(
            bytes(content[:key]), value=content[key:], is_bucket=bool(flags & _IS_BUCKET)
        )


def _branch(octets: Octets, count: int, number: int) -> Iterator[_Element]:
    end = _PAGE.size + count * _BRANCH.size
    if end > len(octets):
        raise _damaged(number, "it is cut off")
    for place in range(_PAGE.size, end, _BRANCH.size):
        position, key, page = _BRANCH.unpack_from(octets, place)
        start = place + position
        yield _Element(bytes(_content(octets, start, end, key, number)), page=page)
        end = start + key


def _content(octets: Octets, start: int, expected: int, length: int, number: int) -> Octets:
    if start != expected or start + length > len(octets):
        raise _damaged(number, "its rows do not lie where they should")
    return octets[start : start + length]


def _check_order(
    elements: list[_Element], low: bytes | None, high: bytes | None, number: int
) -> None:
    keys = [each.key for each in elements]
    ordered = all(a < b for a, b in pairwise(keys)) and all(keys)
    if keys and (
        not ordered
        or (low is not None and keys[0] < low)
        or (high is not None and keys[-1] >= high)
    ):
        raise _damaged(number, "its keys are not in order")


def _damaged(number: int, why: str) -> FormatError:
    return FormatError(
        f"page {number} is damaged: {why}" if number else f"a page is damaged: {why}"
    )
