"""How much happened lately, as a line of bars."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

BARS: Final = "▁▂▃▄▅▆▇█"


class Pulse:
    """Counts by second, kept as long as they can be shown."""

    def __init__(self, seconds: int = 120) -> None:
        self._seconds = seconds
        self._counts: Counter[int] = Counter()

    def note(self, at: datetime) -> None:
        """Count one that happened then."""
        self._counts[int(at.timestamp())] += 1

    def bars(self, now: datetime, columns: int, seconds_each: int) -> str:
        """Draw the time until now, the newest at the right; the highest bar is the busiest."""
        end = int(now.timestamp()) + 1
        for second in [second for second in self._counts if second < end - self._seconds]:
            del self._counts[second]
        heights = [
            sum(self._counts[second] for second in range(start, start + seconds_each))
            for start in range(end - columns * seconds_each, end, seconds_each)
        ]
        return bars_of(heights)


def bars_of(numbers: Sequence[int]) -> str:
    """Draw numbers as bars: none for zero, the highest for the largest."""
    highest = max(numbers, default=0)
    if not highest:
        return BARS[0] * len(numbers)
    return "".join(BARS[-(-number * (len(BARS) - 1) // highest)] for number in numbers)
