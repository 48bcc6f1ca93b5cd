"""What has come of ACME's challenges, in numbers."""

from collections import Counter

from appliance.formats.prometheus import Family, Labels


class ChallengeTally:
    """Counts those that were settled since the start; `in_work` are being looked at."""

    def __init__(self) -> None:
        self.in_work = 0
        self._settled: Counter[Labels] = Counter()

    def settled(self, challenge_type: str, outcome: str) -> None:
        """Count one that was met or failed."""
        self._settled[("outcome", outcome), ("type", challenge_type)] += 1

    def families(self) -> list[Family]:
        """Give the numbers. Callable from any thread."""
        return [
            Family(
                name="hearth_acme_challenges_total",
                help="Number of ACME challenges that were met or failed, by type",
                kind="counter",
                samples=list(self._settled.copy().items()),
            ),
            Family(
                name="hearth_acme_challenges_in_work",
                help="Number of ACME challenges that are being looked at",
                kind="gauge",
                samples=[((), self.in_work)],
            ),
        ]
