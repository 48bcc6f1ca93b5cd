"""Cuts a template into tokens: text, and what stands between `{{` and `}}`.

Trim markers are dealt with here: `{{- ` takes the white space before it away, ` -}}` that behind
it. An error is a token too (Token.ERROR), the last one: what stands before it is judged first.
"""

import enum
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from appliance.formats.gotemplate.quoting import quote, show_character

_LEFT: Final = "{{"
_RIGHT: Final = "}}"
_BLANKS: Final = " \t\r\n"
_BLANK: Final = re.compile(r"[ \t\r\n]+")
_RIGHT_END: Final = re.compile(r"(?:[ \t\r\n]-)?}}")
_TRIMMED_LEFT: Final = re.compile(r"-[ \t\r\n]")
_TERMINATOR: Final = re.compile(r"[ \t\r\n.,|:)(]|}}|\Z")
_NUMBER: Final = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?"
    r"|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?"
    r"|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?"
)
_QUOTED: Final = {
    '"': re.compile(r'"(?:[^"\\\n]|\\[^\n])*"'),
    "'": re.compile(r"'(?:[^'\\\n]|\\[^\n])*'"),
    "`": re.compile(r"`[^`]*`"),
}
_UNTERMINATED: Final = {
    '"': "unterminated quoted string",
    "'": "unterminated character constant",
    "`": "unterminated raw quoted string",
}


class Kind(enum.Enum):
    """What a token is."""

    TEXT = enum.auto()
    LEFT = enum.auto()  # {{
    RIGHT = enum.auto()  # }}
    SPACE = enum.auto()
    IDENTIFIER = enum.auto()
    KEYWORD = enum.auto()
    BOOL = enum.auto()
    NIL = enum.auto()
    FIELD = enum.auto()  # .Name
    VARIABLE = enum.auto()  # $name
    DOT = enum.auto()
    NUMBER = enum.auto()
    COMPLEX = enum.auto()
    CHARACTER = enum.auto()  # 'x'
    STRING = enum.auto()
    RAW_STRING = enum.auto()
    PIPE = enum.auto()
    OPEN = enum.auto()  # (
    CLOSE = enum.auto()  # )
    ASSIGN = enum.auto()  # =
    DECLARE = enum.auto()  # :=
    OTHER = enum.auto()  # any other character of ASCII, such as a comma
    ERROR = enum.auto()
    END = enum.auto()


_KEYWORDS: Final = frozenset(
    ["block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"]
)
_QUOTED_KINDS: Final = {'"': Kind.STRING, "'": Kind.CHARACTER, "`": Kind.RAW_STRING}
_SINGLE: Final = {"=": Kind.ASSIGN, "|": Kind.PIPE, "(": Kind.OPEN, ")": Kind.CLOSE}


class Token(NamedTuple):
    """A piece of a template; `position` counts characters from its beginning."""

    kind: Kind
    position: int
    text: str

    def __str__(self) -> str:
        """Show it as error messages do."""
        if self.kind is Kind.END:
            return "EOF"
        if self.kind is Kind.ERROR:
            return self.text
        if self.kind in (Kind.KEYWORD, Kind.DOT, Kind.NIL):
            return f"<{self.text}>"
        long = len(self.text.encode("utf-8", "replace")) > 10
        return f"{quote(self.text[:10])}..." if long else quote(self.text)


class _Stop(Exception):
    def __init__(self, position: int, problem: str) -> None:
        super().__init__(problem)
        self.token = Token(Kind.ERROR, position, problem)


def tokens(template: str) -> Iterator[Token]:
    """Give the tokens, with END or ERROR as the last."""
    lexer = _Lexer(template)
    try:
        yield from lexer.run()
    except _Stop as stop:
        yield stop.token


