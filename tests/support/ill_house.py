"""The sample house when not all is well."""

from dataclasses import replace
from typing import Final

from appliance.model.alerts import Alert
from appliance.model.conditions import Condition, Severity
from tests.support.kept_alerts import NO_ALERTS
from tests.support.sample_operator import HOUR, NOW, SampleOperator

LATE: Final = Alert(
    name="renewal-late:printer.home.arpa", severity=Severity.WARNING, since=NOW - 3 * HOUR,
    opened_at=NOW - HOUR, text="was renewed every 16 h until Tue 03:10, and is late",
)  # fmt: skip
CONDITIONS: Final = (
    Condition(name="backup", ok=True, since=NOW, text="last backup at 2026-11-21T02:00:00Z"),
    Condition(name="clock", ok=True, since=NOW),
    Condition(name="crl", ok=True, since=NOW, text="ends 2026-11-21 18:00 UTC, in 4h"),
    Condition(
        name="disk", ok=False, since=NOW - HOUR, text="the disk is nearly full",
        severity=Severity.CRITICAL,
    ),
)  # fmt: skip
ILL: Final = replace(NO_ALERTS, conditions=CONDITIONS, open=(LATE,))


def ill() -> SampleOperator:
    """An operator of it."""
    operator = SampleOperator()
    operator.alert_report = ILL
    return operator
