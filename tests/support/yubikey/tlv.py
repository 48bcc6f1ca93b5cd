"""Octets on the wire to a smart card: BER-TLV, command APDUs, status words (ISO 7816-4)."""

from dataclasses import dataclass

OK = 0x9000
WRONG_LENGTH = 0x6700
NOT_SATISFIED = 0x6982  # of PIN, touch or management key
BLOCKED = 0x6983
NOT_NOW = 0x6985
BAD_DATA = 0x6A80
NO_FILE = 0x6A82
NO_SPACE = 0x6A84
NO_REFERENCE = 0x6A88
BAD_PARAMETER = 0x6B00
NO_COMMAND = 0x6D00
NO_CLASS = 0x6E00


class Status(Exception):
    """What a card answers instead of data."""

    def __init__(self, word: int) -> None:
        super().__init__(f"{word:04x}")
        self.word = word


def tlv(tag: int, value: bytes = b"") -> bytes:
    """Write one element."""
    count = len(value)
    if count < 0x80:
        length = bytes([count])
    elif count < 0x100:
        length = bytes([0x81, count])
    else:
        length = b"\x82" + count.to_bytes(2)
    return tag.to_bytes((tag.bit_length() + 7) // 8 or 1) + length + value


def elements(data: bytes) -> list[tuple[int, bytes]]:
    """Read one level of elements."""
    found, at = [], 0
    try:
        while at < len(data):
            tag, at = data[at], at + 1
            if tag & 0x1F == 0x1F:
                tag, at = tag << 8 | data[at], at + 1
            count, at = data[at], at + 1
            if count & 0x80:
                size = count & 0x7F
                count, at = int.from_bytes(data[at : at + size]), at + size
            if at + count > len(data):
                raise Status(BAD_DATA)
            found.append((tag, data[at : at + count]))
            at += count
    except IndexError:
        raise Status(BAD_DATA) from None
    return found


def inner(data: bytes, tag: int) -> dict[int, bytes]:
    """Read the elements inside the first one, which has this tag."""
    outer = elements(data)
    if not outer or outer[0][0] != tag:
        raise Status(BAD_DATA)
    return dict(elements(outer[0][1]))


@dataclass(frozen=True, slots=True)
class Command:
    """A command APDU. `extended` tells how long the answer may be."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    extended: bool = False


def command(apdu: bytes) -> Command:
    """Read a command of either length form."""
    if len(apdu) < 4:
        raise Status(WRONG_LENGTH)
    cla, ins, p1, p2 = apdu[:4]
    body = apdu[4:]
    if len(body) <= 1:
        return Command(cla, ins, p1, p2)
    extended = body[0] == 0 and len(body) >= 3
    if extended:
        if len(body) == 3:
            return Command(cla, ins, p1, p2, extended=True)
        count, head, tail = int.from_bytes(body[1:3]), 3, 2
    else:
        count, head, tail = body[0], 1, 1
    if len(body) not in (head + count, head + count + tail):
        raise Status(WRONG_LENGTH)
    return Command(cla, ins, p1, p2, body[head : head + count], extended)
