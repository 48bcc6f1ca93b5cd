"""Time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from; tests bring their own."""

    def now(self) -> datetime:
        """Give the time as an aware datetime in UTC, with microseconds."""
        ...
