r"""Go's quoted strings and characters, as strconv reads and writes them.

Octets that are not UTF-8 are surrogates here (see values); they are written as `\xff`.
"""

import re
from typing import Final

from appliance.formats.gotemplate.values import text

_NAMED: Final = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
}
_PLAIN: Final = re.compile(r"[ !#-\[\]-~]*")  # printable ASCII but the quotation mark and backslash
_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\'\"])|([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))"
)
_ESCAPED: Final = {
    "a": 7,
    "b": 8,
    "f": 12,
    "n": 10,
    "r": 13,
    "t": 9,
    "v": 11,
    "\\": 92,
    "'": 39,
    '"': 34,
}
REPLACEMENT: Final = "\ufffd"


def quote(string: str, *, ascii_only: bool = False) -> str:
    """Write it between quotation marks, with escapes (strconv.Quote, QuoteToASCII)."""
    if _PLAIN.fullmatch(string):
        return f'"{string}"'
    return '"' + "".join(_escaped(each, '"', ascii_only=ascii_only) for each in string) + '"'


def quote_character(character: str, *, ascii_only: bool = False) -> str:
    """Write it between apostrophes (strconv.QuoteRune); what is no character as U+FFFD."""
    if "\ud800" <= character <= "\udfff":
        character = REPLACEMENT
    return f"'{_escaped(character, chr(39), ascii_only=ascii_only)}'"


def is_printable(character: str) -> bool:
    """Tell as unicode.IsPrint: letters, marks, numbers, punctuation, symbols and the space."""
    return character.isprintable()


def can_backquote(string: str) -> bool:
    """Tell if it can stand between backquotes as it is, on one line."""
    return not any(
        each in "`\x7f\ufeff" or (each < " " and each != "\t") or "\ud800" <= each <= "\udfff"
        for each in string
    )


def show_character(character: str) -> str:
    """Write a character as %#U does, such as `U+002B '+'`."""
    if "\ud800" <= character <= "\udfff":
        character = REPLACEMENT
    code = f"U+{ord(character):04X}"
    return f"{code} '{character}'" if is_printable(character) else code


def unquote(literal: str) -> str | None:
    """Read a Go string literal, quoted or raw; None if it is malformed."""
    mark, body = literal[0], literal[1:-1]
    if mark == "`":
        return body.replace("\r", "")
    if "\\" not in body:
        return body
    parts: list[bytes] = []
    position = 0
    while position < len(body):
        taken = unquote_one(body, position, mark)
        if taken is None:
            return None
        value, octet, position = taken
        parts.append(bytes([value]) if octet else chr(value).encode())
    return text(b"".join(parts))


def unquote_one(body: str, position: int, mark: str) -> tuple[int, bool, int] | None:
    """Read one character or escape (strconv.UnquoteChar); None if it is malformed.

    Gives its value, whether that is an octet rather than a character, and where the next begins.
    """
    character = body[position : position + 1]
    if character in ("", mark):
        return None
    if character != "\\":
        character = REPLACEMENT if "\ud800" <= character <= "\udfff" else character
        return ord(character), False, position + 1
    match = _ESCAPE.match(body, position)
    taken = None if match is None else _escape_value(match, mark)
    return None if match is None or taken is None else (*taken, match.end())


def _escape_value(match: re.Match[str], mark: str) -> tuple[int, bool] | None:
    """Give the value of an escape, and whether it is an octet."""
    named, octal, octet, short, long = match.groups()
    if named is not None:
        wrong = named in "'\"" and named != mark
        return None if wrong else (_ESCAPED[named], True)
    if octal is not None or octet is not None:
        value = int(octal, 8) if octal is not None else int(octet, 16)
        return (value, True) if value <= 0xFF else None
    value = int(short or long, 16)
    valid = value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF
    return (value, False) if valid else None


def _escaped(character: str, mark: str, *, ascii_only: bool) -> str:
    if character == mark:
        return "\\" + mark
    if character in _NAMED:
        return _NAMED[character]
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    if character.isprintable() and (character < "\x7f" or not ascii_only):
        return character
    code = ord(character)
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
