"""The newest lines of the log in memory, for whoever looks at them."""

import re
from threading import Lock
from typing import Final

from msgspec.structs import replace

from appliance.model.loglines import LineLevel, LogLine, LogPage
from appliance.operator.pages import Pages
from appliance.ports.clock import Clock

CAPACITY: Final = 1000
_LONGEST: Final = 2000  # characters of a line
_CERTIFICATE: Final = re.compile(r'("certificate":"|\bcertificate="?)[A-Za-z0-9+/]{100,}=*')


class LineRing:
    """A bounded memory of lines; every method is callable from any thread."""

    def __init__(self, clock: Clock, capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._capacity = capacity
        self._lines = Pages(LogLine, capacity)
        self._writing = Lock()  # the order of numbers must be the order in the ring

    def add(self, level: LineLevel, text: str) -> None:
        """Remember a line of now, forgetting the oldest one when full."""
        at = self._clock.now()
        with self._writing:
            number = self._lines.last + 1
            self._lines.add(LogLine(number=number, at=at, level=level, text=text))

    def page(self, after: int = 0) -> LogPage:
        """Give the lines with a number above `after`, oldest first."""
        with self._writing:
            held, last = self._lines.after(after, self._capacity), self._lines.last
        lines = [replace(each, text=_shown(each.text)) for each in held]
        return LogPage(lines=lines, last=last)


def _shown(text: str) -> str:
    """Leave out certificates, which the inventory has, and what is endless."""
    return _CERTIFICATE.sub(r"\1…", text)[:_LONGEST]
