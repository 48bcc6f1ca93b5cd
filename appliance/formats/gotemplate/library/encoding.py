"""Base64 and base32 as Go reads and writes them."""

import base64
import re
from collections.abc import Mapping
from typing import Final, NoReturn

from appliance.formats.gotemplate.library.declaring import plain
from appliance.formats.gotemplate.signatures import STRING, Function, FunctionError
from appliance.formats.gotemplate.values import octets, text

_SOUND_64: Final = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_LETTERS_32: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_LETTERS_64: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_BREAKS: Final = b"\r\n"
_PAD: Final = 0x3D


def to_base64(data: bytes) -> str:
    """Write base64 with padding."""
    return base64.b64encode(data).decode()


def from_base64(string: str) -> bytes:
    """Read base64 with padding; line breaks do not count. Raises FunctionError with the place."""
    data = octets(string)
    compact = data.translate(None, _BREAKS)
    if not _SOUND_64.fullmatch(compact):
        raise FunctionError(f"illegal base64 data at input byte {_fault_in_base64(data)}")
    return base64.b64decode(compact)


def _fault_in_base64(data: bytes) -> int:
    """Find the place that Go names: the first octet that cannot stand where it does."""
    in_group = 0
    for place, octet in enumerate(data):
        if octet in _LETTERS_64:
            in_group = (in_group + 1) % 4
        elif octet == _PAD and in_group >= 2:
            return _fault_in_padding(data, place, in_group)
        elif octet not in _BREAKS:
            return place
    return len(data) - in_group


def _fault_in_padding(data: bytes, place: int, in_group: int) -> int:
    after = _past_breaks(data, place + 1)
    if in_group == 2:
        if after == len(data):
            return len(data)
        if data[after] != _PAD:
            return after - 1
        after += 1
    return _past_breaks(data, after)


def _past_breaks(data: bytes, place: int) -> int:
    while place < len(data) and data[place] in _BREAKS:
        place += 1
    return place


def from_base32(string: str) -> bytes:
    """Read base32 with padding; line breaks do not count. Raises FunctionError with the place."""
    data = octets(string).translate(None, _BREAKS)
    whole = bytearray()
    for start in range(0, len(data), 8):
        group = data[start : start + 8]
        size = _letters(data, group, start)
        bits = 0
        for letter in group[:size]:
            bits = bits << 5 | _LETTERS_32.index(letter)
        count = size * 5 // 8
        whole += (bits >> (size * 5 - count * 8)).to_bytes(count)
        if size < 8:
            break
    return bytes(whole)


def _letters(data: bytes, group: bytes, start: int) -> int:
    """Count the letters of a group of eight, and judge its padding."""
    for place, octet in enumerate(group):
        left = len(data) - start - place - 1
        if octet == _PAD and place >= 2 and left < 8:
            if left + place < 7:
                _wrong_32(len(data))
            for further in range(7 - place):
                at = start + place + 1 + further
                if at < len(data) and data[at] != _PAD:
                    _wrong_32(at - 1)  # the place before, as Go has it
            if place in {3, 6}:
                _wrong_32(start + place)
            return place
        if octet not in _LETTERS_32:
            _wrong_32(start + place)
    if len(group) < 8:
        _wrong_32(len(data) - len(group))
    return 8


def _wrong_32(place: int) -> NoReturn:
    raise FunctionError(f"illegal base32 data at input byte {place}")


def _decoded_64(string: str) -> str:
    try:
        return text(from_base64(string))
    except FunctionError as error:
        return str(error)


def _decoded_32(string: str) -> str:
    try:
        return text(from_base32(string))
    except FunctionError as error:
        return str(error)


FUNCTIONS: Final[Mapping[str, Function]] = {
    "b64enc": plain(lambda string: to_base64(octets(string)), STRING),
    "b64dec": plain(_decoded_64, STRING),
    "b32enc": plain(lambda string: base64.b32encode(octets(string)).decode(), STRING),
    "b32dec": plain(_decoded_32, STRING),
}
