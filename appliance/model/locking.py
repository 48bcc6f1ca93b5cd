"""When a console that nobody uses is locked."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class LockSettings:
    """`console` of ca.json: after what time, and the hash of the passphrase that opens it (PHC)."""

    after: timedelta | None = None
    passphrase: str = field(default="", repr=False)

    @property
    def is_on(self) -> bool:
        """Whether there is a passphrase: without one nothing could be opened."""
        return bool(self.passphrase)


UNLOCKED: Final = LockSettings()
USUAL_AFTER: Final = timedelta(minutes=10)
