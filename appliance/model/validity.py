"""Validity periods, and the two forms in which a request may ask for them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from msgspec import Struct

TimeOrDuration: TypeAlias = datetime | timedelta | None
"""A point in time, an offset from one, or nothing asked (step's TimeDuration)."""


class Validity(Struct, frozen=True, kw_only=True):
    """Both ends are aware datetimes in UTC with whole seconds, as RFC 5280 4.1.2.5 has them."""

    not_before: datetime
    not_after: datetime

    @property
    def length(self) -> timedelta:
        """From the first to the last second."""
        return self.not_after - self.not_before


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """What a provisioner allows. `backdate` is added to `longest` when a certificate is judged."""

    shortest: timedelta
    longest: timedelta
    default: timedelta
    backdate: timedelta
