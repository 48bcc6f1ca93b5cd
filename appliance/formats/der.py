"""DER: writing what certificates need, and a small strict reader (ITU-T X.690 section 10).

The reader takes single-octet tags and definite lengths in their shortest form only; anything else
is a FormatError, and so is anything left over.
"""

from datetime import UTC, datetime
from functools import lru_cache, partial

from msgspec import Struct

from appliance.model.errors import FormatError

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OBJECT_IDENTIFIER = 1, 2, 3, 4, 5, 6
UTF8_STRING, PRINTABLE_STRING, IA5_STRING, UTC_TIME, GENERALIZED_TIME = 12, 19, 22, 23, 24
SEQUENCE, SET = 0x30, 0x31
TRUE = b"\x01\x01\xff"
_OCTET = tuple(bytes((number,)) for number in range(256))


# ---- writing


def tlv(tag: int, *parts: bytes) -> bytes:
    """Write tag, length and the parts as one content."""
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return _OCTET[tag] + _OCTET[length] + content
    size = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(size))) + size + content


sequence = partial(tlv, SEQUENCE)
"""Write a SEQUENCE of encoded parts."""


def set_of(*parts: bytes) -> bytes:
    """Write a SET OF, sorted as X.690 section 11.6 asks."""
    return tlv(SET, *sorted(parts))


def context(number: int, *parts: bytes, constructed: bool = True) -> bytes:
    """Write a context-specific element, such as `[0]`, number 0 to 30."""
    return tlv((0xA0 if constructed else 0x80) | number, *parts)


