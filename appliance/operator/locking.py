"""The lock of consoles, as they ask for it. Each console locks for itself."""

from datetime import timedelta
from typing import Protocol

from appliance.operator.bridge import Bridge


class ConsoleLock(Protocol):
    """When a console is to be covered, and what uncovers it. Methods run in the Trio thread."""

    async def idle_time(self) -> timedelta | None:
        """Give the time without a key after which consoles are locked; None: never."""
        ...

    async def opens(self, passphrase: str) -> bool:
        """Say whether this is the operator's passphrase. Takes a moment, as hashes do."""
        ...


class BridgedLock:
    """The lock as the console's thread sees it."""

    def __init__(self, bridge: Bridge, lock: ConsoleLock) -> None:
        self._bridge = bridge
        self._lock = lock

    async def idle_time(self) -> timedelta | None:
        """Give the time without a key after which consoles are locked; None: never."""
        return await self._bridge.call(self._lock.idle_time)

    async def opens(self, passphrase: str) -> bool:
        """Say whether this is the operator's passphrase."""
        return await self._bridge.call(self._lock.opens, passphrase)
