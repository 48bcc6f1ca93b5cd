"""How long things took, as distributions that Prometheus can read."""

from bisect import bisect_left
from dataclasses import dataclass
from threading import Lock
from typing import Final, final

from appliance.formats.prometheus import Distribution, Family

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: from a signature by a file's key to a person's touch of a token."""


@dataclass(slots=True)
class _Histogram:
    """How many took how long, and how long all of them did."""

    counts: list[int]
    total: float = 0.0


@final
class Timings:
    """A histogram for each set of labels' values; every method is callable from any thread."""

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._found: dict[tuple[str, ...], _Histogram] = {}
        self._counting = Lock()

    def took(self, seconds: float, *values: str) -> None:
        """Count one that took so long; `values` are those of the labels."""
        place = bisect_left(BOUNDS, seconds)
        with self._counting:
            histogram = self._found.get(values)
            if histogram is None:
                histogram = self._found[values] = _Histogram([0] * (len(BOUNDS) + 1))
            histogram.counts[place] += 1
            histogram.total += seconds

    def family(self) -> Family:
        """Give them as they are now."""
        with self._counting:
            found = [
                (values, tuple(each.counts), each.total) for values, each in self._found.items()
            ]
        return Family(
            name=self._name,
            help=self._text,
            kind="histogram",
            distributions=[
                (
                    tuple(zip(self._labels, values, strict=True)),
                    Distribution(bounds=BOUNDS, counts=counts, total=round(total, 6)),
                )
                for values, counts, total in found
            ],
        )
