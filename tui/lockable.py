"""An application that covers itself when nobody has used it for a while."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any, Final, TypeVar

from textual import events
from textual.await_complete import AwaitComplete

from appliance.model.errors import HearthError
from appliance.operator.locking import ConsoleLock
from tui.screens.locked import Locked
from tui.seated import SeatedApp
from tui.terminal import Seat

Result = TypeVar("Result")

_LOOK: Final = 1.0  # seconds between two looks at how long it is idle
_ALLOWED: Final = frozenset({"focus_next", "focus_previous", "bell"})


class LockableApp(SeatedApp[Result]):
    """Locks for itself: what others do at other consoles does not keep it open."""

    def __init__(self, seat: Seat, lock: ConsoleLock | None) -> None:
        super().__init__(seat)
        self._lock = lock
        self._used = monotonic()
        self._locked: Locked | None = None
        self._held: list[Callable[[], object]] = []  # screens that wait until it is opened

    @property
    def is_locked(self) -> bool:
        """Whether it is covered."""
        return self._locked is not None

    async def watch_idle_time(self) -> None:
        """Cover it when it is time, until cancelled; at the box's own terminal from the start."""
        if self._lock is None:
            return
        begins_locked = self.seat.attachment is None
        while True:
            with suppress(HearthError):
                after = await self._lock.idle_time()
                idle = monotonic() - self._used
                if after is not None and (begins_locked or idle >= after.total_seconds()):
                    self.action_lock()
                begins_locked = False
            await asyncio.sleep(_LOOK)

    def action_lock(self) -> None:
        """Cover everything now."""
        if self._lock is None or self._locked is not None:
            return
        self.clear_notifications()
        self.workers.cancel_group(self, "unlock")
        self._locked = Locked(self._lock)
        self.push_screen(self._locked, self._opened)

    def push_screen(self, screen: Any, *arguments: Any, **more: Any) -> Any:
        """Lay a screen on top: at once, or when what covers everything is gone."""
        push = partial(super().push_screen, screen, *arguments, **more)
        if self._locked is None or screen is self._locked:
            return push()
        self._held.append(push)
        return AwaitComplete()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Allow nothing while it is covered but to type the passphrase."""
        if self._locked is not None and action not in _ALLOWED:
            return False
        return super().check_action(action, parameters)

    async def on_event(self, event: events.Event) -> None:
        """Note that somebody is there."""
        if isinstance(event, events.Key | events.MouseEvent | events.Paste):
            self._used = monotonic()
        await super().on_event(event)

    def _opened(self, _: None) -> None:
        self._locked = None
        self._used = monotonic()
        held, self._held = self._held, []
        for push in held:
            push()
