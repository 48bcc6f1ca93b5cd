"""Protocol Buffers, as far as small fixed messages need them: fields read one by one, and written.

https://protobuf.dev/programming-guides/encoding. Groups, which nobody writes any more, are refused.
"""

from collections.abc import Iterable, Iterator

from appliance.model.errors import FormatError

_VARINT, _FIXED64, _OCTETS, _FIXED32 = 0, 1, 2, 5
_LAST_NUMBER = 2**29 - 1
_FIXED = {_FIXED64: 8, _FIXED32: 4}


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Give number and value of each field: an int for a varint, else octets.

    An int is unsigned and of 64 bits. Raises FormatError.
    """
    position = 0
    while position < len(message):
        key, position = _read_varint(message, position)
        number, kind = key >> 3, key & 7
        if not 0 < number <= _LAST_NUMBER:
            raise FormatError("protobuf: a field number that cannot be")
        if kind == _VARINT:
            value, position = _read_varint(message, position)
            yield number, value
            continue
        if kind == _OCTETS:
            length, position = _read_varint(message, position)
        elif kind in _FIXED:
            length = _FIXED[kind]
        else:
            raise FormatError(f"protobuf: a field of wire type {kind}")
        if position + length > len(message):
            raise FormatError("protobuf: cut off")
        yield number, message[position : position + length]
        position += length


def varints(packed: bytes) -> Iterator[int]:
    """Read a packed list of varints. Raises FormatError."""
    position = 0
    while position < len(packed):
        value, position = _read_varint(packed, position)
        yield value


def text(value: int | bytes) -> str:
    """Read a string. Raises FormatError."""
    try:
        return octets(value).decode()
    except UnicodeDecodeError:
        raise FormatError("protobuf: a string that is not UTF-8") from None


def octets(value: int | bytes) -> bytes:
    """Take a value that must be octets. Raises FormatError."""
    if isinstance(value, int):
        raise FormatError("protobuf: a number where octets belong")
    return value


def number(value: int | bytes) -> int:
    """Take a value that must be a varint. Raises FormatError."""
    if not isinstance(value, int):
        raise FormatError("protobuf: octets where a number belongs")
    return value


def signed(value: int | bytes) -> int:
    """Read an int64, which is written as its two's complement. Raises FormatError."""
    unsigned = number(value)
    return unsigned - 2**64 if unsigned >= 2**63 else unsigned


def varint_field(key: int, value: int) -> bytes:
    """Write a number, of which 64 bits are kept; nothing for zero, which is the default."""
    return _varint(key << 3 | _VARINT) + _varint(value % 2**64) if value else b""


def octets_field(key: int, value: bytes, *, always: bool = False) -> bytes:
    """Write octets, a string or a message; nothing when empty, unless it is one of a list."""
    if not value and not always:
        return b""
    return _varint(key << 3 | _OCTETS) + _varint(len(value)) + value


def packed_field(key: int, values: Iterable[int]) -> bytes:
    """Write a list of unsigned numbers in one field."""
    return octets_field(key, b"".join(map(_varint, values)))


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for place, octet in enumerate(data[position : position + 10]):
        value |= (octet & 0x7F) << 7 * place
        if octet < 0x80:
            if value >= 2**64:
                break
            return value, position + place + 1
    raise FormatError("protobuf: a number that is cut off or too large")
