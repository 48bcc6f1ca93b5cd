"""Regular expressions run as RE2 runs them: all threads at once, in time linear in the text.

A pattern becomes a program of five instructions; threads that wait for the next character are
kept in order of preference, so the first that matches is what a backtracking search would find,
without its explosions. Every step is paid for from the rendering's budget.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from appliance.formats.gotemplate.library import re2_classes, re2_parser, re2_tree
from appliance.formats.gotemplate.library.re2_tree import Node
from appliance.formats.gotemplate.signatures import FunctionError, Meter

LARGEST: Final = 20_000  # instructions of a program
_CHARS, _SPLIT, _SAVE, _LOOK, _MATCH = range(5)
Instruction: TypeAlias = tuple[int, object, int, int]  # what, with what, next, or else
Captures: TypeAlias = tuple[int, ...]  # begin and end of each group, -1 where it took no part
_WORD: Final = re2_classes.POSIX["word"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A compiled pattern."""

    code: tuple[Instruction, ...]
    start: int
    names: tuple[str, ...]  # of the groups; "" for the whole and for nameless ones
    anchored: bool  # fits at the beginning of the text or nowhere
    empty: bool  # the pattern is the empty string


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Program:
    """Parse and compile. Raises FunctionError."""
    tree, names = re2_parser.parse(pattern)
    code: list[Instruction] = [(_MATCH, None, 0, 0)]
    writer = _Writer(code)
    end = writer.add(_SAVE, 1, 0)
    start = writer.add(_SAVE, 0, writer.write(tree, end))
    first = code[code[start][2]]
    return Program(
        code=tuple(code),
        start=start,
        names=names,
        anchored=first[0] == _LOOK and first[1] == "text-begin",
        empty=not pattern,
    )


class _Writer:
    """Writes a tree's instructions, each part before what follows it."""

    def __init__(self, code: list[Instruction]) -> None:
        self._code = code

    def add(self, what: int, argument: object, onward: int, otherwise: int = 0) -> int:
        if len(self._code) >= LARGEST:
            raise FunctionError("error parsing regexp: expression too large")
        self._code.append((what, argument, onward, otherwise))
        return len(self._code) - 1

    def write(self, node: Node, onward: int) -> int:
        """Write a part that goes on to `onward`; gives where it begins."""
        match node:
            case re2_tree.Chars(bounds=bounds):
                return self.add(_CHARS, bounds, onward)
            case re2_tree.Look(place=place):
                return self.add(_LOOK, place, onward)
            case re2_tree.Group(part=part, number=number):
                end = self.add(_SAVE, 2 * number + 1, onward)
                return self.add(_SAVE, 2 * number, self.write(part, end))
            case re2_tree.Sequence(parts=parts):
                for part in reversed(parts):
                    onward = self.write(part, onward)
                return onward
            case re2_tree.Choice(options=options):
                entry = self.write(options[-1], onward)
                for option in reversed(options[:-1]):
                    entry = self.add(_SPLIT, None, self.write(option, onward), entry)
                return entry
            case re2_tree.Repeat():
                return self._repeat(node, onward)

    def _repeat(self, node: re2_tree.Repeat, onward: int) -> int:
        if node.high is None:
            if node.low == 0:
                return self._star(node, onward)
            onward = self._plus(node, onward)
            copies = node.low - 1
        else:
            after = onward
            for _ in range(node.high - node.low):
                onward = self._split(self.write(node.part, onward), after, greedy=node.greedy)
            copies = node.low
        for _ in range(copies):
            onward = self.write(node.part, onward)
        return onward

    def _split(self, again: int, onward: int, *, greedy: bool) -> int:
        return self.add(_SPLIT, None, *((again, onward) if greedy else (onward, again)))

    def _loop(self, node: re2_tree.Repeat, onward: int) -> tuple[int, int]:
        """Write a loop; gives its decision and its body."""
        decision = self.add(_SPLIT, None, 0, 0)
        body = self.write(node.part, decision)
        ways = (body, onward) if node.greedy else (onward, body)
        self._code[decision] = (_SPLIT, None, *ways)
        return decision, body

    def _plus(self, node: re2_tree.Repeat, onward: int) -> int:
        return self._loop(node, onward)[1]

    def _star(self, node: re2_tree.Repeat, onward: int) -> int:
        if _nullable(node.part):  # (x+)?: otherwise an empty turn would jump the queue
            return self._split(self._plus(node, onward), onward, greedy=node.greedy)
        return self._loop(node, onward)[0]


