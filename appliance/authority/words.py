"""Searching names as one types them: by what a name, or what follows a dot in it, begins with.

Names are in the index with their domain first (`arpa.home.nas`), so that those of a domain are
together. A word is looked for below each domain, one look each: `.arpa.home.na…` for `na`. The
domains themselves are found by leaps from one label to the next, and MOST_LABELS of them below each
one: so a domain with a million hosts costs a few looks.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, TypeAlias

from appliance.authority.index import Buckets
from appliance.ports.store import Store

MOST_LABELS: Final = 100
MOST_DOMAINS: Final = 200
_DOT: Final = b"."
_BEHIND_DOT: Final = b"/"  # the octet that follows it
_END: Final = b"\xff"

Rows: TypeAlias = Sequence[tuple[bytes, bytes]]


def matches(word: str, name: str) -> bool:
    """Say whether a name, or what follows a dot in it, begins with the word."""
    return f".{_plain(word)}" in f".{_plain(name)}"


async def rows(store: Store, buckets: Buckets, word: str, most: int) -> Rows:
    """Give the rows of names for a word, and perhaps of others; one more than `most`: too many.

    Of more than MOST_DOMAINS domains those with the fewest labels are searched.
    """
    plain = _plain(word)
    *below, last = plain.encode().split(_DOT)
    behind = b"".join(_DOT + label for label in reversed(below))
    found: dict[bytes, bytes] = {}

    async def gather(prefix: bytes) -> None:
        limit = most + 1 - len(found)
        if limit > 0:
            found.update(
                await store.scan(buckets.names, start=prefix, stop=prefix + _END, limit=limit)
            )

    await gather(b"=" + plain.encode())  # addresses and emails are written as they are
    domains, searched = deque([b""]), 0
    while domains and searched < MOST_DOMAINS and len(found) <= most:
        domain, searched = domains.popleft(), searched + 1
        if behind:
            for label, _ in await _labels(store, buckets, domain, last):
                await gather(domain + _DOT + label + behind)
        else:
            await gather(domain + _DOT + last)
        labels = await _labels(store, buckets, domain, b"")
        domains += [domain + _DOT + label for label, has_more in labels if has_more]
    return list(found.items())


async def _labels(
    store: Store, buckets: Buckets, domain: bytes, beginning: bytes
) -> Sequence[tuple[bytes, bool]]:
    """Give the labels right below a domain that begin so, and whether there are names below."""
    found: dict[bytes, bool] = {}
    start, skip = domain + _DOT + beginning, len(domain) + 1
    stop = start + _END
    for _ in range(MOST_LABELS):
        seen = await store.scan(buckets.names, start=start, stop=stop, limit=1)
        if not seen:
            break
        name = seen[0][0].partition(b"\0")[0]
        label, dot, _rest = name[skip:].partition(_DOT)
        found[label] = bool(dot)
        start = domain + _DOT + label + (_BEHIND_DOT if dot else b"\x01")
    return list(found.items())


def _plain(text: str) -> str:
    return text.lower().rstrip(".").replace("\0", "")
