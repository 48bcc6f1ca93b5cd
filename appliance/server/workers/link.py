"""One end of what joins a worker and the main process: frames over a socket pair, both ways.

A frame is its length in four octets, then an array of messages. Whatever is to be told while one is
on its way shares the next: so the more there is to do, the less each message costs. What nobody
waits for is only mentioned: it goes with what is told, or in a moment. For a frame costs its
reader a turn of the event loop, and that as much as ten messages.
"""

import contextlib
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar, final

import msgspec
import trio

from appliance.server.workers.messages import Message, encode, framed

_LENGTH: Final = 4  # octets
_PART: Final = 1 << 18  # octets read at once
_BUFFER: Final = 1 << 20  # octets that the kernel may hold

_MOMENT: Final = 0.02  # seconds
_LAST_WORDS: Final = 1.0  # seconds

T = TypeVar("T")


class LinkClosed(Exception):
    """The other end is gone, or spoke nonsense."""


@final
class Link(Generic[T]):
    """Tells and hears, from `run` on."""

    def __init__(self, ours: socket.socket, decoder: msgspec.msgpack.Decoder[list[T]]) -> None:
        ours.settimeout(0)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            ours.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
        self._socket = ours
        self._decoder = decoder
        self._waiting: list[bytes] = []
        self._wish = trio.Event()
        self._mentioned = trio.Event()
        self._told = trio.Event()

    def tell(self, message: Message) -> None:
        """Send a message soon; never waits. Raises TypeError, OverflowError as `encode`."""
        self._waiting.append(encode(message))
        self._wish.set()

    def mention(self, message: Message) -> None:
        """Send a message with the next that is told, or in a moment; otherwise as `tell`."""
        self._waiting.append(encode(message))
        self._mentioned.set()

    async def run(
        self,
        heard: Callable[[Sequence[T]], Awaitable[None]],
        also: Callable[[], Message | None] = lambda: None,
    ) -> None:
        """Tell, and hear a frame's messages at a time, until the other end has gone.

        Then it raises LinkClosed. What `also` gives goes with each frame.
        """
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._telling, also)
                nursery.start_soon(self._minding)
                await self._hearing(heard)
        except BaseExceptionGroup as group:
            closed, others = group.split(LinkClosed)
            if others is not None or closed is None:
                raise
            raise LinkClosed from group

    async def all_told(self) -> None:
        """Wait until nothing is left to be sent."""
        while self._waiting or self._wish.is_set():
            self._wish.set()
            self._told = trio.Event()
            await self._told.wait()

    def say_last(self) -> None:
        """Send what waits, without a task: for an end by a fault, which is to be told."""
        with contextlib.suppress(OSError):
            self._socket.settimeout(_LAST_WORDS)
            self._socket.sendall(framed(self._waiting))

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()

    async def _telling(self, also: Callable[[], Message | None]) -> None:
        while True:
            await self._wish.wait()
            messages, self._waiting = self._waiting, []
            if (more := also()) is not None:
                messages.append(encode(more))
            await self._send(framed(messages))
            if not self._waiting:
                self._wish = trio.Event()
                self._told.set()

    async def _minding(self) -> None:
        """Have told what was mentioned."""
        while True:
            await self._mentioned.wait()
            await trio.sleep(_MOMENT)
            self._mentioned = trio.Event()
            if self._waiting:
                self._wish.set()

    async def _send(self, frame: bytes) -> None:
        rest = memoryview(frame)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._socket)
            except OSError:
                raise LinkClosed from None

    async def _hearing(self, heard: Callable[[Sequence[T]], Awaitable[None]]) -> None:
        buffer = bytearray()
        while True:
            await self._receive(buffer)
            place = 0
            while len(buffer) - place >= _LENGTH:
                start = place + _LENGTH
                end = start + int.from_bytes(buffer[place:start])
                if len(buffer) < end:
                    break
                try:
                    messages = self._decoder.decode(bytes(buffer[start:end]))
                except msgspec.DecodeError as error:
                    raise LinkClosed("a frame cannot be read") from error
                place = end
                await heard(messages)
            del buffer[:place]

    async def _receive(self, buffer: bytearray) -> None:
        """Add what comes. Half a frame goes with who has sent it.

        To wait comes first: there is seldom more already, and who tells without pause must not
        keep others out.
        """
        await trio.lowlevel.wait_readable(self._socket)
        try:
            part = self._socket.recv(_PART)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if not part:
            raise LinkClosed
        buffer += part
