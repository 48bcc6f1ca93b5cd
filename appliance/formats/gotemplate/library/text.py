"""sprig's functions on strings. Lengths and places are counted in octets, as Go counts."""

from collections.abc import Mapping
from typing import Final

from appliance.formats.gotemplate import printing, quoting, sprintf
from appliance.formats.gotemplate.library import characters, conversion, words
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.gotemplate.library.declaring import metered, plain
from appliance.formats.gotemplate.signatures import (
    BOOL,
    INT,
    INTERFACE,
    STRING,
    STRINGS,
    Function,
    FunctionError,
    Meter,
    map_of,
)
from appliance.formats.gotemplate.values import TypedList, TypedMap, joined, octets
from appliance.formats.gotemplate.values import text as from_octets

_STRING_MAP: Final = map_of(STRING, STRING)
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_NUMERALS: Final = "0123456789"
_ASCII: Final = "".join(map(chr, range(32, 127)))


def _out_of_range(where: str) -> FunctionError:
    return FunctionError(f"runtime error: slice bounds out of range {where}")


def abbreviated(string: str, offset: int, width: int) -> str:
    """Cut a string to a width, with dots where something is missing."""
    data = octets(string)
    if not data or width < 4:
        return ""
    if len(data) <= width:
        return string
    offset = min(offset, len(data))
    if len(data) - offset < width - 3:
        offset = len(data) - (width - 3)
    if offset <= 4:
        return from_octets(data[: width - 3]) + "..."
    if width < 7:
        return ""
    if offset + width - 3 < len(data):
        return "..." + abbreviated(from_octets(data[offset:]), 0, width - 3)
    return "..." + from_octets(data[len(data) - (width - 3) :])


def _abbrev(width: int, string: str) -> str:
    return string if width < 4 else abbreviated(string, 0, width)


def _abbrev_both(left: int, right: int, string: str) -> str:
    if right < 4 or (left > 0 and right < 7):
        return string
    return abbreviated(string, left, right)


def _trunc(count: int, string: str) -> str:
    data = octets(string)
    if count < 0 and len(data) + count > 0:
        return from_octets(data[len(data) + count :])
    if count >= 0 and len(data) > count:
        return from_octets(data[:count])
    return string


def _substring(start: int, end: int, string: str) -> str:
    data = octets(string)
    if start < 0:
        if end < 0:
            raise _out_of_range(f"[:{end}]")
        if end > len(data):
            raise _out_of_range(f"[:{end}] with length {len(data)}")
        return from_octets(data[:end])
    if end < 0 or end > len(data):
        if start > len(data):
            raise _out_of_range(f"[{start}:{len(data)}]")
        return from_octets(data[start:])
    if start > end:
        raise _out_of_range(f"[{start}:{end}]")
    return from_octets(data[start:end])


def _repeat(meter: Meter, count: int, string: str) -> str:
    if count < 0:
        raise FunctionError("strings: negative Repeat count")
    meter.reserve(count * len(string))
    return joined((string * count,))


def _indent(meter: Meter, spaces: int, string: str) -> str:
    if spaces < 0:
        raise FunctionError("strings: negative Repeat count")
    meter.reserve((string.count("\n") + 1) * spaces + len(string))
    pad = " " * spaces
    return pad + string.replace("\n", "\n" + pad)


def _replace(meter: Meter, old: str, new: str, string: str) -> str:
    if not old:
        meter.reserve((len(string) + 1) * len(new) + len(string))
        return joined((string.replace("", new),))
    data, target = octets(string), octets(old)
    meter.reserve(data.count(target) * len(new) + len(data))
    return from_octets(data.replace(target, octets(new)))


def parted(string: str, separator: str, count: int = -1) -> list[str]:
    """Cut a string at a separator, into so many parts at most; without one, into characters."""
    if count == 0:
        return []
    if separator:
        parts = octets(string).split(octets(separator), count - 1 if count > 0 else -1)
        return list(map(from_octets, parts))
    if 0 < count < len(string):
        return [*string[: count - 1], string[count - 1 :]]
    return list(string)


def _numbered(parts: list[str]) -> TypedMap:
    items = {f"_{number}": part for number, part in enumerate(parts)}
    return TypedMap(items, go_type=_STRING_MAP)


def _split_list(separator: str, string: str) -> TypedList:
    return TypedList(parted(string, separator), go_type=STRINGS)


def _trim_suffix(suffix: str, string: str) -> str:
    return from_octets(octets(string).removesuffix(octets(suffix)))


def _trim_prefix(prefix: str, string: str) -> str:
    return from_octets(octets(string).removeprefix(octets(prefix)))


def _latin(string: str) -> str:
    """Take each octet for a character, as sprig's library does where it means characters."""
    return octets(string).decode("latin-1")


def _without_space(string: str) -> str:
    kept = [char for char in _latin(string) if not characters.is_space(char)]
    return string if len(kept) == len(octets(string)) else "".join(kept)


def _initials(string: str) -> str:
    found, gap = [], True
    for char in _latin(string):
        space = characters.is_space(char)
        if gap and not space:
            found.append(char)
        gap = space
    return "".join(found)


def _untitle(string: str) -> str:
    if not string:
        return ""
    mapped, begins = [], True
    for char in characters.decoded(string):
        space = characters.is_space(char)
        mapped.append(characters.lower(char) if begins and not space else char)
        begins = space
    return "".join(mapped)


def _swap_case(string: str) -> str:
    mapped, after_space = [], True
    for char in characters.decoded(string):
        if characters.is_upper(char) or characters.is_title(char):
            mapped.append(characters.lower(char))
            after_space = False
        elif characters.is_lower(char):
            mapped.append(characters.title(char) if after_space else characters.upper(char))
            after_space = False
        else:
            mapped.append(char)
            after_space = characters.is_space(char)
    return "".join(mapped)


