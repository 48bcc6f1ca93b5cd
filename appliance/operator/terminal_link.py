"""A terminal that is attached to the service: what goes over the control socket after that call.

Frames, each with its kind (one octet), its length (four, big-endian) and its content:

    from the terminal   keys as they are typed (K), the size when it changes (S, two shorts)
    from the service    what is to be drawn (D), why it ends, as the last (E)
"""

import enum
from collections.abc import Iterator
from typing import Final, Protocol

import trio

from appliance.model.errors import FormatError
from appliance.operator.calls import ConsoleCall
from appliance.operator.interface import Operator
from appliance.operator.locking import ConsoleLock

LARGEST: Final = 1 << 20  # octets of a frame
MOST_COLUMNS, MOST_ROWS = 500, 200
_HEAD: Final = 5


class FrameKind(enum.Enum):
    """What a frame has."""

    KEYS = b"K"
    SIZE = b"S"
    DRAWN = b"D"
    END = b"E"


class Consoles(Protocol):
    """Where consoles are drawn for terminals that are attached."""

    def guard(self, lock: ConsoleLock) -> None:
        """Take the lock of consoles, before one is attached."""
        ...

    async def attach(
        self, operator: Operator, call: ConsoleCall, stream: trio.SocketStream
    ) -> None:
        """Show a console over a connection until one of its ends leaves. In the Trio thread."""
        ...


def frame(kind: FrameKind, content: bytes) -> bytes:
    """Write a frame."""
    return kind.value + len(content).to_bytes(4) + content


def size_frame(columns: int, rows: int) -> bytes:
    """Write the frame that tells a size."""
    return frame(FrameKind.SIZE, min(columns, 0xFFFF).to_bytes(2) + min(rows, 0xFFFF).to_bytes(2))


def read_size(content: bytes) -> tuple[int, int]:
    """Read a size, brought into bounds. Raises FormatError."""
    if len(content) != 4:
        raise FormatError("not a size")
    return bounded(int.from_bytes(content[:2]), int.from_bytes(content[2:]))


def bounded(columns: int, rows: int) -> tuple[int, int]:
    """Bring a size into bounds: what a console is drawn at."""
    return min(max(columns, 10), MOST_COLUMNS), min(max(rows, 4), MOST_ROWS)


class Frames:
    """Cuts what was received into frames."""

    def __init__(self, largest: int = LARGEST) -> None:
        self._largest = largest
        self._received = bytearray()

    def feed(self, octets: bytes) -> Iterator[tuple[FrameKind, bytes]]:
        """Take octets, give the frames that are whole. Raises FormatError."""
        self._received += octets
        while len(self._received) >= _HEAD:
            length = int.from_bytes(self._received[1:_HEAD])
            if length > self._largest:
                raise FormatError(f"a frame of {length} octets")
            if len(self._received) < _HEAD + length:
                return
            try:
                kind = FrameKind(bytes(self._received[:1]))
            except ValueError:
                raise FormatError("a frame of no kind that is known") from None
            content = bytes(self._received[_HEAD : _HEAD + length])
            del self._received[: _HEAD + length]
            yield kind, content