class _Lexer:
    """Reads one template from beginning to end."""

    __slots__ = ("_parentheses", "_position", "_template")

    def __init__(self, template: str) -> None:
        self._template = template
        self._position = 0
        self._parentheses = 0

    def run(self) -> Iterator[Token]:
        template = self._template
        while (found := template.find(_LEFT, self._position)) >= 0:
            inside = found + len(_LEFT)
            trimmed = _TRIMMED_LEFT.match(template, inside) is not None
            text = template[self._position : found]
            if trimmed:
                text = text.rstrip(_BLANKS)
                inside += 2
            if text:
                yield Token(Kind.TEXT, self._position, text)
            if template.startswith("/*", inside):
                self._comment(inside)
                continue
            yield Token(Kind.LEFT, found, _LEFT)
            self._position, self._parentheses = inside, 0
            yield from self._action()
        if self._position < len(template):
            yield Token(Kind.TEXT, self._position, template[self._position :])
        yield Token(Kind.END, len(template), "EOF")

    def _comment(self, start: int) -> None:
        end = self._template.find("*/", start + 2)
        if end < 0:
            raise _Stop(start, "unclosed comment")
        match = _RIGHT_END.match(self._template, end + 2)
        if match is None:
            raise _Stop(start, "comment ends before closing delimiter")
        self._leave(match)

    def _leave(self, match: re.Match[str]) -> None:
        """Go on behind a right delimiter, and behind the white space that it trims."""
        self._position = match.end()
        if len(match[0]) > len(_RIGHT):
            blank = _BLANK.match(self._template, self._position)
            self._position = blank.end() if blank else self._position

    def _action(self) -> Iterator[Token]:
        """Give the tokens up to and with the right delimiter."""
        while True:
            match = _RIGHT_END.match(self._template, self._position)
            if match is None:
                yield self._inside()
                continue
            if self._parentheses:
                raise _Stop(self._position, "unclosed left paren")
            yield Token(Kind.RIGHT, match.end() - len(_RIGHT), _RIGHT)
            self._leave(match)
            return

    def _inside(self) -> Token:
        """Read one token between the delimiters."""
        template, start = self._template, self._position
        first = template[start : start + 1]
        if not first:
            raise _Stop(start, "unclosed action")
        if first in _BLANKS:
            return self._space()
        if first in _QUOTED:
            match = _QUOTED[first].match(template, start)
            if match is None:
                raise _Stop(start, _UNTERMINATED[first])
            return self._take(_QUOTED_KINDS[first], match.end())
        after = template[start + 1 : start + 2]
        if first == "$" or (first == "." and after and not "0" <= after <= "9"):
            return self._field_or_variable(first)
        if first in ".+-" or "0" <= first <= "9":
            return self._number()
        if first == "_" or first.isalpha() or first.isdecimal():
            return self._word()
        return self._symbol(first)

    def _take(self, kind: Kind, end: int) -> Token:
        start, self._position = self._position, end
        return Token(kind, start, self._template[start:end])

    def _space(self) -> Token:
        match = _BLANK.match(self._template, self._position)
        end = match.end() if match is not None else self._position + 1
        if self._template.startswith("-}}", end):
            end -= 1  # that one belongs to the trim marker
        return self._take(Kind.SPACE, end)

    def _symbol(self, first: str) -> Token:
        start = self._position
        if first == ":":
            if not self._template.startswith("=", start + 1):
                raise _Stop(start, "expected :=")
            return self._take(Kind.DECLARE, start + 2)
        if first == "(":
            self._parentheses += 1
        elif first == ")":
            self._parentheses -= 1
            if self._parentheses < 0:
                raise _Stop(start, "unexpected right paren")
        elif first not in _SINGLE and not ("!" <= first <= "~"):
            raise _Stop(start, f"unrecognized character in action: {show_character(first)}")
        return self._take(_SINGLE.get(first, Kind.OTHER), start + 1)

    def _end_of_word(self, start: int) -> int:
        """Find where a word ends; what follows must be able to follow a word."""
        end = start
        while end < len(self._template) and is_alphanumeric(self._template[end]):
            end += 1
        if _TERMINATOR.match(self._template, end) is None:
            raise _Stop(self._position, f"bad character {show_character(self._template[end])}")
        return end

    def _field_or_variable(self, first: str) -> Token:
        end = self._end_of_word(self._position + 1)
        if first == "$":
            return self._take(Kind.VARIABLE, end)
        return self._take(Kind.FIELD if end > self._position + 1 else Kind.DOT, end)

    def _word(self) -> Token:
        token = self._take(Kind.IDENTIFIER, self._end_of_word(self._position))
        if token.text in _KEYWORDS:
            return token._replace(kind=Kind.KEYWORD)
        if token.text in ("true", "false"):
            return token._replace(kind=Kind.BOOL)
        return token._replace(kind=Kind.NIL) if token.text == "nil" else token

    def _number(self) -> Token:
        end = self._scan_number(self._position)
        if self._template[end : end + 1] not in ("+", "-"):
            return self._take(Kind.NUMBER, end)
        end = self._scan_number(end)
        if self._template[end - 1] != "i":
            self._bad_number(end)
        return self._take(Kind.COMPLEX, end)

    def _scan_number(self, start: int) -> int:
        match = _NUMBER.match(self._template, start)
        end = match.end() if match is not None else start
        if end < len(self._template) and is_alphanumeric(self._template[end]):
            self._bad_number(end + 1)
        return end

    def _bad_number(self, end: int) -> None:
        shown = quote(self._template[self._position : end])
        raise _Stop(self._position, f"bad number syntax: {shown}")


def is_alphanumeric(character: str) -> bool:
    """Tell if it can be part of a name: a letter, a digit or an underscore."""
    return character == "_" or character.isalpha() or character.isdecimal()
