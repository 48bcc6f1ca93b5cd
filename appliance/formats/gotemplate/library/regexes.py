"""sprig's functions for regular expressions, in RE2's syntax and with its results."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from appliance.formats.gotemplate import quoting
from appliance.formats.gotemplate.library import characters, re2_machine
from appliance.formats.gotemplate.library.declaring import metered, plain
from appliance.formats.gotemplate.library.re2_machine import Captures, Program, Search
from appliance.formats.gotemplate.signatures import (
    INT,
    STRING,
    STRINGS,
    Function,
    FunctionError,
    Meter,
)
from appliance.formats.gotemplate.values import TypedList, joined

_SPECIAL: Final = frozenset(r"\.+*?()|[]{}^$")
Compile = Callable[[str], Program]


def _compiled(pattern: str) -> Program:
    """Compile as MustCompile: its panic has a text of its own."""
    try:
        return re2_machine.compile_pattern(pattern)
    except FunctionError as error:
        shown = f"`{pattern}`" if quoting.can_backquote(pattern) else quoting.quote(pattern)
        raise FunctionError(f"regexp: Compile({shown}): {error}") from None


def _matches(meter: Meter, pattern: str, string: str) -> bool:
    program = re2_machine.compile_pattern(pattern)
    return Search(program, string, meter).match(0) is not None


def _matches_quietly(meter: Meter, pattern: str, string: str) -> bool:
    try:
        return _matches(meter, pattern, string)
    except FunctionError:
        return False


def _all(program: Program, string: str, meter: Meter, most: int) -> Iterator[Captures]:
    """Go through the matches, at most so many; an empty one right behind another does not count."""
    search = Search(program, string, meter)
    position, before = 0, -1
    count = most if most >= 0 else len(string) + 1
    while count > 0 and position <= len(string):
        found = search.match(position)
        if found is None:
            return
        accepted = True
        if found[1] == position:
            accepted = found[0] != before
            position += 1
        else:
            position = found[1]
        before = found[1]
        if accepted:
            count -= 1
            yield found


def _find_all(compiled: Compile) -> Function:
    def find(meter: Meter, pattern: str, string: str, most: int) -> TypedList:
        found = [string[each[0] : each[1]] for each in _all(compiled(pattern), string, meter, most)]
        return TypedList(found, go_type=STRINGS, nil=not found)

    return metered(find, STRING, STRING, INT)


def _find(compiled: Compile) -> Function:
    def find(meter: Meter, pattern: str, string: str) -> str:
        found = Search(compiled(pattern), string, meter).match(0)
        return "" if found is None else string[found[0] : found[1]]

    return metered(find, STRING, STRING)


def _replace(compiled: Compile, *, literal: bool) -> Function:
    def replace(meter: Meter, pattern: str, string: str, replacement: str) -> str:
        program = compiled(pattern)
        parts = None if literal else _parts(replacement)
        size = 0

        def expand(found: Captures) -> str:
            nonlocal size
            piece = replacement if parts is None else _expanded(parts, program, string, found)
            size += len(piece)
            meter.reserve(size)
            return piece

        return _replaced(Search(program, string, meter), string, expand)

    return metered(replace, STRING, STRING, STRING)


def _replaced(search: Search, string: str, expand: Callable[[Captures], str]) -> str:
    out: list[str] = []
    end = position = 0
    while position <= len(string):
        found = search.match(position)
        if found is None:
            break
        out.append(string[end : found[0]])
        if found[1] > end or found[0] == 0:
            out.append(expand(found))
        end = found[1]
        position = max(end, position + 1)
    out.append(string[end:])
    return joined(out)


def _parts(template: str) -> list[str | tuple[str, int]]:
    """Read `$1`, `${name}` and `$$`; the rest is text. A reference is its name and number or -1."""
    parts: list[str | tuple[str, int]] = []
    while template:
        before, dollar, template = template.partition("$")
        parts.append(before)
        if not dollar:
            break
        if template.startswith("$"):
            parts.append("$")
            template = template[1:]
            continue
        brace = template.startswith("{")
        start = end = int(brace)
        while end < len(template) and _names(template[end]):
            end += 1
        if end == start or (brace and template[end : end + 1] != "}"):
            parts.append("$")
            continue
        name = template[start:end]
        parts.append((name, _group_number(name)))
        template = template[end + brace :]
    return parts


def _names(char: str) -> bool:
    return char == "_" or characters.is_letter(char) or characters.is_digit(char)


def _group_number(name: str) -> int:
    plain_number = name.isascii() and name.isdecimal() and len(name) < 10
    return int(name) if plain_number and (name == "0" or name[0] != "0") else -1


def _expanded(
    parts: list[str | tuple[str, int]], program: Program, string: str, found: Captures
) -> str:
    out = []
    for part in parts:
        if isinstance(part, str):
            out.append(part)
            continue
        name, number = part
        if number < 0:
            number = next(
                (
                    place
                    for place, known in enumerate(program.names)
                    if known == name and found[2 * place] >= 0
                ),
                -1,
            )
        if 0 <= number < len(program.names) and found[2 * number] >= 0:
            out.append(string[found[2 * number] : found[2 * number + 1]])
    return "".join(out)


def _split(compiled: Compile) -> Function:
    def split(meter: Meter, pattern: str, string: str, most: int) -> TypedList:
        program = compiled(pattern)
        if most == 0:
            return TypedList(go_type=STRINGS, nil=True)
        if not string and not program.empty:
            return TypedList([""], go_type=STRINGS)
        parts: list[str] = []
        begin = end = 0
        for found in _all(program, string, meter, most):
            if 0 < most <= len(parts) + 1:
                break
            end = found[0]
            if found[1] != 0:
                parts.append(string[begin:end])
            begin = found[1]
        if end != len(string):
            parts.append(string[begin:])
        return TypedList(parts, go_type=STRINGS)

    return metered(split, STRING, STRING, INT)


def _quoted(string: str) -> str:
    return "".join("\\" + char if char in _SPECIAL else char for char in string)


_PARSED: Final = re2_machine.compile_pattern

FUNCTIONS: Final[Mapping[str, Function]] = {
    "regexMatch": metered(_matches_quietly, STRING, STRING),
    "mustRegexMatch": metered(_matches, STRING, STRING),
    "regexFindAll": _find_all(_compiled),
    "mustRegexFindAll": _find_all(_PARSED),
    "regexFind": _find(_compiled),
    "mustRegexFind": _find(_PARSED),
    "regexReplaceAll": _replace(_compiled, literal=False),
    "mustRegexReplaceAll": _replace(_PARSED, literal=False),
    "regexReplaceAllLiteral": _replace(_compiled, literal=True),
    "mustRegexReplaceAllLiteral": _replace(_PARSED, literal=True),
    "regexSplit": _split(_compiled),
    "mustRegexSplit": _split(_PARSED),
    "regexQuoteMeta": plain(_quoted, STRING),
}
