"""CBOR (RFC 8949) as attestation statements have it: integers, octets, text, lists and maps.

Strict where a statement has no use for more: lengths are definite, the keys of a map are text and
differ, nothing follows. Tags and floating point are not read.
"""

from typing import Final, TypeAlias

from appliance.model.errors import FormatError

Value: TypeAlias = "int | bytes | str | bool | list[Value] | dict[str, Value] | None"

_DEEPEST: Final = 16
_ADDITIONAL: Final = {24: 1, 25: 2, 26: 4, 27: 8}  # octets of the argument (RFC 8949 3)
_SIMPLE: Final = {20: False, 21: True, 22: None, 23: None}  # 23 is undefined


def decode(data: bytes) -> Value:
    """Read one value, which is all of the data. Raises FormatError."""
    reader = _Reader(data)
    value = reader.value(0)
    if reader.position != len(data):
        raise FormatError("CBOR: something follows the value")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def value(self, depth: int) -> Value:
        """Read the value that begins here."""
        if depth > _DEEPEST:
            raise FormatError("CBOR: values are nested too deeply")
        first = self._take(1)[0]
        kind, low = first >> 5, first & 0x1F
        if kind == 7:
            if low not in _SIMPLE:
                raise FormatError("CBOR: a value that is no integer, text, list or map")
            return _SIMPLE[low]
        return self._of_kind(kind, self._argument(low), depth)

    def _of_kind(self, kind: int, argument: int, depth: int) -> Value:
        match kind:
            case 0:
                return argument
            case 1:
                return -1 - argument
            case 2:
                return self._take(argument)
            case 3:
                return self._text(argument)
            case 4:
                self._check_count(argument)
                return [self.value(depth + 1) for _ in range(argument)]
            case 5:
                self._check_count(argument)
                return self._map(argument, depth)
            case _:
                raise FormatError("CBOR: tags are not supported here")

    def _map(self, count: int, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for _ in range(count):
            key = self.value(depth + 1)
            if not isinstance(key, str):
                raise FormatError("CBOR: the key of a map is no text")
            if key in found:
                raise FormatError("CBOR: a map has a key twice")
            found[key] = self.value(depth + 1)
        return found

    def _text(self, length: int) -> str:
        try:
            return self._take(length).decode()
        except UnicodeDecodeError:
            raise FormatError("CBOR: a text is not UTF-8") from None

    def _argument(self, low: int) -> int:
        if low < 24:
            return low
        if low not in _ADDITIONAL:
            raise FormatError("CBOR: a length is not definite")
        return int.from_bytes(self._take(_ADDITIONAL[low]))

    def _check_count(self, count: int) -> None:
        """Refuse more items than there are octets left: each has one at least."""
        if count > len(self._data) - self.position:
            raise FormatError("CBOR: it ends early")

    def _take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self._data):
            raise FormatError("CBOR: it ends early")
        taken = self._data[self.position : end]
        self.position = end
        return taken


def encode(value: object) -> bytes:
    """Write integers, octets, text, lists and maps, in the shortest form (RFC 8949 4.2.1)."""
    match value:
        case bool() | None:
            raise TypeError(value)
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case list():
            return _head(4, len(value)) + b"".join(map(encode, value))
        case dict():
            pairs = (encode(key) + encode(each) for key, each in value.items())
            return _head(5, len(value)) + b"".join(pairs)
        case _:
            raise TypeError(value)


def _head(kind: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([kind << 5 | argument])
    size = next(size for size in (1, 2, 4, 8) if argument < 1 << 8 * size)
    return bytes([kind << 5 | 23 + size.bit_length()]) + argument.to_bytes(size)
