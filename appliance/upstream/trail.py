"""What a probe tried, gathered while it goes on: at a timeout, too, it is known where it hung."""

from appliance.ports.probes import Fault, ProbeFailed, Trial

_LONGEST = 300  # characters of an outcome: some of it was chosen by others


class Trail:
    """One probe's trials, in order; `begin` one, then `end` it."""

    def __init__(self) -> None:
        self._done: list[Trial] = []
        self._doing = ""

    def begin(self, what: str) -> None:
        """Note what is tried now."""
        self._doing = what

    def end(self, outcome: str) -> None:
        """Note how that went. What was ended already, or never begun, is not noted."""
        if self._doing:
            self._done.append(Trial(what=self._doing, outcome=plain(outcome)))
            self._doing = ""

    @property
    def tried(self) -> tuple[Trial, ...]:
        """All trials so far."""
        return tuple(self._done)

    def failure(self, public: str, fault: Fault, *, alert: str = "") -> ProbeFailed:
        """Make the error that ends the probe; what goes on, ends with it."""
        self.end(public)
        return ProbeFailed(plain(public), fault=fault, tried=self.tried, alert=alert)


def plain(text: str) -> str:
    """Make text that others chose fit for one line of a log: no control characters, not long."""
    shown = text
    if not text.isprintable():
        shown = "".join(
            each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text
        )
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]} …"
