"""Alerts: what somebody should know of, and what was told of it to whom."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.model.conditions import Condition, Severity
from appliance.model.inventory import CertificateKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule finds wrong now. `name` begins with the rule's: `renewal-late:web.home.arpa`."""

    name: str
    since: datetime
    text: str
    severity: Severity = Severity.WARNING

    @property
    def rule(self) -> str:
        """Give the rule that found it."""
        return self.name.partition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A finding that lasted long enough to be an alert.

    `told` says that its targets were told; it was muted otherwise. `well_since` is when it was not
    found any more, which has to last, too.
    """

    name: str
    severity: Severity
    text: str
    since: datetime
    opened_at: datetime
    told: bool = True
    well_since: datetime | None = None
    ended_at: datetime | None = None

    @property
    def rule(self) -> str:
        """Give the rule that found it."""
        return self.name.partition(":")[0]


class Change(enum.StrEnum):
    """What a notice tells."""

    FIRING = "firing"
    RECOVERED = "recovered"
    NOTED = "noted"  # it happened, and there is nothing to recover from
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to tell. Whoever gets the same `id` twice has been told once."""

    id: str
    change: Change
    name: str
    severity: Severity
    text: str
    at: datetime
    since: datetime
    authority: str = ""  # which CA tells it

    @property
    def rule(self) -> str:
        """Give the rule that found it."""
        return self.name.partition(":")[0]

    @property
    def title(self) -> str:
        """Say in a line what it is."""
        origin = f"{self.authority}: " if self.authority else ""
        return f"{origin}{self.name} ({self.change})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """Do not tell of alerts of this name or rule; None: until it is taken back."""

    name: str
    until: datetime | None = None

    def covers(self, name: str, now: datetime) -> bool:
        """Say whether an alert is not to be told now."""
        if self.until is not None and self.until <= now:
            return False
        return self.name in (name, name.partition(":")[0], "*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A notice that a target has not taken yet."""

    target: str
    notice: Notice
    attempts: int = 0
    due: datetime
    problem: str = ""  # why it did not take it the last time


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReport:
    """All that `hearth alerts list` shows."""

    open: Sequence[Alert]
    ended: Sequence[Alert]  # newest first
    pending: Sequence[Pending]
    mutes: Sequence[Mute]
    conditions: Sequence[Condition]
    targets: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a target took a notice; an empty problem is well."""

    target: str
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """An issuance that somebody wants to be told of; what is empty does not matter.

    `name` is a whole name, or `*.example.com` for any below. With `first_only`, renewals are none.
    """

    title: str
    name: str = ""
    provisioner: str = ""
    kind: CertificateKind | None = None
    client: str = ""
    first_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """How many refusals within what time are one."""

    count: int = 20
    within: timedelta = timedelta(minutes=5)
