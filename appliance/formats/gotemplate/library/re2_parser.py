"""Regular expressions in RE2's syntax, as Go reads them, parsed to a tree.

What RE2 leaves out (backreferences, lookaround) is refused, with Go's own codes. The parser
keeps its own stack of open groups, so a deep pattern cannot exhaust Python's.
"""

import string
from dataclasses import dataclass, field
from typing import Final, NoReturn

from appliance.formats.gotemplate.library import re2_classes
from appliance.formats.gotemplate.library.re2_classes import Bounds
from appliance.formats.gotemplate.library.re2_tree import (
    Chars,
    Choice,
    Group,
    Look,
    Node,
    Repeat,
    Sequence,
    repeats,
)
from appliance.formats.gotemplate.signatures import FunctionError

LONGEST: Final = 16_384  # characters of a pattern
DEEPEST: Final = 60  # groups in groups; Go allows 1000
_MOST_REPEATS: Final = 1000  # Go's own limit, also for nested repetitions together
_CODES: Final = 100_000_000  # where a written number stops growing


@dataclass(slots=True)
class _Open:
    """A group that is not closed yet."""

    flags: frozenset[str]
    number: int | None
    options: list[Node] = field(default_factory=list)
    parts: list[Node] = field(default_factory=list)

    def close(self) -> Node:
        self.options.append(_sequence(self.parts))
        node = self.options[0] if len(self.options) == 1 else Choice(tuple(self.options))
        return node if self.number is None else Group(node, self.number)


def _sequence(parts: list[Node]) -> Node:
    return parts[0] if len(parts) == 1 else Sequence(tuple(parts))


def parse(pattern: str) -> tuple[Node, tuple[str, ...]]:
    """Give the tree and the names of its groups (`""` for the whole and for nameless ones).

    Raises FunctionError.
    """
    if len(pattern) > LONGEST:
        raise FunctionError("error parsing regexp: expression too large")
    if any("\udc80" <= char <= "\udcff" for char in pattern):
        raise FunctionError("error parsing regexp: invalid UTF-8")
    return _Parser(pattern).run()


