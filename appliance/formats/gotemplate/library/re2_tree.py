"""The tree of a regular expression, between its text and its program."""

from dataclasses import dataclass
from typing import TypeAlias

from appliance.formats.gotemplate.library.re2_classes import Bounds


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set."""

    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Look:
    """A place: `text` and `line` begin and end, `word` boundary or none."""

    place: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts one after the other; without any, the empty string."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives, the first that fits wins."""

    options: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part again and again; `high` None means without end."""

    part: "Node"
    low: int
    high: int | None
    greedy: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A numbered capture."""

    part: "Node"
    number: int


Node: TypeAlias = Chars | Look | Sequence | Choice | Repeat | Group


def repeats(node: Node) -> int:
    """Give how often the innermost part is written out, through every counted repetition."""
    match node:
        case Repeat(high=0):
            return 0
        case Repeat(part=part, low=low, high=high):
            inner = repeats(part)
            return max(inner, (high if high is not None else low) * inner)
        case Group(part=part):
            return repeats(part)
        case Sequence(parts=parts) | Choice(options=parts):
            return max(map(repeats, parts), default=1)
        case _:
            return 1
