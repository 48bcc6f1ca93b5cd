"""One rendering in progress. A parsed template is shared between renderings; this is not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from appliance.formats.gotemplate.budget import Spending
from appliance.formats.gotemplate.errors import TemplateError
from appliance.formats.gotemplate.quoting import quote
from appliance.formats.gotemplate.values import octets

Run = Callable[["State", Any], None]
"""A statement made ready: is given the present element (Go's dot)."""


class Shown(Protocol):
    """A node, as error messages show it."""

    @property
    def position(self) -> int:
        """Where it is in the text, in characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A text made ready to run: each template that it defines, by its name."""

    name: str  # of the text, for error messages
    text: str
    templates: Mapping[str, Run]


@dataclass(slots=True)
class Binding:
    """A variable. `boxed` tells that Go holds it as an interface {} (see State.boxed)."""

    name: str
    value: Any
    boxed: bool = False


class State:
    """What changes while a template is rendered.

    `node` is what error messages name: the newest thing looked at, as in Go. `boxed` tells that the
    present element came out of a list or map of interface {}: Go's messages then give that as its
    type. Nothing else depends on it.
    """

    __slots__ = ("boxed", "depth", "meter", "name", "node", "out", "program", "variables")

    def __init__(self, program: Program, data: Any, meter: Spending) -> None:
        self.program = program
        self.name = program.name
        self.meter = meter
        self.out: list[str] = []
        self.variables = [Binding("$", data)]
        self.node: Shown | None = None
        self.depth = 0
        self.boxed = False

    def write(self, text: str) -> None:
        """Put text down."""
        self.meter.write(len(text))
        self.out.append(text)

    def variable(self, name: str) -> Binding:
        """Find the newest variable of that name."""
        for binding in reversed(self.variables):
            if binding.name == name:
                return binding
        raise self.failure(f"undefined variable: {name}")

    def failure(self, problem: str) -> TemplateError:
        """Make the error that ends the rendering at the present node."""
        return TemplateError(self.located(problem))

    def located(self, problem: str) -> str:
        """Say where the problem is, in Go's words."""
        if self.node is None:
            return f"template: {self.name}: {problem}"
        before = self.program.text[: self.node.position]
        line = before.count("\n") + 1
        column = len(octets(before[before.rfind("\n") + 1 :]))
        place = f"{self.program.name}:{line}:{column}"
        return f"template: {place}: executing {quote(self.name)} at <{self.node}>: {problem}"
