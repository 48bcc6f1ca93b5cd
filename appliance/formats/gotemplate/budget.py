"""What a rendering may use up. A budget holds without a clock: work is counted in steps."""

from dataclasses import dataclass
from typing import Final

from appliance.formats.gotemplate.errors import BudgetError


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Bounds of one rendering; far above what certificates need, far below what hurts a server."""

    output: int = 1 << 20  # octets that the template writes
    value: int = 1 << 18  # octets or items of any one value on the way
    steps: int = 250_000  # actions, calls, pieces of data gone through; each some microseconds
    iterations: int = 50_000  # of all ranges together
    depth: int = 64  # templates within templates


DEFAULT: Final = Budget()


class Spending:
    """What is left of a Budget; the Meter of signatures. Methods raise BudgetError."""

    __slots__ = ("_budget", "_iterations", "_largest", "_output", "_steps")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._steps = budget.steps
        self._output = budget.output
        self._iterations = budget.iterations
        self._largest = budget.value

    def spend(self, steps: int) -> None:
        """Pay for work."""
        self._steps -= steps
        if self._steps < 0:
            raise BudgetError("the template takes too many steps")

    def reserve(self, size: int) -> None:
        """Ask for room before a value of so many octets or items is built; paid for by its size."""
        if size > self._largest:
            raise BudgetError(f"the template builds a value of more than {self._largest} octets")
        if size > 255:
            self.spend(size >> 8)

    def write(self, size: int) -> None:
        """Count output."""
        self._output -= size
        if self._output < 0:
            raise BudgetError(f"the template writes more than {self._budget.output} octets")

    def iterate(self) -> None:
        """Count a turn of a range."""
        self._iterations -= 1
        if self._iterations < 0:
            raise BudgetError(f"the template loops more than {self._budget.iterations} times")
        self.spend(1)

    def nest(self, depth: int) -> None:
        """Refuse templates that are nested too deep."""
        if depth > self._budget.depth:
            raise BudgetError(f"exceeded maximum template depth ({self._budget.depth})")
