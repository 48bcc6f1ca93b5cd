"""Where lines go: standard error, or whoever watches in its place.

Lines of requests are gathered for a moment and written together, and a reader that does not read
(a full pipe) costs lines, which are counted, and never the CA's time.
"""

import logging
import os
import select
import stat
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Lock
from typing import Final, Protocol, TypeAlias, final

from appliance.model.loglines import LineLevel
from appliance.operator.line_ring import LineRing

_CHUNK: Final = select.PIPE_BUF  # what a pipe that is ready takes without waiting
_LARGE_CHUNK: Final = 64 * 1024  # for a file, which always takes everything
_MOST_LINES: Final = 10_000
_MOST_UNMADE: Final = 500  # lines of requests
_PROBLEMS: Final = ("warning:", "error ")
_LOGGERS: Final = ("appliance", "hypercorn", "quart", "trio")

log = logging.getLogger(__name__)

LineMaker: TypeAlias = Callable[[], str | None]
"""Makes a line, or says that there is none."""


class Output(Protocol):
    """Takes lines without their ends; never waits, never raises."""

    def write(self, line: str) -> None:
        """Take a line, to be shown soon."""
        ...

    def flush(self) -> None:
        """Show what was taken, as far as that does not wait."""
        ...


class DescriptorOutput:
    """Lines to an open file, pipe or terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor = _never_waiting(descriptor)
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._chunk = _LARGE_CHUNK if is_file else _CHUNK
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._rest = b""
        self._flushing = Lock()
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def write(self, line: str) -> None:
        """Take a line; when there are too many, drop it and count."""
        if len(self._lines) < _MOST_LINES:
            self._lines.append(line)
        else:
            self._dropped += 1

    def flush(self) -> None:
        """Write for as long as nobody has to wait; another thread that is at it goes on."""
        if not self._flushing.acquire(blocking=False):
            return
        try:
            self._write()
        finally:
            self._flushing.release()

    def _write(self) -> None:
        while self._rest or self._lines or self._dropped:
            if not self._rest:
                self._rest = self._next()
            try:
                if not self._poll.poll(0):
                    return
                written = os.write(self._descriptor, self._rest[: self._chunk])
            except BlockingIOError:
                return
            except OSError:  # nobody is there any more
                self._lines.clear()
                self._rest, self._dropped = b"", 0
                return
            self._rest = self._rest[written:]

    def _next(self) -> bytes:
        """Take lines for one write; a line that is longer is written in parts."""
        parts: list[bytes] = []
        size = 0
        while self._lines and (not parts or size + len(self._lines[0]) < self._chunk):
            part = self._lines.popleft().encode("utf-8", "backslashreplace") + b"\n"
            parts.append(part)
            size += len(part)
        if self._dropped and not self._lines:
            parts.append(b"%d log lines were dropped: nobody read them\n" % self._dropped)
            self._dropped = 0
        return b"".join(parts)


def _never_waiting(descriptor: int) -> int:
    """Give a terminal's descriptor of our own, which never waits; others as they are.

    A terminal that has room for an octet lets who writes more wait for the rest. The one that it
    was opened with is shared with the shell, and stays as it is.
    """
    if not os.isatty(descriptor):
        return descriptor
    try:
        flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(f"/proc/self/fd/{descriptor}", flags)
    except OSError:
        return descriptor


def standard_error() -> DescriptorOutput:
    """Give the process's standard error."""
    sys.stderr.flush()
    return DescriptorOutput(2)


@final
class RequestLines:
    """An Output in front of another one that takes lines of requests before they are made.

    They are made in a row, when lines are shown: each in its turn, between two answers, costs
    three times as much. The `ring` remembers the last of them.
    """

    def __init__(self, output: Output, ring: LineRing | None = None) -> None:
        self._output = output
        self._ring = ring
        self._waiting: deque[LineMaker] = deque()

    def later(self, line: LineMaker) -> None:
        """Take what makes the line of a request."""
        self._waiting.append(line)
        if len(self._waiting) >= _MOST_UNMADE:
            self._make()

    def write(self, line: str) -> None:
        """Take a line, which comes behind those of requests before it."""
        self._make()
        self._output.write(line)

    def flush(self) -> None:
        """Show what was taken."""
        self._make()
        self._output.flush()

    def _make(self) -> None:
        faults: list[Exception] = []
        while self._waiting:
            try:
                make = self._waiting.popleft()
            except IndexError:
                break  # another thread makes them, too
            try:
                line = make()
            except Exception as fault:  # noqa: BLE001 - a line must not end the server
                faults.append(fault)
                continue
            if line is not None:
                if self._ring is not None:
                    self._ring.add(LineLevel.REQUEST, line)
                self._output.write(line)
        for each in faults:
            log.error("the line of a request could not be made", exc_info=each)


@contextmanager
def logging_to(
    output: Output, level: int = logging.INFO, ring: LineRing | None = None
) -> Iterator[Callable[[str], None]]:
    """Send what the program logs to the output, dated as step-ca's lines are.

    Gives the function that writes one such line. The `ring` remembers the last of them.
    """
    lines = _Lines(output, ring)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(each, each.level, each.propagate) for each in loggers]
    for each in loggers:
        each.addHandler(lines)
        each.setLevel(level)
        each.propagate = False
    try:
        yield lines.say
    finally:
        for each, old_level, propagate in before:
            each.removeHandler(lines)
            each.setLevel(old_level)
            each.propagate = propagate
        output.flush()


class _Lines(logging.Handler):
    def __init__(self, output: Output, ring: LineRing | None) -> None:
        super().__init__()
        self._output = output
        self._ring = ring
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        try:
            self._show(self.format(record), _level(record.levelno), level)
        except Exception:  # noqa: BLE001 - a line that cannot be made must not end a request
            self.handleError(record)

    def say(self, text: str) -> None:
        level = LineLevel.WARNING if text.startswith(_PROBLEMS) else LineLevel.INFO
        self._show(text, level)

    def _show(self, text: str, level: LineLevel, lead: str = "") -> None:
        now = datetime.now()  # noqa: DTZ005, TID251 - of the log, in the machine's time zone
        if self._ring is not None:
            self._ring.add(level, text.removeprefix("warning: "))
        self._output.write(f"{now:%Y/%m/%d %H:%M:%S} {lead}{text}")
        self._output.flush()


def _level(number: int) -> LineLevel:
    if number >= logging.ERROR:
        return LineLevel.ERROR
    return LineLevel.WARNING if number >= logging.WARNING else LineLevel.INFO
