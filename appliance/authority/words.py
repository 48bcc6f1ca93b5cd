"""Searching names as one types them: by what a name, or what follows a dot in it, begins with.

Names are in the index with their domain first (`arpa.home.nas`), so that those of a domain are
together. A word is looked for below each domain, one look each: `.arpa.home.na…` for `na`. The
domains themselves are found by leaps from one label to the next. A domain whose first labels have
no names below them is taken for one of hosts, of which there may be a million; and there are no
more than MOST_LOOKS looks, those at the shortest domains first: some dozens of milliseconds.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, TypeAlias

from appliance.authority.index import Buckets
from appliance.ports.store import Store

MOST_LOOKS: Final = 400
_LEAPS: Final = 250  # looks after which no more domains are found: the others are for them
_AT_ONCE: Final = 20  # rows that a look for labels reads, since hosts come one after the other
_HOSTS: Final = 40  # labels one after the other with nothing below them
_DOT: Final = b"."
_BEHIND_DOT: Final = b"/"  # the octet that follows it
_END: Final = b"\xff"

Rows: TypeAlias = Sequence[tuple[bytes, bytes]]


def matches(word: str, name: str) -> bool:
    """Say whether a name, or what follows a dot in it, begins with the word."""
    return f".{_plain(word)}" in f".{_plain(name)}"


async def rows(store: Store, buckets: Buckets, word: str, most: int) -> Rows:
    """Give the rows of names for a word, and perhaps of others; one more than `most`: too many.

    Of more domains than there are looks, those with the fewest labels are searched.
    """
    search = _Search(store, buckets.names, most)
    plain = _plain(word)
    *below, last = plain.encode().split(_DOT)
    behind = b"".join(_DOT + label for label in reversed(below))
    await search.gather(b"=" + plain.encode())  # addresses and emails are written as they are
    domains = deque([b""])
    while domains and search.goes_on:
        domain = domains.popleft()
        if behind:
            for label, _ in await search.labels(domain, last):
                await search.gather(domain + _DOT + label + behind)
        else:
            await search.gather(domain + _DOT + last)
        domains += [
            domain + _DOT + label for label, has_more in await search.labels(domain) if has_more
        ]
    return list(search.found.items())


class _Search:
    """What was found, and how many looks are left."""

    def __init__(self, store: Store, bucket: str, most: int) -> None:
        self._store, self._bucket, self._most = store, bucket, most
        self._looks = 0
        self.found: dict[bytes, bytes] = {}

    @property
    def goes_on(self) -> bool:
        """Whether there is more to look for, and a look left."""
        return self._looks < MOST_LOOKS and len(self.found) <= self._most

    async def gather(self, prefix: bytes) -> None:
        """Take the rows that begin so."""
        if self.goes_on:
            room = self._most + 1 - len(self.found)
            self.found.update(await self._look(prefix, prefix + _END, room))

    async def labels(self, domain: bytes, beginning: bytes = b"") -> Sequence[tuple[bytes, bool]]:
        """Give labels right below a domain that begin so, and whether there are names below."""
        found: dict[bytes, bool] = {}
        start, skip = domain + _DOT + beginning, len(domain) + 1
        stop, hosts, seen, before = start + _END, 0, _AT_ONCE, None
        while hosts < _HOSTS and self._looks < _LEAPS and seen == _AT_ONCE:
            rows = await self._look(start, stop, _AT_ONCE)
            seen = len(rows)
            for key, _ in rows:
                label, dot, _ = key.partition(b"\0")[0][skip:].partition(_DOT)
                if (label, dot) == before:
                    continue
                before = (label, dot)
                found[label] = found.get(label, False) or bool(dot)
                hosts = 0 if dot else hosts + 1
                start = domain + _DOT + label + (_BEHIND_DOT if dot else b"\x01")
        return list(found.items())

    async def _look(self, start: bytes, stop: bytes, limit: int) -> Rows:
        self._looks += 1
        return await self._store.scan(self._bucket, start=start, stop=stop, limit=limit)


def _plain(text: str) -> str:
    return text.lower().rstrip(".").replace("\0", "")
