"""Entries that are chained: each carries the hash of the one before it.

An entry's key is its number, 8 octets, big-endian, from 1 on; its value is the hash of the entry
before it (zeros before the first), then its body. The hash of an entry is SHA-256 over key and
value, so the last one stands for all of them: none can be changed, taken out or put in between
without another last hash.
"""

from hashlib import sha256
from typing import Final

from msgspec import Struct

from appliance.model.errors import FormatError

HASH_OCTETS: Final = 32
_KEY_OCTETS: Final = 8


class Link(Struct, frozen=True):
    """An entry as what the next one is chained to."""

    number: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.number}:{self.hash.hex()}"


START: Final = Link(0, bytes(HASH_OCTETS))


class Entry(Struct, frozen=True):
    """One entry."""

    number: int
    previous: bytes  # the hash of the one before
    body: bytes

    @property
    def row(self) -> tuple[bytes, bytes]:
        """Key and value."""
        return key(self.number), self.previous + self.body

    @property
    def link(self) -> Link:
        """What the next one is chained to."""
        return Link(self.number, sha256(key(self.number) + self.previous + self.body).digest())


def after(last: Link, body: bytes) -> Entry:
    """Make the entry that follows."""
    return Entry(last.number + 1, last.hash, body)


def key(number: int) -> bytes:
    """Write a number."""
    return number.to_bytes(_KEY_OCTETS)


def read(key: bytes, value: bytes) -> Entry:
    """Read an entry's row. Raises FormatError."""
    if len(key) != _KEY_OCTETS or len(value) < HASH_OCTETS:
        raise FormatError(f"the row {key.hex()} is no entry")
    return Entry(int.from_bytes(key), value[:HASH_OCTETS], value[HASH_OCTETS:])


def read_link(text: str) -> Link:
    """Read a link as people keep it: `number:hash`. Raises FormatError."""
    number, _, digest = text.strip().partition(":")
    try:
        link = Link(int(number), bytes.fromhex(digest))
    except ValueError:
        link = START
    if link.number < 1 or len(link.hash) != HASH_OCTETS:
        raise FormatError(f"'{text[:100]}' is not a number and a hash, such as 17:4f1a…")
    return link
