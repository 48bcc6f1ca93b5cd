"""Go's view of single characters: simple case mappings, never more than one character each.

Octets that are not UTF-8 (surrogates here) are one replacement character each where Go decodes.
"""

import unicodedata
from typing import Final

SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_SPACES: Final = frozenset(SPACE)
REPLACEMENT: Final = "\ufffd"


def decoded(string: str) -> str:
    """Give the characters that Go sees; each octet that is no UTF-8 is a replacement character."""
    if string.isascii():
        return string
    return "".join(REPLACEMENT if "\ud800" <= char <= "\udfff" else char for char in string)


def upper(char: str) -> str:
    """Map one character to upper case."""
    mapped = char.upper()
    if len(mapped) > 1:
        mapped = char.title()  # the simple mapping, where there is one beside the full one
    return mapped if len(mapped) == 1 else char


def lower(char: str) -> str:
    """Map one character to lower case."""
    mapped = char.lower()
    return mapped if len(mapped) == 1 else "i"  # U+0130, the one with a full mapping


def title(char: str) -> str:
    """Map one character to title case."""
    mapped = char.title()
    return mapped if len(mapped) == 1 else char


def is_upper(char: str) -> bool:
    """Tell an upper-case letter."""
    return unicodedata.category(char) == "Lu"


def is_lower(char: str) -> bool:
    """Tell a lower-case letter."""
    return unicodedata.category(char) == "Ll"


def is_title(char: str) -> bool:
    """Tell a title-case letter."""
    return unicodedata.category(char) == "Lt"


def is_letter(char: str) -> bool:
    """Tell a letter."""
    return unicodedata.category(char)[0] == "L"


def is_digit(char: str) -> bool:
    """Tell a decimal digit."""
    return unicodedata.category(char) == "Nd"


def is_number(char: str) -> bool:
    """Tell a number of any kind."""
    return unicodedata.category(char)[0] == "N"


def is_punctuation(char: str) -> bool:
    """Tell a punctuation mark."""
    return unicodedata.category(char)[0] == "P"


def is_space(char: str) -> bool:
    """Tell white space."""
    return char in _SPACES


def to_upper(string: str) -> str:
    """Map a string as strings.ToUpper."""
    if string.isascii():
        return string.upper()
    return "".join(map(upper, decoded(string)))


def to_lower(string: str) -> str:
    """Map a string as strings.ToLower."""
    if string.isascii():
        return string.lower()
    return "".join(map(lower, decoded(string)))


def to_title(string: str) -> str:
    """Map the first letter of each word as strings.Title."""
    begun = False
    mapped = []
    for char in decoded(string):
        mapped.append(char if begun else title(char))
        begun = is_letter(char) or is_digit(char) or char == "_" or not _separates(char)
    return "".join(mapped)


def _separates(char: str) -> bool:
    """Tell what parts words: ASCII that is no word character, or white space."""
    return char < "\x80" or is_space(char)
