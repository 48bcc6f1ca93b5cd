"""The lock of consoles, by what ca.json says at the moment."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import trio

from appliance.formats import phc
from appliance.model.errors import HearthError
from appliance.model.locking import LockSettings

_ONE: Final = trio.CapacityLimiter(1)  # a hash takes memory


@dataclass(frozen=True, slots=True)
class ConfiguredLock:
    """A ConsoleLock (operator.locking)."""

    settings: Callable[[], LockSettings]

    async def idle_time(self) -> timedelta | None:
        """Give the time without a key after which consoles are locked; None: never."""
        settings = self.settings()
        return settings.after if settings.is_on else None

    async def opens(self, passphrase: str) -> bool:
        """Say whether this is the operator's passphrase."""
        settings = self.settings()
        if not settings.is_on:
            return True  # it was taken out of ca.json by who could change that
        try:
            return await trio.to_thread.run_sync(
                phc.matches, settings.passphrase, passphrase.encode(), limiter=_ONE
            )
        except HearthError:
            return False
