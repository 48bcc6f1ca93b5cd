"""How a console ends, which decides what becomes of the server."""

import enum


class Ending(enum.Enum):
    """What a console gives back."""

    STOP = "stop"  # a person quit: the server ends, too
    KEEP_SERVING = "keep serving"  # only the console was closed
    TERMINAL_GONE = "terminal gone"
    SERVER_ENDED = "server ended"
