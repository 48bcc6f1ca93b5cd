"""How long things took, as distributions that Prometheus can read."""

from bisect import bisect_left
from collections.abc import Sequence
from threading import Lock
from typing import Final, final

from appliance.formats.prometheus import Distribution, Family, Labels

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: from a signature by a file's key to a person's touch of a token."""


@final
class Timings:
    """A histogram for each set of labels; every method is callable from any thread."""

    def __init__(self, name: str, text: str, bounds: Sequence[float] = BOUNDS) -> None:
        self._name, self._text, self._bounds = name, text, tuple(bounds)
        self._counts: dict[Labels, list[int]] = {}
        self._totals: dict[Labels, float] = {}
        self._counting = Lock()

    def took(self, seconds: float, labels: Labels = ()) -> None:
        """Count one that took so long."""
        place = bisect_left(self._bounds, seconds)
        with self._counting:
            counts = self._counts.get(labels)
            if counts is None:
                counts = self._counts[labels] = [0] * (len(self._bounds) + 1)
            counts[place] += 1
            self._totals[labels] = self._totals.get(labels, 0.0) + seconds

    def family(self) -> Family:
        """Give them as they are now."""
        with self._counting:
            found = [
                (labels, tuple(counts), self._totals[labels])
                for labels, counts in self._counts.items()
            ]
        return Family(
            name=self._name,
            help=self._text,
            kind="histogram",
            distributions=[
                (labels, Distribution(bounds=self._bounds, counts=counts, total=round(total, 6)))
                for labels, counts, total in found
            ],
        )
