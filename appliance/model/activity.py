"""How much was done lately, hour by hour, and what was refused last."""

from dataclasses import dataclass
from datetime import datetime

from appliance.model.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """What happened in the hour that begins then."""

    start: datetime
    issued: int = 0  # renewed and rekeyed ones, too
    revoked: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """The last hours without a gap, the oldest first and this one last.

    Nothing is known of what happened before `known_since`.
    """

    hours: tuple[Hour, ...]
    known_since: datetime
    refusals: tuple[Event, ...] = ()  # the newest first