def integer(number: int) -> bytes:
    """Write an INTEGER of any size and sign."""
    bits = number.bit_length() if number >= 0 else (number + 1).bit_length()
    return tlv(INTEGER, number.to_bytes(bits // 8 + 1, signed=True))


def octet_string(octets: bytes) -> bytes:
    """Write an OCTET STRING."""
    return tlv(OCTET_STRING, octets)


def bit_string(octets: bytes) -> bytes:
    """Write a BIT STRING of whole octets."""
    return tlv(BIT_STRING, b"\0", octets)


def null() -> bytes:
    """Write a NULL."""
    return b"\x05\0"


def utf8_string(text: str) -> bytes:
    """Write a UTF8String."""
    return tlv(UTF8_STRING, text.encode())


@lru_cache(maxsize=256)
def oid(dotted: str) -> bytes:
    """Write an OBJECT IDENTIFIER given as `1.2.840…`. Raises FormatError."""
    arcs = dotted.split(".")
    if len(arcs) < 2 or not all(arc.isascii() and arc.isdigit() and len(arc) < 40 for arc in arcs):
        raise FormatError(f"not an object identifier: {dotted[:80]!r}")
    top, second, *rest = map(int, arcs)
    if top > 2 or (top < 2 and second > 39):
        raise FormatError(f"not an object identifier: {dotted[:80]!r}")
    return tlv(OBJECT_IDENTIFIER, *map(_base128, (top * 40 + second, *rest)))


@lru_cache(maxsize=64)  # the certificates of one second have the same dates
def time(moment: datetime) -> bytes:
    """Write an aware datetime: UTCTime through 2049, then GeneralizedTime (RFC 5280 4.1.2.5).

    Fractions of a second are cut off.
    """
    moment = moment.astimezone(UTC)
    if 1950 <= moment.year < 2050:
        return tlv(UTC_TIME, f"{moment:%y%m%d%H%M%S}Z".encode())
    return tlv(GENERALIZED_TIME, f"{moment.year:04}{moment:%m%d%H%M%S}Z".encode())


def _base128(number: int) -> bytes:
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.append(number & 0x7F | 0x80)
    return bytes(reversed(octets))


# ---- reading


class Element(Struct, frozen=True, gc=False):  # a certificate has dozens
    """One element within `source`: header at `start`, content from `content` to `end`."""

    source: bytes
    tag: int
    start: int
    content: int
    end: int

    @property
    def raw(self) -> bytes:
        """The whole element."""
        return self.source[self.start : self.end]

    @property
    def value(self) -> bytes:
        """Its content."""
        return self.source[self.content : self.end]


def read(data: bytes) -> Element:
    """Read the one element that the data is. Raises FormatError."""
    element = _element(data, 0, len(data))
    if element.end != len(data):
        raise FormatError("DER: octets after the end")
    return element


def children(element: Element) -> list[Element]:
    """Read the elements inside a constructed one. Raises FormatError."""
    if not element.tag & 0x20:
        raise FormatError(f"DER: tag 0x{element.tag:02x} holds no elements")
    found = []
    position, end = element.content, element.end
    while position < end:
        found.append(_element(element.source, position, end))
        position = found[-1].end
    return found


def first(element: Element) -> Element:
    """Read the first of the elements inside. Raises FormatError when there is none."""
    found = children(element)
    if not found:
        raise FormatError("DER: an element is missing")
    return found[0]


def exactly(element: Element, count: int) -> list[Element]:
    """Read the elements inside, so many of them. Raises FormatError."""
    found = children(element)
    if len(found) != count:
        raise FormatError(f"DER: {len(found)} elements where {count} belong")
    return found


def expect(element: Element, tag: int) -> Element:
    """Give the element back when it has the tag. Raises FormatError."""
    if element.tag != tag:
        raise FormatError(f"DER: tag 0x{element.tag:02x} where 0x{tag:02x} belongs")
    return element


def items(data: bytes) -> list[Element]:
    """Read data that is one SEQUENCE, and give what is in it. Raises FormatError."""
    return children(expect(read(data), SEQUENCE))


def read_integer(element: Element) -> int:
    """Read an INTEGER. Raises FormatError."""
    value = expect(element, INTEGER).value
    if not value or (len(value) > 1 and value[0] in (0, 0xFF) and (value[0] ^ value[1]) < 0x80):
        raise FormatError("DER: an INTEGER that is empty or not in its shortest form")
    return int.from_bytes(value, signed=True)


def read_oid(element: Element) -> str:
    """Read an OBJECT IDENTIFIER as dotted text. Raises FormatError."""
    return _dotted(expect(element, OBJECT_IDENTIFIER).value)


@lru_cache(maxsize=256)  # certificates have the same few
def _dotted(value: bytes) -> str:
    if not value or value[-1] & 0x80 or len(value) > 128:
        raise FormatError("DER: a broken OBJECT IDENTIFIER")
    numbers, number, fresh = [], 0, True
    for octet in value:
        if fresh and octet == 0x80:
            raise FormatError("DER: an OBJECT IDENTIFIER not in its shortest form")
        number = number << 7 | octet & 0x7F
        fresh = not octet & 0x80
        if fresh:
            numbers.append(number)
            number = 0
    top = min(numbers[0] // 40, 2)
    return ".".join(map(str, (top, numbers[0] - top * 40, *numbers[1:])))


def read_bits(element: Element) -> bytes:
    """Read a BIT STRING of whole octets. Raises FormatError."""
    value = expect(element, BIT_STRING).value
    if not value or value[0] != 0:
        raise FormatError("DER: a BIT STRING that is empty or ends within an octet")
    return value[1:]


def _element(data: bytes, start: int, end: int) -> Element:
    if end - start < 2:
        raise FormatError("DER: cut off")
    tag, length, content = data[start], data[start + 1], start + 2
    if tag & 0x1F == 0x1F:
        raise FormatError("DER: a tag of more than one octet")
    if length >= 0x80:
        count = length & 0x7F
        size = data[content : content + count]
        length = int.from_bytes(size)
        content += count
        if not 0 < count <= 4 or size[:1] == b"\0" or length < 0x80:
            raise FormatError("DER: a length not in its shortest form")
    if content + length > end:
        raise FormatError("DER: cut off")
    return Element(data, tag, start, content, content + length)