class _Parser:
    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._flags: frozenset[str] = frozenset()
        self._stack = [_Open(self._flags, None)]
        self._names = [""]
        self._repeat_began = -1  # where the repetition just before this place began

    def run(self) -> tuple[Node, tuple[str, ...]]:
        while self._at < len(self._text):
            began, self._repeat_began = self._repeat_began, -1
            self._element(self._text[self._at], began)
        if len(self._stack) > 1:
            self._refuse("missing closing )", self._text)
        return self._stack[0].close(), tuple(self._names)

    def _refuse(self, problem: str, where: str) -> NoReturn:
        raise FunctionError(f"error parsing regexp: {problem}: `{where}`")

    def _push(self, node: Node) -> None:
        self._stack[-1].parts.append(node)

    def _literal(self, code: int) -> None:
        bounds = (code, code + 1)
        self._push(Chars(re2_classes.fold(bounds) if "i" in self._flags else bounds))

    def _element(self, char: str, repeat_began: int) -> None:
        if char in "*+?" or (char == "{" and self._read_count() is not None):
            self._repetition(char, repeat_began)
            return
        match char:
            case "(":
                self._open_group()
                return
            case "|":
                group = self._stack[-1]
                group.options.append(_sequence(group.parts))
                group.parts = []
            case ")":
                self._close_group()
            case "^":
                self._push(Look("line-begin" if "m" in self._flags else "text-begin"))
            case "$":
                self._push(Look("line-end" if "m" in self._flags else "text-end"))
            case ".":
                every = re2_classes.ANY if "s" in self._flags else re2_classes.NOT_NEWLINE
                self._push(Chars(every))
            case "[":
                self._class()
                return
            case "\\":
                self._backslash()
                return
            case _:
                self._literal(ord(char))
        self._at += 1

    # Groups

    def _open_group(self) -> None:
        if len(self._stack) > DEEPEST:
            self._refuse("expression nests too deeply", self._text)
        if self._text.startswith("(?", self._at):
            self._perl_group()
            return
        self._names.append("")
        self._stack.append(_Open(self._flags, len(self._names) - 1))
        self._at += 1

    def _perl_group(self) -> None:
        start = self._at
        for opening in ("(?P<", "(?<"):
            if self._text.startswith(opening, start) and len(self._text) > start + len(opening):
                end = self._text.find(">", start)
                if end < 0:
                    self._refuse("invalid named capture", self._text[start:])
                name = self._text[start + len(opening) : end]
                if not name or set(name) - set(string.ascii_letters + string.digits + "_"):
                    self._refuse("invalid named capture", self._text[start : end + 1])
                self._names.append(name)
                self._stack.append(_Open(self._flags, len(self._names) - 1))
                self._at = end + 1
                return
        self._flag_group(start)

    def _flag_group(self, start: int) -> None:
        flags, removing, seen = set(self._flags), False, False
        for at in range(start + 2, len(self._text)):
            char = self._text[at]
            if char in "imsU":
                (flags.discard if removing else flags.add)(char)
                seen = True
            elif char == "-" and not removing:
                removing, seen = True, False
            elif char in ":)" and (seen or not removing):
                if char == ":":
                    self._stack.append(_Open(self._flags, None))
                self._flags, self._at = frozenset(flags), at + 1
                return
            else:
                self._refuse("invalid or unsupported Perl syntax", self._text[start : at + 1])
        self._refuse("invalid or unsupported Perl syntax", self._text[start:])

    def _close_group(self) -> None:
        if len(self._stack) == 1:
            self._refuse("unexpected )", self._text)
        group = self._stack.pop()
        self._flags = group.flags
        self._push(group.close())

    # Repetition

    def _read_count(self) -> tuple[int, int | None, int] | None:
        """Read `{2}`, `{2,}` or `{2,5}`: least, most, and where it ends."""
        at = self._at + 1
        low, at = self._number(at)
        if low is None:
            return None
        high: int | None = low
        if self._text.startswith(",", at):
            at += 1
            if self._text.startswith("}", at):
                high = None
            else:
                high, at = self._number(at)
                if high is None:
                    return None
        return (low, high, at + 1) if self._text.startswith("}", at) else None

    def _number(self, at: int) -> tuple[int | None, int]:
        end = at
        while end < len(self._text) and self._text[end] in string.digits:
            end += 1
        digits = self._text[at:end]
        if not digits or (len(digits) > 1 and digits[0] == "0"):
            return None, at
        return min(int(digits[:12]), _CODES), end

    def _repetition(self, char: str, repeat_began: int) -> None:
        start = self._at
        low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(char, (0, 0))
        self._at += 1
        if char == "{":
            self._at = start
            low, high, self._at = self._read_count() or (0, 0, start)
            over = low > _MOST_REPEATS or (high or 0) > _MOST_REPEATS
            if over or (high is not None and high < low):
                self._refuse("invalid repeat count", self._text[start : self._at])
        greedy = "U" not in self._flags
        if self._text.startswith("?", self._at):
            self._at += 1
            greedy = not greedy
        if repeat_began >= 0:
            wrong = self._text[repeat_began : self._at]
            self._refuse("invalid nested repetition operator", wrong)
        parts = self._stack[-1].parts
        if not parts:
            missing = self._text[start : self._at]
            self._refuse("missing argument to repetition operator", missing)
        node = Repeat(parts[-1], low, high, greedy)
        if char == "{" and repeats(node) > _MOST_REPEATS:
            self._refuse("invalid repeat count", self._text[start : self._at])
        parts[-1] = node
        self._repeat_began = start

    # Escapes and classes

    def _backslash(self) -> None:
        following = self._text[self._at + 1 : self._at + 2]
        if following == "C":
            self._refuse("invalid escape sequence", "\\C")
        if following == "Q":
            end = self._text.find("\\E", self._at + 2)
            for char in self._text[self._at + 2 : end if end >= 0 else None]:
                self._literal(ord(char))
            self._at = end + 2 if end >= 0 else len(self._text)
            return
        if following in _PLACES:
            self._push(Look(_PLACES[following]))
            self._at += 2
            return
        bounds = self._named_class()
        if bounds is not None:
            self._push(Chars(bounds))
        else:
            self._literal(self._escape())

    def _named_class(self) -> Bounds | None:
        """Read `\\d` or `\\p{Greek}` where one begins here."""
        if not self._text.startswith("\\", self._at):
            return None
        letter = self._text[self._at + 1 : self._at + 2]
        if letter in {"p", "P"}:
            return self._unicode_class(letter)
        if letter not in re2_classes.PERL or not letter:
            return None
        self._at += 2
        plain = re2_classes.PERL[letter.lower()]
        plain = re2_classes.fold(plain) if "i" in self._flags else plain
        return re2_classes.negate(plain) if letter.isupper() else plain

    def _unicode_class(self, letter: str) -> Bounds:
        start = self._at
        name = self._text[start + 2 : start + 3]
        end = start + 3
        if name == "{":
            close = self._text.find("}", start)
            if close < 0:
                self._refuse("invalid character class range", self._text[start:])
            name, end = self._text[start + 3 : close], close + 1
        bounds = re2_classes.unicode_class(name.removeprefix("^"))
        if bounds is None:
            self._refuse("invalid character class range", self._text[start:end])
        self._at = end
        if "i" in self._flags:
            bounds = re2_classes.fold(bounds)
        return re2_classes.negate(bounds) if (letter == "P") != name.startswith("^") else bounds

    def _class(self) -> None:
        start = self._at
        self._at += 1
        negated = self._text.startswith("^", self._at)
        self._at += negated
        found: list[tuple[int, int]] = []
        first = True
        while first or not self._text.startswith("]", self._at):
            first = False
            bounds = self._posix_class()
            if bounds is None:
                bounds = self._named_class()
            if bounds is None:
                bounds = self._range(start)
                bounds = re2_classes.fold(bounds) if "i" in self._flags else bounds
            found.extend(re2_classes.ranges(bounds))
        self._at += 1
        whole = re2_classes.from_ranges(found)
        self._push(Chars(re2_classes.negate(whole) if negated else whole))

    def _posix_class(self) -> Bounds | None:
        end = self._text.find(":]", self._at + 2)
        if not self._text.startswith("[:", self._at) or end < 0:
            return None
        whole, name = self._text[self._at : end + 2], self._text[self._at + 2 : end]
        bounds = re2_classes.POSIX.get(name.removeprefix("^"))
        if bounds is None:
            self._refuse("invalid character class range", whole)
        self._at = end + 2
        bounds = re2_classes.fold(bounds) if "i" in self._flags else bounds
        return re2_classes.negate(bounds) if name.startswith("^") else bounds

    def _range(self, start: int) -> Bounds:
        began = self._at
        low = high = self._class_char(start)
        follows = self._text[self._at : self._at + 2]
        if len(follows) == 2 and follows[0] == "-" and follows[1] != "]":
            self._at += 1
            high = self._class_char(start)
            if high < low:
                self._refuse("invalid character class range", self._text[began : self._at])
        return (low, high + 1)

    def _class_char(self, start: int) -> int:
        if self._at >= len(self._text):
            self._refuse("missing closing ]", self._text[start:])
        if self._text[self._at] == "\\":
            return self._escape()
        self._at += 1
        return ord(self._text[self._at - 1])

    def _escape(self) -> int:
        start = self._at
        char = self._text[start + 1 : start + 2]
        if not char:
            raise FunctionError("error parsing regexp: trailing backslash at end of expression: ``")
        self._at += 2
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char < "\x80" and not char.isalnum():
            return ord(char)
        if char == "0" or (char in "1234567" and self._text[self._at : self._at + 1] in _OCTAL):
            return self._octal(start + 1)
        code = self._hexadecimal() if char == "x" else None
        if code is None:
            self._refuse("invalid escape sequence", self._text[start : self._at])
        return code

    def _octal(self, start: int) -> int:
        end = start + 1
        while end < start + 3 and self._text[end : end + 1] in _OCTAL:
            end += 1
        self._at = end
        return int(self._text[start:end], 8)

    def _hexadecimal(self) -> int | None:
        """Read `\\x41` or `\\x{1F600}` behind the x, as far as it goes; None if it is malformed."""
        if not self._text.startswith("{", self._at):
            digits = self._text[self._at : self._at + 2]
            self._at += len(digits)
            sound = len(digits) == 2 and not set(digits) - set(string.hexdigits)
            return int(digits, 16) if sound else None
        self._at += 1
        code, begin = 0, self._at
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 1
            if char == "}":
                return code if self._at > begin + 1 else None
            if char not in string.hexdigits:
                return None
            code = code * 16 + int(char, 16)
            if code >= re2_classes.END:
                return None
        return None


_PLACES: Final = {"A": "text-begin", "z": "text-end", "b": "word-edge", "B": "word-inside"}
_CONTROLS: Final = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_OCTAL: Final = frozenset("01234567")
