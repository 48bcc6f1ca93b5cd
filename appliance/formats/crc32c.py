"""CRC-32C (Castagnoli), as LevelDB's and Badger's files have it (RFC 3720 appendix B.4).

Four octets a step, by two tables of 65,536 entries that are made when they are first needed: some
megabytes a second, which is enough for a database that is read once.
"""

from array import array
from functools import lru_cache
from sys import byteorder
from typing import Final, TypeAlias

Octets: TypeAlias = bytes | memoryview

_POLYNOMIAL: Final = 0x82F63B78  # reflected
_ALL: Final = 0xFFFFFFFF


def crc32c(data: Octets) -> int:
    """Give the checksum of octets."""
    low, high, single = _tables()
    crc = _ALL
    whole = len(data) & ~3
    words = array("I", bytes(data[:whole]))
    if byteorder == "big":
        words.byteswap()
    for word in words:
        mixed = crc ^ word
        crc = low[mixed & 0xFFFF] ^ high[mixed >> 16]
    for octet in data[whole:]:
        crc = single[(crc ^ octet) & 0xFF] ^ (crc >> 8)
    return crc ^ _ALL


@lru_cache(maxsize=1)
def _tables() -> tuple["array[int]", "array[int]", "array[int]"]:
    """Make what a word's lower and upper half, and a single octet, do to a checksum.

    Arrays: lists of as many numbers do not fit into a processor's cache.
    """
    single = [_shifted(octet, 8) for octet in range(256)]
    high = [
        single[(single[half & 0xFF] ^ half >> 8) & 0xFF] ^ single[half & 0xFF] >> 8
        for half in range(0x10000)
    ]
    low = high
    for _ in range(2):  # the lower half is followed by two octets more
        low = [each >> 8 ^ single[each & 0xFF] for each in low]
    return array("I", low), array("I", high), array("I", single)


def _shifted(value: int, bits: int) -> int:
    for _ in range(bits):
        value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
    return value
