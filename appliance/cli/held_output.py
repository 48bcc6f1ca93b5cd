"""Log lines while a console has the terminal: they wait, and are shown when it has gone."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from appliance.server.output import Output

_MOST_LINES: Final = 50


class HeldOutput:
    """An Output in front of another one that can be held back; callable from any thread."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._taken = 0
        self._holding = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep lines while this lasts (the newest ones), then pass them on."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
            self._release()

    def write(self, line: str) -> None:
        """Take a line, to be shown soon or later."""
        if self._holding:
            self._taken += 1
            self._lines.append(line)
        else:
            self._output.write(line)

    def flush(self) -> None:
        """Show what was taken, unless it is held."""
        if not self._holding:
            self._output.flush()

    def _release(self) -> None:
        missing = self._taken - len(self._lines)
        if missing > 0:
            self._output.write(f"{missing} older log lines of the console's time were dropped")
        while self._lines:
            self._output.write(self._lines.popleft())
        self._taken = 0
        self._output.flush()
