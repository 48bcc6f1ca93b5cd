"""Words joined in snake, kebab and Pascal case, as sprig's libraries cut and join them."""

import enum
from collections.abc import Callable
from typing import Final

from appliance.formats.gotemplate.library import characters


class _Kind(enum.Enum):
    INVALID = enum.auto()
    NUMBER = enum.auto()
    UPPER = enum.auto()
    ALPHABET = enum.auto()
    CONNECTOR = enum.auto()
    PUNCTUATION = enum.auto()
    OTHER = enum.auto()


_JOINED: Final = frozenset({_Kind.ALPHABET, _Kind.NUMBER})
_SILENT: Final = frozenset({_Kind.CONNECTOR, _Kind.PUNCTUATION})
_UNWRITTEN: Final = _SILENT | {_Kind.INVALID}
_CJK: Final = ((0x3400, 0x4D85), (0x4E00, 0x9FCC), (0x20000, 0x2B81D))


def _is_connector(char: str) -> bool:
    return char in "-_" or characters.is_space(char)


def _is_alphabet(char: str) -> bool:
    """Tell a letter of a script that is no CJK one."""
    return characters.is_letter(char) and not any(
        first <= ord(char) <= last for first, last in _CJK
    )


def pascal(string: str) -> str:
    """Write `some_words` as `SomeWords`; connectors at the beginning are kept."""
    chars = characters.decoded(string)
    start = 0
    while start < len(chars) and _is_connector(chars[start]):
        start += 1
    if start == len(chars):
        return chars + chars[-1:]  # connectors alone: the last is written twice
    result = [chars[:start]]
    shouting = characters.is_upper(chars[start])  # of a word in capitals only the first stays one
    current = characters.upper(chars[start])
    for char in chars[start + 1 :]:
        before, current = current, char
        if _is_connector(before):
            if _is_connector(current):
                result.append(before)
            else:
                shouting = characters.is_upper(current)
                current = characters.upper(current)
            continue
        if shouting and characters.is_upper(current):
            current = characters.lower(current)
        else:
            shouting = False
        result.append(before)
    return "".join((*result, current))


class _Words:
    """Cuts a string into runs of one kind of characters."""

    def __init__(self, string: str) -> None:
        self._string = string
        self._at = 0

    def ended(self) -> bool:
        """Tell that nothing is left."""
        return self._at >= len(self._string)

    def next(self) -> tuple[_Kind, str]:
        """Take the next word; an empty one at the end."""
        if self.ended():
            return _Kind.INVALID, ""
        begin = self._at
        char, self._at = self._valid(begin, characters.REPLACEMENT)
        kind = self._run(char)
        return kind, self._string[begin : self._at]

    def _valid(self, at: int, before: str) -> tuple[str, int]:
        """Find the next character that is one; octets that are not are stepped over."""
        while at < len(self._string):
            char = self._string[at]
            at += 1
            if char != characters.REPLACEMENT and not "\ud800" <= char <= "\udfff":
                return char, at
        return before, at

    def _run(self, char: str) -> _Kind:  # noqa: PLR0911 - a case a kind
        if char == characters.REPLACEMENT:
            return _Kind.INVALID
        if _is_connector(char):
            return self._while(_Kind.CONNECTOR, char, _is_connector)
        if characters.is_punctuation(char):
            return self._while(_Kind.PUNCTUATION, char, characters.is_punctuation)
        if characters.is_upper(char):
            return self._capital(char)
        if _is_alphabet(char):
            return self._while(_Kind.ALPHABET, char, _is_small)
        if characters.is_number(char):
            return self._while(_Kind.NUMBER, char, characters.is_number)
        return self._while(_Kind.OTHER, char, _is_other)

    def _while(self, kind: _Kind, char: str, fits: Callable[[str], bool]) -> _Kind:
        while not self.ended():
            char, after = self._valid(self._at, char)
            if not fits(char):
                break
            self._at = after
        return kind

    def _capital(self, char: str) -> _Kind:
        """Take `Word`, `WORD`, or of `HTTPStatus` the first four letters."""
        if self.ended():
            return _Kind.UPPER
        char, after = self._valid(self._at, char)
        if not characters.is_upper(char):
            if _is_alphabet(char):
                self._at = after
                self._while(_Kind.UPPER, char, _is_small)
            return _Kind.UPPER
        last = self._at
        self._at = after
        while not self.ended():
            char, after = self._valid(self._at, char)
            if not characters.is_upper(char):
                break
            last, self._at = self._at, after
        if not self.ended() and _is_alphabet(char):
            self._at = last
        return _Kind.UPPER


def _is_small(char: str) -> bool:
    return _is_alphabet(char) and not characters.is_upper(char)


def _is_other(char: str) -> bool:
    return not (
        _is_connector(char)
        or _is_alphabet(char)
        or characters.is_number(char)
        or characters.is_punctuation(char)
    )


def lower_joined(string: str, connector: str) -> str:
    """Write `HTTPServer20` as `http_server_20`, or with another connector."""
    if not string:
        return ""
    words = _Words(string)
    out: list[str] = []
    kind, word = words.next()
    while not words.ended():
        if kind is not _Kind.CONNECTOR:
            out.append(_lowered(kind, word, connector))
        before, last = kind, word
        kind, word = words.next()
        if before is _Kind.NUMBER:
            kind, word = _joined_run(words, out, kind, word, connector)
        elif before is _Kind.CONNECTOR:
            out.append(_lowered(before, last, connector))
        elif before is not _Kind.PUNCTUATION:
            kind, word = _after_letters(words, out, kind, word, connector)
    out.append(_lowered(kind, word, connector))
    return "".join(out)


def _joined_run(
    words: _Words, out: list[str], kind: _Kind, word: str, connector: str
) -> tuple[_Kind, str]:
    """Write the small letters and numbers that cling to a number."""
    while kind in _JOINED:
        out.append(_lowered(kind, word, connector))
        kind, word = words.next()
    if kind not in _UNWRITTEN:
        out.append(connector)
    return kind, word


def _after_letters(
    words: _Words, out: list[str], kind: _Kind, word: str, connector: str
) -> tuple[_Kind, str]:
    """Write what follows a word: a number belongs to it unless small letters follow the number."""
    if kind is not _Kind.NUMBER:
        if kind not in _SILENT:
            out.append(connector)
        return kind, word
    if words.ended():
        return kind, word
    number = word
    kind, word = words.next()
    if kind is _Kind.ALPHABET:
        out += (connector, _lowered(_Kind.NUMBER, number, connector))
        return _joined_run(words, out, kind, word, connector)
    out.append(_lowered(_Kind.NUMBER, number, connector))
    if kind not in _SILENT:
        out.append(connector)
    return kind, word


def _lowered(kind: _Kind, word: str, connector: str) -> str:
    if kind is not _Kind.UPPER and kind is not _Kind.CONNECTOR:
        return word
    return "".join(
        connector
        if _is_connector(char)
        else characters.lower(char)
        if characters.is_upper(char)
        else char
        for char in characters.decoded(word)
    )
