"""What a machine knows of its time beside the time itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The wall clock, and beside it what does not jump."""

    wall: datetime
    elapsed: float  # seconds since some moment, those asleep among them
    synchronized: bool | None  # to a source of time; None: the system does not say


class Timekeeper(Protocol):
    """Reads the clocks; tests bring their own."""

    def read(self) -> Reading:
        """Read all of them at one moment."""
        ...
