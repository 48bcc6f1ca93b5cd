"""What is told of tokens beside the log: conditions of the box, lines of the console's journal."""

from typing import Final, final

from appliance.model.conditions import Severity
from appliance.model.events import Event, EventKind
from appliance.model.tokens import ADVICE, TokenState, TokenStatus
from appliance.ports.clock import Clock
from appliance.ports.conditions import ConditionSink
from appliance.ports.events import EventSink

_WELL: Final = {TokenState.READY, TokenState.TOUCH}
_PASSING: Final = {TokenState.LOCKED, TokenState.TOUCH}


@final
class TokenNotices:
    """Turns states of tokens into both. A passing state is no line in the journal."""

    def __init__(self, conditions: ConditionSink, events: EventSink, clock: Clock) -> None:
        self._conditions = conditions
        self._events = events
        self._clock = clock
        self._last: dict[str, TokenState] = {}

    def changed(self, status: TokenStatus) -> None:
        """Tell of a token's state: in words that anybody may read."""
        text = f"{status.state}: {ADVICE[status.state]}"
        self._conditions.report(
            _name(status.name),
            ok=status.state in _WELL,
            text=text,
            severity=Severity.CRITICAL,
        )
        before = self._last.get(status.name)
        if status.state in _PASSING or status.state is before:
            return
        self._last[status.name] = status.state
        if before is None and status.state is TokenState.READY:
            return  # as it should be, from the start
        self._events.record(
            Event(
                at=self._clock.now(),
                kind=EventKind.NOTED if status.state in _WELL else EventKind.WARNED,
                operation="token",
                subject=status.name,
                reason=text,
            )
        )

    def left(self, name: str) -> None:
        """Forget a token that is not used any more."""
        self._last.pop(name, None)
        self._conditions.forget(_name(name))


def _name(token: str) -> str:
    return f"token:{token}"
