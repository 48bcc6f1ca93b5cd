"""The one list of how things are: who looks after something reports it here.

`/health?verbose`, metrics, alerts and the console read it. It is kept in memory: after a start,
everyone reports anew.
"""

from dataclasses import replace
from threading import Lock
from typing import final

from appliance.formats.prometheus import Family
from appliance.model.conditions import Condition, Severity
from appliance.ports.clock import Clock


@final
class ConditionBoard:
    """A ConditionSink that can be asked; every method is callable from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, Condition] = {}
        self._writing = Lock()

    def report(
        self, name: str, *, ok: bool, text: str = "", severity: Severity = Severity.WARNING
    ) -> None:
        """Say how something is. Its `since` moves only when it gets well or ill."""
        with self._writing:
            old = self._known.get(name)
            if old is not None and old.ok is ok:
                self._known[name] = replace(old, text=text, severity=severity)
                return
            self._known[name] = Condition(
                name=name, ok=ok, since=self._clock.now(), text=text, severity=severity
            )

    def forget(self, name: str) -> None:
        """Take it off the list."""
        with self._writing:
            self._known.pop(name, None)

    def conditions(self) -> tuple[Condition, ...]:
        """Give all of them by name."""
        with self._writing:
            return tuple(sorted(self._known.values(), key=lambda each: each.name))

    def families(self) -> list[Family]:
        """Give them as numbers: 1 is well."""
        samples = [((("condition", each.name),), int(each.ok)) for each in self.conditions()]
        return [
            Family(
                name="hearth_condition_ok",
                help="Whether something that is looked after is as it should be",
                kind="gauge",
                samples=samples,
            )
        ]
