"""The newest lines of the log in memory, for whoever looks at them."""

import re
from collections import deque
from datetime import datetime
from threading import Lock
from typing import Final

from appliance.model.loglines import LineLevel, LogLine, LogPage
from appliance.ports.clock import Clock

CAPACITY: Final = 1000
_LONGEST: Final = 2000  # characters of a line
_CERTIFICATE: Final = re.compile(r'("certificate":"|\bcertificate="?)[A-Za-z0-9+/]{100,}=*')


class LineRing:
    """A bounded memory of lines; every method is callable from any thread."""

    def __init__(self, clock: Clock, capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._lines: deque[tuple[int, datetime, LineLevel, str]] = deque(maxlen=capacity)
        self._number = 0
        self._writing = Lock()  # the order of numbers must be the order in the ring

    def add(self, level: LineLevel, text: str) -> None:
        """Remember a line of now, forgetting the oldest one when full."""
        at = self._clock.now()
        with self._writing:
            self._number += 1
            self._lines.append((self._number, at, level, text))

    def page(self, after: int = 0) -> LogPage:
        """Give the lines with a number above `after`, oldest first."""
        with self._writing:
            held, last = list(self._lines), self._number
        return LogPage(
            lines=[
                LogLine(number=number, at=at, level=level, text=_shown(text))
                for number, at, level, text in held
                if number > after
            ],
            last=last,
        )


def _shown(text: str) -> str:
    """Leave out certificates, which the inventory has, and what is endless."""
    return _CERTIFICATE.sub(r"\1…", text)[:_LONGEST]
