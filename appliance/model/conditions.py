"""What about the box is as it should be, and what is not."""

import enum
from dataclasses import dataclass
from datetime import datetime


class Severity(enum.StrEnum):
    """How much it matters."""

    NOTICE = "notice"  # worth knowing
    WARNING = "warning"  # something will fail if nobody looks after it
    CRITICAL = "critical"  # something fails now

    @property
    def rank(self) -> int:
        """Give a number that is higher for what matters more."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One thing that is looked after, as it is since a time.

    `name` is the subject, such as `disk`, `clock`, `backup`, and where there are several what tells
    them apart after a colon: `token:yubikey 12345678`. `text` is for people, on one line; anybody
    may read it (GET /health?verbose), so it has no secret and no path in it.
    """

    name: str
    ok: bool
    since: datetime
    text: str = ""
    severity: Severity = Severity.WARNING  # of it when it is not ok

    @property
    def subject(self) -> str:
        """Give the name without what tells several of a kind apart."""
        return self.name.partition(":")[0]
