"""Where the control socket is: `hearth.sock` in the directory of the database."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

NAME: Final = "hearth.sock"
_LONGEST: Final = 100  # octets; sockaddr_un has room for 107, and a suffix has to fit too
_CREDENTIALS: Final = "3i"  # struct ucred of Linux: pid, uid, gid


@contextmanager
def short_directory(directory: Path) -> Iterator[Path]:
    """Give a path to the directory that is short enough for a socket's address. Raises OSError."""
    if len(os.fsencode(directory / NAME)) <= _LONGEST:
        yield directory
        return
    opened = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield Path(f"/proc/self/fd/{opened}")
    finally:
        os.close(opened)


def new_socket() -> socket.socket:
    """Make a socket that never waits; to connect it takes no time, only room in a queue."""
    return socket.socket(
        socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    )


def peer_uid(connected: socket.socket) -> int:
    """Tell whose process was at the other end when the connection was made. Raises OSError."""
    octets = connected.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(_CREDENTIALS)
    )
    _, uid, _ = struct.unpack(_CREDENTIALS, octets)
    return int(uid)
