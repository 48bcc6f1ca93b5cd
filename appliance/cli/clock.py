"""The real clock, for the commands of a client."""

from datetime import UTC, datetime
from typing import final


@final
class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """Give the time as an aware datetime in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - here is where it comes from
