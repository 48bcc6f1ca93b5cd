"""Textual's driver for a terminal that may hang up, or stop reading.

Textual's own would let the whole main thread wait for such a terminal, and nobody could end the
process any more: signals are taken by that thread.
"""

from queue import Full
from typing import TYPE_CHECKING, Any, Final, TextIO

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.app import App

_PATIENCE: Final = 1.0  # seconds for the last frame to be read
# Questions and modes of xterm's that a plain terminal might show: keys, focus, paste, frames, size.
_XTERM: Final = ("\x1b[>", "\x1b[<", "\x1b[?1004", "\x1b[?2004", "\x1b[?2026$", "\x1b[?2048")


class TerminalDriver(LinuxDriver):
    """Draws as long as somebody reads; frames that nobody reads are dropped and drawn anew."""

    def __init__(
        self,
        app: "App[Any]",
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        seat = getattr(app, "seat", None)
        self._file: Any = Forgiving(self._file)
        self._behind = False
        self._plain = bool(seat and seat.terminal.plain)

    def write(self, data: str) -> None:
        """Hand a frame to the writing thread, or drop it when that is stuck."""
        if self._writer_thread is None or (self._plain and data.startswith(_XTERM)):
            return
        try:
            self._writer_thread._queue.put_nowait(data)  # noqa: SLF001 - its own `write` waits
        except Full:
            self._behind = True
            return
        if self._behind:
            self._behind = False
            self._app.call_later(self._app.refresh, layout=True)

    def stop_application_mode(self) -> None:
        """Give the terminal back; one that has no other screen is cleared."""
        if self._plain:
            self.write("\x1b[0m\x1b[2J\x1b[H")
        super().stop_application_mode()

    def close(self) -> None:
        """End the writing thread, unless it is stuck; it ends with the process then."""
        if self._writer_thread is None:
            return
        try:
            self._writer_thread._queue.put(None, timeout=_PATIENCE)  # noqa: SLF001
        except Full:
            return
        self._writer_thread.join(_PATIENCE)


class Forgiving:
    """A file whose reader may have gone: what is written then is lost, and that is all."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write, if anybody is there."""
        try:
            return self._file.write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        """Flush, if anybody is there."""
        try:
            self._file.flush()
        except OSError:
            return

    def fileno(self) -> int:
        """Give the descriptor."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._file.isatty()
