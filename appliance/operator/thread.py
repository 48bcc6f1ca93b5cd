"""A server in a thread of its own, beside a main thread that belongs to the console.

The thread is not a daemon: the store is closed by the server's own ending, so the process must
wait for it, whatever becomes of the main thread.
"""

from collections.abc import Awaitable, Callable
from threading import Event, Thread
from typing import Generic, Protocol, TypeVar

import trio

from appliance.operator.bridge import Bridge

Running = TypeVar("Running")
Running_co = TypeVar("Running_co", covariant=True)


class Serve(Protocol[Running_co]):
    """A server as a task: tells what is running when it is ready, and returns when it has ended."""

    def __call__(self, *, task_status: trio.TaskStatus[Running_co]) -> Awaitable[None]:
        """Serve."""
        ...


class ServerThread(Generic[Running]):
    """One run of a server. Its methods are for the main thread, and never wait but for `join`."""

    def __init__(self, serve: Serve[Running]) -> None:
        self._serve = serve
        self._thread = Thread(target=self._main, name="server", daemon=False)
        self._settled = Event()
        self._ended = Event()
        self._on_end: Callable[[], None] = lambda: None
        self._scope = trio.CancelScope()
        self._token: trio.lowlevel.TrioToken | None = None
        self._bridge: Bridge | None = None
        self._running: Running | None = None
        self._error: BaseException | None = None

    def start(self) -> Running:
        """Begin, and wait until it serves. Raises what kept it from serving."""
        self._thread.start()
        self._settled.wait()
        if self._running is None:
            self.join()
            raise self._error or RuntimeError("the server ended before it served")
        return self._running

    @property
    def bridge(self) -> Bridge:
        """The way in, once started."""
        if self._bridge is None:
            raise RuntimeError("the server has not been started")
        return self._bridge

    @property
    def ended(self) -> bool:
        """Whether it has ended, in one way or the other."""
        return self._ended.is_set()

    @property
    def error(self) -> BaseException | None:
        """What ended it, if it was an error."""
        return self._error

    def when_ended(self, function: Callable[[], None]) -> None:
        """Call the function once it has ended: from the server's thread, or at once if it has."""
        self._on_end = function
        if self.ended:
            function()

    def tell(self, function: Callable[[], object]) -> None:
        """Run a function that does not wait in the server's thread, soon; not when it has ended."""
        if self._token is None:
            return
        try:
            self._token.run_sync_soon(function)
        except trio.RunFinishedError:
            return

    def cancel(self) -> None:
        """Cut everything short. Only what the server shields from it is still finished."""
        self.tell(self._scope.cancel)

    def join(self) -> None:
        """Wait for its end."""
        if self._thread.ident is not None:
            self._thread.join()

    def started(self, value: Running | None = None) -> None:
        """Take what is running from the server: the thread is its trio.TaskStatus."""
        self._running = value
        self._settled.set()

    def _main(self) -> None:
        try:
            trio.run(self._run)
        except BaseException as error:  # noqa: BLE001 - handed over to the main thread as it is
            self._error = error
        finally:
            self._ended.set()
            self._settled.set()
            self._on_end()

    async def _run(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        with self._scope:
            async with trio.open_nursery() as calls:
                self._bridge = Bridge(calls, self._token)
                try:
                    await self._serve(task_status=self)
                except Exception as error:  # noqa: BLE001 - kept from becoming a group of one
                    self._error = error
                finally:
                    calls.cancel_scope.cancel()
