"""The lines that a server wrote lately."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct


class LineLevel(enum.StrEnum):
    """How much a line matters; requests are a line each, if they are logged."""

    REQUEST = "request"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogLine(Struct, frozen=True, kw_only=True):
    """A line as it was written; numbers count all lines since the start."""

    number: int
    at: datetime
    level: LineLevel
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """Lines, oldest first. `last` is the number of the newest one, shown or not."""

    lines: Sequence[LogLine]
    last: int
