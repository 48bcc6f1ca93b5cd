"""How long things took, as distributions that Prometheus can read."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final, final

from appliance.formats.prometheus import Distribution, Family, Labels

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: from a signature by a file's key to a person's touch of a token."""


@dataclass(slots=True)
class _Histogram:
    """How many took how long, and how long all of them did."""

    counts: list[int]
    total: float = 0.0


@final
class Timings:
    """A histogram for each set of labels; every method is callable from any thread."""

    def __init__(self, name: str, text: str, bounds: Sequence[float] = BOUNDS) -> None:
        self._name, self._text, self._bounds = name, text, tuple(bounds)
        self._found: dict[Labels, _Histogram] = {}
        self._counting = Lock()

    def took(self, seconds: float, labels: Labels = ()) -> None:
        """Count one that took so long."""
        place = bisect_left(self._bounds, seconds)
        with self._counting:
            histogram = self._found.get(labels)
            if histogram is None:
                histogram = self._found[labels] = _Histogram([0] * (len(self._bounds) + 1))
            histogram.counts[place] += 1
            histogram.total += seconds

    def family(self) -> Family:
        """Give them as they are now."""
        with self._counting:
            found = [
                (labels, tuple(each.counts), each.total) for labels, each in self._found.items()
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
