"""The console and the server in one process, and `hearth` without a command.

The console has the main thread, as Textual needs it, the server a thread of its own. Who ends
what:

    q, then y           the console ends, the server drains, the process ends with 0
    q, then k           the console ends, the server goes on, its log on the terminal
    a fault of the console, or its terminal is gone      the server goes on
    a fault of the server      the console shows it; the process ends with the server's exit code
    SIGTERM, SIGINT     the server drains, then the console ends; a second one does not wait
    SIGHUP              the server reads its configuration again, where the terminal is still there
"""

import asyncio
import gc
import os
import signal
import sys
from contextlib import suppress
from functools import partial
from typing import Final

import click

from appliance.cli import first_run, terminal
from appliance.cli.boot import is_served, place
from appliance.cli.command import StepCommand
from appliance.cli.consoles import AttachedConsoles
from appliance.cli.first_run import Welcome
from appliance.cli.held_output import HeldOutput
from appliance.cli.serve import serve
from appliance.operator.bridge import BridgedOperator
from appliance.operator.ring import EventRing
from appliance.operator.thread import ServerThread
from appliance.server.founding.course import PASSWORD_FILE
from appliance.server.launch import Controls, Launch, Running
from appliance.server.output import standard_error
from appliance.server.run import run_headless, serve_appliance
from tui.app import Console
from tui.ending import Ending

_LOOK: Final = 0.5  # seconds between two looks at whether the terminal is still there
_SETTLING: Final = 0.2  # seconds in which a terminal that hangs up can be seen to do so
_DRAWN: Final = 2.0  # seconds after which the console's own objects are there to stay


@click.command("hearth", cls=StepCommand, no_context=True)
def default() -> int:
    """Show the console on a terminal, with the server in the same process; else only serve.

    Where there is no CA yet, a wizard makes one first.
    """
    flags: list[str] = []
    if terminal.is_fit():
        location = place(os.environ)
        run = first_run.begun(location)
        if run.is_under_way():
            return first_run.guide(run)
        if is_served(location):
            return first_run.attached(location)
        flags += [str(location.ca_json), "--console"]
        password = location.secrets / PASSWORD_FILE
        if password.exists():
            flags += ["--password-file", str(password)]
    code = serve.main(flags, prog_name="hearth serve", standalone_mode=False)
    return code if isinstance(code, int) else 0


def run_with_console(launch: Launch, welcome: Welcome | None = None) -> int:
    """Serve with the console on this terminal, and give the exit code.

    `welcome` gives what a CA that has just been made is greeted with. Without a terminal that is
    fit for it, as `run_headless`. Raises what `serve_appliance` raises.
    """
    if not terminal.is_fit():
        click.echo("there is no terminal for the console: serving without it", err=True)
        return run_headless(launch, ring=EventRing(), consoles=AttachedConsoles)
    return _Session(launch, welcome).run()


class _Session:
    """One server, and one console for as long as it lasts. All of it is in the main thread."""

    def __init__(self, launch: Launch, welcome: Welcome | None = None) -> None:
        self._welcome = welcome
        self._controls = Controls()
        self._consoles = AttachedConsoles()
        self._output = HeldOutput(standard_error())
        self._server: ServerThread[Running] = ServerThread(
            partial(
                serve_appliance,
                launch,
                ring=EventRing(),
                controls=self._controls,
                output=self._output,
                consoles=lambda: self._consoles,
            )
        )
        self._console: Console | None = None
        self._stopping = False
        self._cut_short = False
        self._detached = False

    def run(self) -> int:
        try:
            asyncio.run(self._main())
        finally:  # whatever happened here, the store gets closed
            self._stop()
            self._server.join()
        if self._server.error is not None:
            raise self._server.error
        return 1 if self._cut_short else 0

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        self._consoles.use(loop)
        running = await asyncio.to_thread(self._server.start)
        ended = asyncio.Event()
        self._server.when_ended(partial(_set_soon, loop, ended))
        if self._stopping:  # asked to while it was starting, when nobody heard it
            self._server.tell(self._controls.stop.set)
        else:
            ending = await self._show(running, ended)
            self._after_console(ending)
        await ended.wait()

    async def _show(self, running: Running, ended: asyncio.Event) -> Ending | None:
        """Run the console to its end; None says that it failed."""
        bridge = self._server.bridge
        console = Console(
            BridgedOperator(bridge, running.operator),
            seat=terminal.seat(),
            lock=self._consoles.lock(bridge),
        )
        if self._welcome is not None:
            console.greet(*self._welcome(bridge, running))
        self._console = console
        with self._output.held():
            watching = asyncio.create_task(self._watch(console, ended))
            try:
                ending = await console.run_async(mouse=console.seat.terminal.mouse)
            except Exception as error:  # noqa: BLE001 - no fault of a console ends a server
                _say(f"{type(error).__name__}: {error}")
                return None
            else:
                if console.fault is not None:
                    _say(f"{type(console.fault).__name__}: {console.fault}")
                return ending
            finally:
                watching.cancel()
                self._console = None

    async def _watch(self, console: Console, ended: asyncio.Event) -> None:
        """Tell the console when its server or its terminal has gone."""
        asyncio.get_running_loop().call_later(_DRAWN, _settle)
        while not ended.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), _LOOK)
            if not terminal.is_there():
                self._lose_terminal()
                return
        if self._server.error is not None:
            console.call_later(console.show_fault, self._server.error)
        else:
            console.exit(Ending.SERVER_ENDED)

    def _after_console(self, ending: Ending | None) -> None:
        """Stop the server or let it go on."""
        if ending is Ending.TERMINAL_GONE or not terminal.is_there():
            self._detach()
        elif ending is Ending.STOP:
            _say("Stopping: requests under way are answered first.")
            self._stop()
        elif ending is not Ending.SERVER_ENDED and not self._server.ended:
            why = "The console failed." if ending is None else "The console is closed."
            _say(f"{why} The certificate authority goes on; Ctrl-C stops it.")

    def _lose_terminal(self) -> None:
        self._detach()
        if self._console is not None:
            self._console.exit(Ending.TERMINAL_GONE)

    def _detach(self) -> None:
        if not self._detached:
            self._detached = True
            with suppress(OSError):
                terminal.let_go()

    def _asked_to_stop(self) -> None:
        if self._stopping:
            self._cut_short = True
            self._server.cancel()
            return
        if self._console is not None:
            self._console.notify("Stopping: requests under way are answered first.")
        self._stop()

    def _stop(self) -> None:
        self._stopping = True
        self._server.tell(self._controls.stop.set)

    def _hung_up(self) -> None:
        """Wait a moment for the terminal to be gone, then tell a hang-up from a wish to reload."""
        asyncio.get_running_loop().call_later(_SETTLING, self._after_hang_up)

    def _after_hang_up(self) -> None:
        if self._detached or terminal.is_there():
            self._server.tell(self._controls.reload)
        else:
            self._lose_terminal()


def _set_soon(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    """Set the event from another thread; a loop that is closed waits for nothing."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(event.set)


def _say(line: str) -> None:
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - the terminal is ours again


def _settle() -> None:
    """Keep full collections from walking over the console's objects, which costs requests."""
    gc.collect()
    gc.freeze()
