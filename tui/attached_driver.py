"""Textual's driver for a terminal elsewhere: at the other end of the service's control socket.

Nothing waits for it: what a slow terminal has not read is bounded, frames that have no room are
dropped and drawn anew when it has caught up, and one that reads nothing for long is let go.
"""

import asyncio
from codecs import getincrementaldecoder
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, TextIO

from textual import constants, events
from textual._styles_cache import StylesCache
from textual._xterm_parser import XTermParser
from textual.driver import Driver
from textual.geometry import Size
from textual.message import Message
from textual.messages import ExitApp

from appliance.model.errors import FormatError
from appliance.operator.terminal_link import FrameKind, Frames, frame, read_size
from tui.terminal import Terminal

if TYPE_CHECKING:
    from textual.app import App

_WAITING: Final = 32 << 10  # octets that wait for a terminal before frames are dropped
_STUCK: Final = 30.0  # seconds in which a terminal may read nothing
_LARGEST: Final = 64 << 10  # octets of a frame of keys
_AT_ONCE: Final = 512  # octets of keys between two looks at whether the console keeps up
_MOST_MESSAGES: Final = 64  # waiting in the console while more keys wait in the socket
_ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[?7l"  # the other screen, no cursor, no wrapping
_ENTER_MORE: Final = "\x1b[?1004h\x1b[?2004h\x1b[?2026$p"  # focus, paste; whole frames?
_MOUSE: Final = "\x1b[?1000h\x1b[?1003h\x1b[?1006h"


class Attachment:
    """One terminal's connection, and what it can show."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        terminal: Terminal,
        size: tuple[int, int],
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.terminal = terminal
        self.size = size


class AttachedDriver(Driver):
    """Draws on an attachment, and reads keys from it."""

    def __init__(
        self,
        app: "App[Any]",
        *,
        attachment: Attachment,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._attachment = attachment
        self._parts: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._escape: asyncio.TimerHandle | None = None
        self._parser = XTermParser()
        self._behind = False
        self._dropped = False
        attachment.writer.transport.set_write_buffer_limits(high=_WAITING, low=0)

    # ---- what is drawn

    def write(self, data: str) -> None:
        """Take what is to be drawn."""
        if not self._parts:
            self._loop.call_soon(self.flush)  # for a bell, which nobody flushes
        self._parts.append(data)

    def flush(self) -> None:
        """Send it, or drop it when the terminal is behind."""
        text = "".join(self._parts)
        self._parts.clear()
        transport = self._attachment.writer.transport
        if not text or transport.is_closing():
            return
        if self._behind:
            self._dropped = True
            return
        transport.write(frame(FrameKind.DRAWN, text.encode()))
        if transport.get_write_buffer_size() > _WAITING:
            self._behind = True
            self._spawn(self._catch_up())

    async def _catch_up(self) -> None:
        """Wait until a slow terminal has read all, and draw anew; give up on a stuck one."""
        writer = self._attachment.writer
        try:
            async with asyncio.timeout(_STUCK):
                await writer.drain()
        except TimeoutError:
            writer.transport.abort()
            self._leave()
        except ConnectionError:
            return
        else:
            self._behind = False
            if self._dropped:  # a large frame may just have taken two writes
                self._dropped = False
                self._draw_anew()

    def _draw_anew(self) -> None:
        self.write("\x1b[?2026l\x1b[0m")
        self._app.refresh(layout=True)

    # ---- what is typed

    async def _read(self) -> None:
        decode = getincrementaldecoder("utf-8")("replace").decode
        frames = Frames(_LARGEST)
        with suppress(FormatError, OSError):  # it has left, or talks nonsense
            while octets := await self._attachment.reader.read(_LARGEST):
                for kind, content in frames.feed(octets):
                    if kind is FrameKind.SIZE:
                        self._resize(*read_size(content))
                    elif kind is FrameKind.KEYS:
                        await self._take(decode, content)
        self._leave()

    async def _take(self, decode: Any, content: bytes) -> None:
        """Take keys; while the console has enough to do with those before, they wait."""
        for start in range(0, len(content), _AT_ONCE):
            self._feed(decode(content[start : start + _AT_ONCE]))
            if not self._behind:  # nothing new is to be seen perhaps, but it is alive
                self._attachment.writer.write(frame(FrameKind.DRAWN, b""))
            while self._app.message_queue_size > _MOST_MESSAGES:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)

    def _feed(self, text: str | None) -> None:
        """Turn what was typed into keys. None: nothing came after what may have been Escape."""
        if self._escape is not None:
            self._escape.cancel()
            self._escape = None
        try:
            found = self._parser.tick() if text is None else self._parser.feed(text) if text else ()
            for message in found:
                if not isinstance(message, events.CursorPosition):
                    self.process_message(message)
        except Exception:  # noqa: BLE001 - the parser does not survive every malformed sequence
            self._parser = XTermParser()
        if text is not None:
            delay = constants.ESCAPE_DELAY + 0.01
            self._escape = self._loop.call_later(delay, self._feed, None)

    def _resize(self, columns: int, rows: int) -> None:
        before, size = self._size, Size(columns, rows)
        self._size = size
        if before == size:
            self._draw_anew()  # it was stopped for a while
        self.send_message(events.Resize(size, size))

    def _leave(self) -> None:
        self._app.post_message(ExitApp())

    def send_message(self, message: Message) -> None:
        """Tell the application, whose loop this is."""
        self._app.post_message(message)

    # ---- from its beginning to its end

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def start_application_mode(self) -> None:
        """Begin to draw and to read."""
        attachment = self._attachment
        size = Size(*(self._size or attachment.size))
        self.send_message(events.Resize(size, size))
        self.write(_ENTER)
        if not attachment.terminal.plain:
            self.write(_ENTER_MORE)
        if attachment.terminal.mouse:
            self.write(_MOUSE)
        self.flush()
        self._spawn(self._read())

    def disable_input(self) -> None:
        """Read no more."""
        for task in self._tasks:
            task.cancel()
        if self._escape is not None:
            self._escape.cancel()

    def stop_application_mode(self) -> None:
        """Draw the last. The other end restores its terminal: it has to when this one dies, too."""
        self.flush()
        self.disable_input()

    def close(self) -> None:
        """Let go of the application, which the parser's generator would hold.

        What Textual remembers of keys and borders, for all applications, holds who asked, and
        with them their application: some 2 MB for each console that has left.
        """
        with suppress(Exception):
            list(self._parser.feed(""))
        XTermParser._parse_extended_key.cache_clear()  # noqa: SLF001 - nothing else forgets it
        StylesCache.get_inner_outer.cache_clear()

    # ---- what must not happen on the service's machine

    def open_url(self, url: str, new_tab: bool = True) -> None:  # noqa: FBT001, FBT002 - Textual's
        """Give the address to the terminal, which has a browser."""
        self._app.copy_to_clipboard(url)
        self._app.notify(f"Copied: {url}")

    def deliver_binary(
        self,
        binary: BinaryIO | TextIO,
        *,
        delivery_key: str,
        save_path: Path,
        open_method: Literal["browser", "download"] = "download",
        encoding: str | None = None,
        mime_type: str | None = None,
        name: str | None = None,
    ) -> None:
        """Refuse: a screenshot would be written where nobody looks for it."""
        del delivery_key, save_path, open_method, encoding, mime_type, name
        binary.close()
        self._app.notify("Screenshots are for the box's own console.", severity="error")
