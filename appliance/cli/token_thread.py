"""Tokens as a command uses them: opened when first needed, and let go when the command ends.

    command ──call──> thread with Trio: the tokens' watches, one KeyManager a token
       ▲                  │
       └── PIN? ◄─────────┘   asked of the person at the terminal; a wrong one is not tried again

Commands are synchronous, or run Trio by themselves for a while: the tokens outlast that, since to
open one costs a PIN and a second.
"""

from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Final, TypeVar, final

import click
import trio

from appliance.cli.command import location
from appliance.cli.prompts import confirm, read_password, say
from appliance.cli.token_places import Place
from appliance.formats.keyuri import KeyUri
from appliance.keys.opening import open_token
from appliance.keys.pins import PinGuard
from appliance.model.errors import BadRequest, Broken, HearthError, Unavailable
from appliance.model.tokens import TokenState, TokenStatus
from appliance.ports.keys import KeyManager, TokenUnavailable, WrongPin

_META: Final = "appliance.cli.tokens"
_JOURNAL: Final = "hearth-pins.json"
_STOPPING: Final = 40.0  # seconds that an operation of a token may still last
_LAST: Final = 1

T = TypeVar("T")


@final
class TokenThread:
    """The tokens of one command."""

    def __init__(self, journal: Path | None) -> None:
        self._guard = PinGuard(journal)
        self._held: dict[KeyUri, KeyManager] = {}
        self._loop: Future[tuple[trio.lowlevel.TrioToken, trio.Nursery]] = Future()
        self._thread = Thread(target=self._run, name="tokens", daemon=True)
        self._thread.start()

    def use(self, place: Place, operation: Callable[[KeyManager], Awaitable[T]]) -> T:
        """Do something with a place's token; whoever is at the terminal is asked for its PIN.

        Raises what the operation does; Unavailable says what to do about the token.
        """
        manager = self._call(partial(self._opened, place))
        while True:
            try:
                return self._call(partial(operation, manager))
            except TokenUnavailable as error:
                if error.state is not TokenState.PIN_NEEDED:
                    raise _told(manager.status, error) from error
                self._ask(manager, given=place.pin is not None)

    def close(self) -> None:
        """Let the tokens go."""
        token, nursery = self._loop.result()
        token.run_sync_soon(nursery.cancel_scope.cancel)
        self._thread.join(_STOPPING)

    def _ask(self, manager: KeyManager, *, given: bool) -> None:
        """Have a person open the token. Raises BadRequest when there is none, or not any more."""
        status = manager.status
        last = status.tries_left == _LAST
        why = f" ({status.detail})" if given and status.detail else ""
        flag = "'pin-source=FILE' in the key's URI"
        if last and not confirm(
            f"One try is left before the token {status.name} blocks. Use it", flag=flag
        ):
            raise BadRequest(f"the PIN of the token {status.name} was not given: nothing was done")
        pin = read_password(f"Please enter the PIN of the token {status.name}{why}", flag=flag)
        if not pin:
            raise BadRequest(f"the PIN of the token {status.name} was not given: nothing was done")
        try:
            self._call(partial(manager.unlock, pin, last_try=last))
        except WrongPin as error:
            left = f"; {error.tries_left} tries are left" if error.tries_left else ""
            say(f"{error.public}{left}")
        except TokenUnavailable as error:
            raise _told(manager.status, error) from error

    # ---- the thread

    def _call(self, function: Callable[[], Awaitable[T]]) -> T:
        """Run it in the thread, from wherever this is."""
        token, nursery = self._loop.result()
        done: Future[T] = Future()

        async def run() -> None:
            try:
                result = await function()
            except Exception as error:  # noqa: BLE001 - it is raised in the caller's thread
                done.set_exception(error)
            else:
                done.set_result(result)

        token.run_sync_soon(nursery.start_soon, run)
        return done.result()

    async def _opened(self, place: Place) -> KeyManager:
        if place.token not in self._held:
            manager = open_token(
                place.token,
                pin=place.pin,
                management_key=place.management_key,
                guard=self._guard,
                told=_heard,
            )
            _, nursery = self._loop.result()
            await nursery.start(manager.run)
            self._held[place.token] = manager
        return self._held[place.token]

    def _run(self) -> None:
        try:
            trio.run(self._main)
        except BaseException as error:
            if self._loop.done():
                raise
            self._loop.set_exception(error)

    async def _main(self) -> None:
        async with trio.open_nursery() as nursery:
            self._loop.set_result((trio.lowlevel.current_trio_token(), nursery))
            await trio.sleep_forever()


def use_token(place: Place, operation: Callable[[KeyManager], Awaitable[T]]) -> T:
    """Do something with a place's token, as part of the command that runs. See TokenThread.use."""
    root = click.get_current_context().find_root()
    thread = root.meta.get(_META)
    if thread is None:
        thread = root.meta[_META] = TokenThread(_journal())
        root.call_on_close(thread.close)
    if not isinstance(thread, TokenThread):
        raise Broken("the context holds something else than tokens")
    return thread.use(place, operation)


def _journal() -> Path | None:
    """Give the journal of PINs of this person's commands; none where there is no step directory."""
    directory = location().base
    return directory / _JOURNAL if directory.is_dir() else None


def _heard(status: TokenStatus) -> None:
    if status.state is TokenState.TOUCH:
        say(f"Touch the {status.name} to go on.")


def _told(status: TokenStatus, error: TokenUnavailable) -> HearthError:
    """Say what became of it, with the driver's own words, for a person."""
    detail = status.detail if status.detail not in error.public else ""
    text = f"{status.name}: {error.public}" + (f" ({detail})" if detail else "")
    if error.state is TokenState.BUSY:
        text += ": if a CA runs with it, stop that one, or use another token"
    return Unavailable(text, retry_after=error.retry_after)
