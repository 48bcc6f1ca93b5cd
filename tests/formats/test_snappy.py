"""Snappy's block format, by its description: literals, and copies near and far."""

import pytest

from appliance.formats import snappy
from appliance.model.errors import FormatError


def literal(octets: bytes) -> bytes:
    size = len(octets) - 1
    if size < 60:
        return bytes((size << 2,)) + octets
    count = (size.bit_length() + 7) // 8
    return bytes(((59 + count) << 2,)) + size.to_bytes(count, "little") + octets


def length(number: int) -> bytes:
    out = b""
    while number >= 0x80:
        out, number = out + bytes((number & 0x7F | 0x80,)), number >> 7
    return out + bytes((number,))


@pytest.mark.parametrize(
    ("data", "plain"),
    [
        (b"\0", b""),
        (length(3) + literal(b"abc"), b"abc"),
        (length(300) + literal(bytes(300)), bytes(300)),
        (length(70_000) + literal(bytes(70_000)), bytes(70_000)),
        (length(7) + literal(b"abc") + b"\x01\x03", b"abcabca"),  # 4 octets, 3 back
        (length(13) + literal(b"ab") + b"\x1d\x01", b"ab" + b"b" * 11),  # into itself
        (length(8) + literal(b"abcd") + b"\x0e\x04\x00", b"abcdabcd"),  # two octets of place
        (length(8) + literal(b"abcd") + b"\x0f\x04\0\0\0", b"abcdabcd"),  # four
        (length(304) + literal(bytes(255) + b"x" * 45) + b"\x21\x2c", bytes(255) + b"x" * 45
         + bytes(4)),
    ],
)  # fmt: skip
def test_what_is_compressed_is_read(data: bytes, plain: bytes) -> None:
    assert snappy.decompress(data) == plain


@pytest.mark.parametrize(
    "data",
    [b"", b"\x80", b"\xff" * 6, length(4) + literal(b"abc"), length(2) + literal(b"abc"),
     length(3) + literal(b"abc")[:-1], length(4) + b"\x01\x01",
     length(7) + literal(b"abc") + b"\x01", length(7) + literal(b"abc") + b"\x01\x04",
     length(7) + literal(b"abc") + b"\x01\x00",
     b"\xff\xff\xff\xff\x0f" + literal(b"a"), length(9) + b"\xfc\xff\xff"],
)  # fmt: skip
def test_what_is_damaged_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match="compressed data"):
        snappy.decompress(data)
