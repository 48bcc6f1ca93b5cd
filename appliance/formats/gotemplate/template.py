"""Templates: `parse` one once, `render` it as often as wanted, at the same time too."""

import re
from collections.abc import Mapping
from typing import Any, Final, final

from appliance.formats.gotemplate import budget as budgets
from appliance.formats.gotemplate.budget import Budget, Spending
from appliance.formats.gotemplate.builtins import BUILTINS
from appliance.formats.gotemplate.errors import BudgetError
from appliance.formats.gotemplate.execution import compile_statements
from appliance.formats.gotemplate.parser import parse_trees
from appliance.formats.gotemplate.signatures import Function
from appliance.formats.gotemplate.state import Program, State
from appliance.formats.gotemplate.values import INVALID, joined, octets

_OCTET: Final = re.compile("[\udc80-\udcff]")
NAME: Final = "template"
"""What error messages call a template, unless they are told."""


def parse(text: str, functions: Mapping[str, Function], *, name: str = NAME) -> "Template":
    """Read a template that may call these functions and the builtins.

    Raises TemplateError (stage `parse`) with the reason in Go's words.
    """
    known = {**BUILTINS, **functions}
    trees = parse_trees(text, known, name=name)
    try:
        templates = {each: compile_statements(tree, known) for each, tree in trees.items()}
    except RecursionError:
        raise BudgetError("the template is nested too deep") from None
    return Template(Program(name=name, text=text, templates=templates))


@final
class Template:
    """A parsed template; it holds nothing of a rendering."""

    __slots__ = ("_program",)

    def __init__(self, program: Program) -> None:
        self._program = program

    def render(self, data: object, budget: Budget = budgets.DEFAULT) -> str:
        """Give what the template makes of the data (Go values, see the module values).

        Octets that are no UTF-8 come as U+FFFD each, as a reader of JSON takes them. Raises
        TemplateError (stage `exec`), TemplateFailure where the template called `fail`, and
        BudgetError where it would use up more than its budget.
        """
        text = self._run(data, budget)
        return text if text.isascii() else _OCTET.sub("\ufffd", joined([text]))

    def render_octets(self, data: object, budget: Budget = budgets.DEFAULT) -> bytes:
        """Give the same, octet for octet."""
        return octets(self._run(data, budget))

    def _run(self, data: object, budget: Budget) -> str:
        program = self._program
        value: Any = INVALID if data is None else data
        state = State(program, value, Spending(budget))
        try:
            program.templates[program.name](state, value)
        except RecursionError:
            raise BudgetError("the template or its data is nested too deep") from None
        return "".join(state.out)
