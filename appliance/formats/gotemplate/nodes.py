"""A template as a tree. A node's text is how error messages show it; positions count characters."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier(_Node):
    """The name of a function."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable(_Node):
    """`$x.Field.Field`: the variable with its dollar sign, and fields."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot(_Node):
    """The present element."""

    def __str__(self) -> str:
        return "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Nil(_Node):
    """The word nil."""

    def __str__(self) -> str:
        return "nil"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields(_Node):
    """`.Field.Field` of the present element."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain(_Node):
    """Fields of what another node gives, such as `(index .A 0).Field`."""

    operand: "Operand"
    names: tuple[str, ...]

    def __str__(self) -> str:
        inner = f"({self.operand})" if isinstance(self.operand, Pipeline) else str(self.operand)
        return inner + "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean(_Node):
    """True or false."""

    value: bool

    def __str__(self) -> str:
        return "true" if self.value else "false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(_Node):
    """A constant as each kind of number that can hold it; None for those that cannot."""

    literal: str
    signed: int | None = None
    unsigned: int | None = None
    floating: float | None = None
    complex_number: complex | None = None

    def __str__(self) -> str:
        return self.literal


@dataclass(frozen=True, slots=True, kw_only=True)
class String(_Node):
    """A string, and the literal that it was written as."""

    literal: str
    value: str

    def __str__(self) -> str:
        return self.literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(_Node):
    """Words between two pipe signs; the first is what is called or given."""

    words: "tuple[Operand, ...]"

    def __str__(self) -> str:
        return " ".join(
            f"({word})" if isinstance(word, Pipeline) else str(word) for word in self.words
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline(_Node):
    """Commands, each given the value of the one before; may set or declare variables."""

    commands: tuple[Command, ...]
    variables: tuple[str, ...] = ()
    assigns: bool = False

    def __str__(self) -> str:
        commands = " | ".join(str(command) for command in self.commands)
        if not self.variables:
            return commands
        return f"{', '.join(self.variables)} {'=' if self.assigns else ':='} {commands}"


Operand: TypeAlias = (
    Identifier | Variable | Dot | Nil | Fields | Chain | Boolean | Number | String | Pipeline
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(_Node):
    """Text that is written as it is."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(_Node):
    """A pipeline whose value is written."""

    pipeline: Pipeline

    def __str__(self) -> str:
        return f"{{{{{self.pipeline}}}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch(_Node):
    """An if, with or range (`keyword`)."""

    keyword: str
    pipeline: Pipeline
    body: "tuple[Statement, ...]"
    otherwise: "tuple[Statement, ...] | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump(_Node):
    """A break or continue (`keyword`)."""

    keyword: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation(_Node):
    """`{{template "name" pipeline}}`; `name` is its literal's value."""

    name: str
    literal: str
    pipeline: Pipeline | None

    def __str__(self) -> str:
        pipeline = f" {self.pipeline}" if self.pipeline is not None else ""
        return f"{{{{template {self.literal}{pipeline}}}}}"


Statement: TypeAlias = Text | Action | Branch | Jump | Invocation