def _nullable(node: Node) -> bool:
    """Tell whether a part can match the empty string."""
    match node:
        case re2_tree.Chars():
            return False
        case re2_tree.Look():
            return True
        case re2_tree.Group(part=part):
            return _nullable(part)
        case re2_tree.Sequence(parts=parts):
            return all(map(_nullable, parts))
        case re2_tree.Choice(options=options):
            return any(map(_nullable, options))
        case re2_tree.Repeat(part=part, low=low):
            return low == 0 or _nullable(part)


class Search:
    """One text under one program."""

    def __init__(self, program: Program, text: str, meter: Meter) -> None:
        self._program = program
        self._meter = meter
        self._codes = [code if not 0xDC80 <= code <= 0xDCFF else 0xFFFD for code in map(ord, text)]
        self._marks = [-1] * len(program.code)
        self._generation = 0

    def match(self, begin: int) -> Captures | None:
        """Find the leftmost match at `begin` or later."""
        found: Captures | None = None
        code, codes = self._program.code, self._codes
        nothing = (-1,) * (2 * len(self._program.names))
        waiting: list[tuple[int, Captures]] = []
        for at in range(begin, len(codes) + 1):
            if found is None and (at == 0 or not self._program.anchored):
                self._generation += not waiting
                self._follow(self._program.start, nothing, at, waiting)
            if not waiting:
                if found is not None or self._program.anchored:
                    break
                continue
            self._generation += 1
            self._meter.spend(len(waiting))
            coming: list[tuple[int, Captures]] = []
            char = codes[at] if at < len(codes) else -1
            for place, captures in waiting:
                what, bounds, onward, _ = code[place]
                if what == _MATCH:
                    found = captures
                    break  # whatever waits behind it is worse
                if char >= 0 and re2_classes.contains(bounds, char):  # type: ignore[arg-type]
                    self._follow(onward, captures, at + 1, coming)
            waiting = coming
        return found

    def _follow(
        self, place: int, captures: Captures, at: int, waiting: list[tuple[int, Captures]]
    ) -> None:
        """Run on to the instructions that wait for a character, in order of preference."""
        todo = [(place, captures)]
        marks, code = self._marks, self._program.code
        steps = 0
        while todo:
            place, captures = todo.pop()
            if marks[place] == self._generation:
                continue
            marks[place] = self._generation
            steps += 1
            what, argument, onward, otherwise = code[place]
            if what in (_CHARS, _MATCH):
                waiting.append((place, captures))
            elif what == _SPLIT:
                todo += ((otherwise, captures), (onward, captures))
            elif what == _SAVE:
                slot: int = argument  # type: ignore[assignment]
                todo.append((onward, (*captures[:slot], at, *captures[slot + 1 :])))
            elif self._holds(argument, at):
                todo.append((onward, captures))
        self._meter.spend(steps)

    def _holds(self, place: object, at: int) -> bool:
        codes = self._codes
        match place:
            case "text-begin":
                return at == 0
            case "text-end":
                return at == len(codes)
            case "line-begin":
                return at == 0 or codes[at - 1] == 10
            case "line-end":
                return at == len(codes) or codes[at] == 10
            case _:
                return self._at_edge(at) is (place == "word-edge")

    def _at_edge(self, at: int) -> bool:
        codes = self._codes
        before = at > 0 and re2_classes.contains(_WORD, codes[at - 1])
        after = at < len(codes) and re2_classes.contains(_WORD, codes[at])
        return before != after