def _wrapped(meter: Meter, string: str, width: int, separator: str, *, break_words: bool) -> str:
    """Put line breaks at spaces, so that lines are no longer than the width where it can be."""
    data, width = octets(string), max(width, 1)
    between = octets(separator or "\n")
    out: list[bytes] = []
    offset = 0
    while len(data) - offset > width:
        if data[offset : offset + 1] == b" ":
            offset += 1
            continue
        meter.spend(1)
        cut = data.rfind(b" ", offset, offset + width + 1)
        after = cut + 1
        if cut < 0 and break_words:
            cut = after = offset + width
        elif cut < 0:
            cut = data.find(b" ", offset + width)
            after = cut + 1
            if cut < 0:
                break
        meter.reserve(cut - offset + len(between))
        out += (data[offset:cut], between)
        offset = after
    out.append(data[offset:])
    meter.reserve(sum(map(len, out)))
    return from_octets(b"".join(out))


def _wrap(meter: Meter, width: int, string: str) -> str:
    return _wrapped(meter, string, width, "", break_words=False)


def _wrap_with(meter: Meter, width: int, separator: str, string: str) -> str:
    return _wrapped(meter, string, width, separator, break_words=True)


def _quote(meter: Meter, *values: object) -> str:
    texts = [conversion.to_text(value, meter) for value in values if value is not None]
    return " ".join(map(quoting.quote, texts))


def _single_quote(meter: Meter, *values: object) -> str:
    return " ".join(
        f"'{printing.sprint((value,), meter)}'" for value in values if value is not None
    )


def _cat(meter: Meter, *values: object) -> str:
    present = [value for value in values if value is not None]
    return sprintf.sprintf(" ".join(["%v"] * len(present)), present, meter)


def _plural(one: str, many: str, count: int) -> str:
    return one if count == 1 else many


def _strip(cut: str, string: str) -> str:
    return string.strip(cut) if cut else string


FUNCTIONS: Final[Mapping[str, Function]] = {
    "hello": plain(lambda: "Hello!"),
    "abbrev": plain(_abbrev, INT, STRING),
    "abbrevboth": plain(_abbrev_both, INT, INT, STRING),
    "trunc": plain(_trunc, INT, STRING),
    "trim": plain(lambda string: string.strip(characters.SPACE), STRING),
    "upper": plain(characters.to_upper, STRING),
    "lower": plain(characters.to_lower, STRING),
    "title": plain(characters.to_title, STRING),
    "untitle": plain(_untitle, STRING),
    "substr": plain(_substring, INT, INT, STRING),
    "repeat": metered(_repeat, INT, STRING),
    "trimall": plain(_strip, STRING, STRING),
    "trimAll": plain(_strip, STRING, STRING),
    "trimSuffix": plain(_trim_suffix, STRING, STRING),
    "trimPrefix": plain(_trim_prefix, STRING, STRING),
    "nospace": plain(_without_space, STRING),
    "initials": plain(_initials, STRING),
    "swapcase": plain(_swap_case, STRING),
    "snakecase": plain(lambda string: words.lower_joined(string, "_"), STRING),
    "camelcase": plain(words.pascal, STRING),
    "kebabcase": plain(lambda string: words.lower_joined(string, "-"), STRING),
    "wrap": metered(_wrap, INT, STRING),
    "wrapWith": metered(_wrap_with, INT, STRING, STRING),
    "contains": plain(lambda part, whole: octets(part) in octets(whole), STRING, STRING),
    "hasPrefix": plain(lambda part, whole: octets(whole).startswith(octets(part)), STRING, STRING),
    "hasSuffix": plain(lambda part, whole: octets(whole).endswith(octets(part)), STRING, STRING),
    "quote": metered(_quote, variadic=INTERFACE),
    "squote": metered(_single_quote, variadic=INTERFACE),
    "cat": metered(_cat, variadic=INTERFACE),
    "indent": metered(_indent, INT, STRING),
    "nindent": metered(
        lambda meter, spaces, string: "\n" + _indent(meter, spaces, string), INT, STRING
    ),
    "replace": metered(_replace, STRING, STRING, STRING),
    "plural": plain(_plural, STRING, STRING, INT),
    "toString": metered(lambda meter, value: conversion.to_text(value, meter), INTERFACE),
    "split": plain(lambda separator, string: _numbered(parted(string, separator)), STRING, STRING),
    "splitn": plain(
        lambda separator, count, string: _numbered(parted(string, separator, count)),
        STRING,
        INT,
        STRING,
    ),
    "splitList": plain(_split_list, STRING, STRING),
    "ternary": plain(lambda yes, no, choice: yes if choice else no, INTERFACE, INTERFACE, BOOL),
}


def random_functions(context: FunctionContext) -> Mapping[str, Function]:
    """Give the functions that draw characters."""

    def drawn(alphabet: str) -> Function:
        def draw(meter: Meter, count: int) -> str:
            if count <= 0:
                return ""
            meter.reserve(count)
            return context.characters(alphabet, count)

        return metered(draw, INT)

    def shuffled(string: str) -> str:
        chars = list(characters.decoded(string))
        for last in range(len(chars) - 1, 0, -1):
            other = context.below(last + 1)
            chars[last], chars[other] = chars[other], chars[last]
        return "".join(chars)

    return {
        "randAlphaNum": drawn(_ALPHABET + _NUMERALS),
        "randAlpha": drawn(_ALPHABET),
        "randAscii": drawn(_ASCII),
        "randNumeric": drawn(_NUMERALS),
        "shuffle": plain(shuffled, STRING),
    }
