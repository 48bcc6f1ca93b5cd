"""The real clock and the real chance."""

import os
from datetime import UTC, datetime
from typing import final


@final
class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """Give the time as an aware datetime in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - here is where it comes from


@final
class SystemChance:
    """The kernel's random numbers."""

    def octets(self, count: int) -> bytes:
        """Give so many octets."""
        return os.urandom(count)
