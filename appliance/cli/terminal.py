"""The terminal that this process was started on: fit for a console, still there, let go."""

import os
import select
import sys
import termios
from typing import Final

from tui.terminal import Seat, terminal_of

_STREAMS: Final = (0, 1, 2)


def is_fit() -> bool:
    """Whether a console can be drawn: it reads standard input and draws on standard error.

    A job in the background has a terminal, too, but would be stopped for touching it.
    """
    streams = (sys.__stdin__, sys.__stderr__)
    if any(stream is None or stream.closed for stream in streams) or not is_fit_for(0, 2):
        return False
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:  # a terminal, but not the one that controls this process
        return True


def is_fit_for(reading: int, drawing: int) -> bool:
    """Whether these descriptors are of a terminal on which something can be drawn."""
    fit = os.isatty(reading) and os.isatty(drawing)
    return fit and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


def seat() -> Seat:
    """Tell what the terminal can show, by this process's environment."""
    return Seat(terminal=terminal_of(os.environ))


def is_there() -> bool:
    """Whether the terminal on standard input has not hung up: SIGHUP says that, or `reload`."""
    poll = select.poll()
    poll.register(0, 0)
    if any(happened & (select.POLLHUP | select.POLLERR) for _, happened in poll.poll(0)):
        return False
    try:
        termios.tcgetattr(0)
    except termios.error:
        return False
    return True


def let_go() -> None:
    """Point the standard streams at nothing, since each write to a gone terminal is an error."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in _STREAMS:
        os.dup2(nothing, stream)
    if nothing not in _STREAMS:
        os.close(nothing)
