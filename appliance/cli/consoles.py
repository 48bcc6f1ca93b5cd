"""Consoles on terminals that `hearth console` attaches: in the service's process, beside the CA.

They live in one asyncio loop: that of the console on the box's own terminal, else one in a thread
that begins with the first of them. The CA's own thread never waits for them.
"""

import asyncio
import gc
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Final

import trio

from appliance.model.errors import Unavailable
from appliance.operator.bridge import Bridge, BridgedOperator
from appliance.operator.calls import ConsoleCall
from appliance.operator.interface import Operator
from appliance.operator.locking import BridgedLock, ConsoleLock
from appliance.operator.terminal_link import FrameKind, bounded, frame

log = logging.getLogger("appliance.console")

MOST: Final = 8
_ENDING: Final = 3.0  # seconds for consoles to end when the service does
_LAST: Final = 2.0  # seconds for the last frame to be read
_BUFFER: Final = 32 << 10  # octets of the socket: what a slow terminal still has to read


class AttachedConsoles:
    """Shows consoles on attached terminals."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._attached = 0
        self._lock: ConsoleLock | None = None

    def guard(self, lock: ConsoleLock) -> None:
        """Take the lock of consoles."""
        self._lock = lock

    def lock(self, bridge: Bridge) -> ConsoleLock | None:
        """Give the lock to a console that reaches the server by this bridge."""
        return BridgedLock(bridge, self._lock) if self._lock is not None else None

    def use(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Live in this loop from now on; None: in one of our own."""
        self._loop = loop

    async def attach(
        self, operator: Operator, call: ConsoleCall, stream: trio.SocketStream
    ) -> None:
        """Show a console over a connection until one of its ends leaves. In the Trio thread."""
        if self._attached >= MOST:
            raise Unavailable(f"{MOST} consoles are attached already")
        token, ended = trio.lowlevel.current_trio_token(), trio.Event()

        def tell_ended() -> None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(ended.set)

        self._attached += 1
        try:
            async with trio.open_nursery() as calls:
                bridge = Bridge(calls, token)
                operated, lock = BridgedOperator(bridge, operator), self.lock(bridge)
                connection = socket.socket(fileno=os.dup(stream.socket.fileno()))
                showing = show(operated, lock, call, connection, tell_ended)
                shown = asyncio.run_coroutine_threadsafe(showing, self._running_loop())
                try:
                    await ended.wait()
                finally:
                    shown.cancel()
                    with trio.move_on_after(_ENDING, shield=True):
                        await ended.wait()
                calls.cancel_scope.cancel()
        finally:
            self._attached -= 1

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
            Thread(target=self._loop.run_forever, name="consoles", daemon=True).start()
        return self._loop


async def show(
    operator: Operator,
    lock: ConsoleLock | None,
    call: ConsoleCall,
    connection: socket.socket,
    tell_ended: Callable[[], None],
) -> None:
    """Draw a console on a connection to its end; say why it ended."""
    try:
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        try:
            said = await _drawn(operator, lock, call, reader, writer)
        except asyncio.CancelledError:
            said = "The certificate authority is stopping."
        except Exception as error:
            log.exception("an attached console failed")
            said = f"The console failed ({type(error).__name__}); the log has the details."
        await _say_last(writer, said)
    finally:
        tell_ended()
        _let_go()


async def _drawn(
    operator: Operator,
    lock: ConsoleLock | None,
    call: ConsoleCall,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> str:
    """Run the application until it is left; give what is to be said."""
    from tui.app import Console  # noqa: PLC0415 - a service without consoles has no use for it
    from tui.attached_driver import Attachment  # noqa: PLC0415
    from tui.terminal import Seat, terminal_of  # noqa: PLC0415

    terminal = terminal_of(call.environment)
    size = bounded(call.columns, call.rows)
    attachment = Attachment(reader, writer, terminal, size)
    console = Console(operator, seat=Seat(terminal=terminal, attachment=attachment), lock=lock)
    log.info("a console is attached: %d by %d, %s", *size, terminal.depth.value)
    running = asyncio.create_task(console.run_async(size=size, mouse=terminal.mouse))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        console.exit()
        await asyncio.wait({running}, timeout=_LAST)
        running.cancel()
        raise
    finally:
        log.info("a console has left")
    if console.fault is not None:
        raise console.fault
    return ""


def _let_go() -> None:
    """Give back what a console took; others, if there are any, draw a little slower for once."""
    from tui.caches import clear_caches  # noqa: PLC0415 - see `_drawn`

    clear_caches()
    gc.collect()


async def _say_last(writer: asyncio.StreamWriter, said: str) -> None:
    """Send the last frame to who still reads, and close."""
    with suppress(OSError, TimeoutError):
        writer.write(frame(FrameKind.END, said.encode()))
        async with asyncio.timeout(_LAST):
            await writer.drain()
            writer.close()
            await writer.wait_closed()
    writer.transport.abort()
