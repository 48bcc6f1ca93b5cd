"""Sets of characters for regular expressions, as RE2 defines them.

A set is a sorted tuple of boundaries: the first code point inside, the first one outside again,
and so on. Membership is one bisection. Case folding is Unicode's simple folding, by which `k`
also means the Kelvin sign. Categories come from Python's own Unicode tables.
"""

import itertools
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, TypeAlias

from appliance.formats.gotemplate.library import unicode_scripts

Bounds: TypeAlias = tuple[int, ...]
END: Final = 0x110000  # one past the last code point
ANY: Final[Bounds] = (0, END)
NOT_NEWLINE: Final[Bounds] = (0, 10, 11, END)
_CASED_END: Final = 0x1E944  # no simple case folding from here on


def contains(bounds: Bounds, code: int) -> bool:
    """Tell whether a code point is in the set."""
    return bisect_right(bounds, code) & 1 == 1


def from_ranges(ranges: Iterable[tuple[int, int]]) -> Bounds:
    """Make a set of inclusive ranges in any order."""
    merged: list[int] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1]:
            merged[-1] = max(merged[-1], high + 1)
        else:
            merged += (low, high + 1)
    return tuple(merged)


def ranges(bounds: Bounds) -> Iterator[tuple[int, int]]:
    """Give the inclusive ranges of a set."""
    for index in range(0, len(bounds), 2):
        yield bounds[index], bounds[index + 1] - 1


def negate(bounds: Bounds) -> Bounds:
    """Give every character that the set does not hold."""
    front = bounds[1:] if bounds[:1] == (0,) else (0, *bounds)
    return front[:-1] if front[-1:] == (END,) else (*front, END)


def fold(bounds: Bounds) -> Bounds:
    """Add every character that differs from one of the set in case alone."""
    found = list(ranges(bounds))
    if bounds and bounds[-1] <= 0x80:
        pairs = [(low, high) for low, high in found if high >= 0x41]
        for low, high in pairs:
            found += [(code ^ 0x20,) * 2 for code in range(low, high + 1) if chr(code).isalpha()]
        if any(contains(bounds, code) for code in b"kK"):
            found.append((0x212A, 0x212A))
        if any(contains(bounds, code) for code in b"sS"):
            found.append((0x17F, 0x17F))
        return from_ranges(found)
    for orbit in _orbits():
        if any(contains(bounds, code) for code in orbit):
            found += [(code, code) for code in orbit]
    return from_ranges(found)


@lru_cache(maxsize=1)
def _orbits() -> tuple[tuple[int, ...], ...]:
    groups: dict[str, list[int]] = {}
    for char in map(chr, range(_CASED_END)):
        if char.lower() != char or char.upper() != char:
            groups.setdefault(_fold_key(char), []).append(ord(char))
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def _fold_key(char: str) -> str:
    folded = char.casefold()
    if len(folded) > 1:  # full folding; the simple one is what lower() does in one character
        folded = char.lower()
    return folded if len(folded) == 1 else char


def _ascii(text: str) -> Bounds:
    return from_ranges((ord(part[0]), ord(part[-1])) for part in text.split("&"))


_DIGIT: Final = _ascii("0-9")
_WORD: Final = _ascii("0-9&A-Z&a-z&_")
PERL: Final[dict[str, Bounds]] = {
    "d": _DIGIT,
    "s": _ascii("\t&\n&\f&\r& "),
    "w": _WORD,
    "D": negate(_DIGIT),
    "S": negate(_ascii("\t&\n&\f&\r& ")),
    "W": negate(_WORD),
}
POSIX: Final[dict[str, Bounds]] = {
    "alnum": _ascii("0-9&A-Z&a-z"),
    "alpha": _ascii("A-Z&a-z"),
    "ascii": (0, 0x80),
    "blank": _ascii("\t& "),
    "cntrl": _ascii("\x00-\x1f&\x7f"),
    "digit": _DIGIT,
    "graph": _ascii("!-~"),
    "lower": _ascii("a-z"),
    "print": _ascii(" -~"),
    "punct": (0x21, 0x30, 0x3A, 0x41, 0x5B, 0x61, 0x7B, 0x7F),
    "space": _ascii("\t-\r& "),
    "upper": _ascii("A-Z"),
    "word": _WORD,
    "xdigit": _ascii("0-9&A-F&a-f"),
}


@lru_cache(maxsize=64)
def unicode_class(name: str) -> Bounds | None:
    """Find a category, script or property by name; spaces, hyphens and case do not count."""
    plain = "".join(char for char in name if char not in "_- ").capitalize()
    plain = _ALIASES.get(plain, plain)
    match plain:
        case "Any":
            return ANY
        case "Ascii":
            return POSIX["ascii"]
        case "Assigned":
            return negate(_category("Cn"))
        case "Lc":
            return from_ranges(
                pair for each in ("Lu", "Ll", "Lt") for pair in ranges(_category(each))
            )
        case _ if plain in _CATEGORIES:
            return _category(plain)
        case _:
            return unicode_scripts.find(plain)


_CATEGORY_NAMES: Final = (
    "C Cc Cf Cn Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So"
    " Z Zl Zp Zs"
)
_CATEGORIES: Final = frozenset(_CATEGORY_NAMES.split())
_ALIASES: Final = {
    "Other": "C", "Control": "Cc", "Cntrl": "Cc", "Format": "Cf", "Unassigned": "Cn",
    "Privateuse": "Co", "Surrogate": "Cs", "Letter": "L", "Casedletter": "Lc",
    "Lowercaseletter": "Ll", "Modifierletter": "Lm", "Otherletter": "Lo",
    "Titlecaseletter": "Lt", "Uppercaseletter": "Lu", "Mark": "M", "Combiningmark": "M",
    "Spacingmark": "Mc", "Enclosingmark": "Me", "Nonspacingmark": "Mn", "Number": "N",
    "Decimalnumber": "Nd", "Digit": "Nd", "Letternumber": "Nl", "Othernumber": "No",
    "Punctuation": "P", "Punct": "P", "Connectorpunctuation": "Pc", "Dashpunctuation": "Pd",
    "Closepunctuation": "Pe", "Finalpunctuation": "Pf", "Initialpunctuation": "Pi",
    "Otherpunctuation": "Po", "Openpunctuation": "Ps", "Symbol": "S", "Currencysymbol": "Sc",
    "Modifiersymbol": "Sk", "Mathsymbol": "Sm", "Othersymbol": "So", "Separator": "Z",
    "Lineseparator": "Zl", "Paragraphseparator": "Zp", "Spaceseparator": "Zs",
}  # fmt: skip


def _category(name: str) -> Bounds:
    """Give a category such as `Lu`, or all that begin with a letter such as `L`."""
    known = _categories()
    if len(name) > 1:
        return known.get(name, ())
    return from_ranges(pair for each in known if each[0] == name for pair in ranges(known[each]))


@lru_cache(maxsize=1)
def _categories() -> dict[str, Bounds]:
    found: dict[str, list[int]] = {}
    code = 0
    for name, run in itertools.groupby(map(unicodedata.category, map(chr, range(END)))):
        found.setdefault(name, []).append(code)
        code += sum(1 for _ in run)
        found[name].append(code)
    return {name: tuple(bounds) for name, bounds in found.items()}
