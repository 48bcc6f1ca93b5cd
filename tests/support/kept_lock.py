"""A lock of consoles whose passphrase the tests know."""

from datetime import timedelta

PASSPHRASE = "correct horse"


class KeptLock:
    """Remembers what was tried."""

    def __init__(self, after: timedelta | None) -> None:
        self.after = after
        self.tried: list[str] = []

    async def idle_time(self) -> timedelta | None:
        return self.after

    async def opens(self, passphrase: str) -> bool:
        self.tried.append(passphrase)
        return passphrase == PASSPHRASE
