"""Where it is said what about the box is as it should be."""

from typing import Protocol

from appliance.model.conditions import Severity


class ConditionSink(Protocol):
    """Takes note of how things are; what is said last holds."""

    def report(
        self, name: str, *, ok: bool, text: str = "", severity: Severity = Severity.WARNING
    ) -> None:
        """Say how something is; saying the same again changes nothing.

        `name` and `text` are as model.conditions.Condition has them. Never waits, never raises;
        callable from any thread.
        """
        ...

    def forget(self, name: str) -> None:
        """Say that there is no such thing any more: a token that is not configured any longer."""
        ...
