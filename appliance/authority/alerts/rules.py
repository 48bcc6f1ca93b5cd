"""What is worth an alert beside habits: ends that come near, refusals in bursts, watched names."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from appliance.authority.index import name_matches
from appliance.formats import goduration
from appliance.model.alerts import Burst, Watch
from appliance.model.conditions import Condition, Severity
from appliance.model.events import Event, EventKind
from appliance.model.inventory import CertificateKind
from appliance.model.validity import Validity

BLOCKING: Final = ("token", "disk", "clock", "store")  # subjects without which nobody can renew
_ISSUED: Final = (EventKind.ISSUED, EventKind.RENEWED, EventKind.REKEYED)
_LAST: Final = 4  # a quarter of the time of warning is critical


def wants(watch: Watch, event: Event) -> bool:
    """Say whether an event is an issuance that is watched for."""
    if event.kind not in _ISSUED or (watch.first_only and event.kind is not EventKind.ISSUED):
        return False
    kind = CertificateKind.SSH if event.is_ssh else CertificateKind.X509
    asked = (
        (watch.kind, kind),
        (watch.provisioner, event.provisioner),
        (watch.client, event.client),
    )
    if any(wanted and wanted != given for wanted, given in asked):
        return False
    names = (event.subject, *event.sans)
    return not watch.name or any(name_matches(watch.name, each) for each in names if each)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """When an end is near: the smaller of a part of the lifetime and a time."""

    part: float
    at_most: timedelta

    def span(self, validity: Validity) -> timedelta:
        """Give how long before the end it is near."""
        return min(validity.length * self.part, self.at_most)


ENDINGS: Final = {
    "root": Ending(part=0.1, at_most=timedelta(days=365)),
    "intermediate": Ending(part=0.1, at_most=timedelta(days=180)),
    # what is renewed by itself after two thirds, and so must never come that far
    "own-certificate": Ending(part=0.25, at_most=timedelta(days=30)),
    "ocsp-responder": Ending(part=0.25, at_most=timedelta(days=30)),
    "crl": Ending(part=0.25, at_most=timedelta(days=7)),
}


def ending(name: str, validity: Validity | None, now: datetime, limit: Ending) -> Condition:
    """Judge how near the end of something is; `since` is when it came near."""
    if validity is None:
        text = "there is none yet"
        return Condition(name=name, ok=False, since=now, text=text, severity=Severity.CRITICAL)
    span = limit.span(validity)
    near = validity.not_after - span
    left = validity.not_after - now
    severity = Severity.CRITICAL if left < span / _LAST else Severity.WARNING
    shown = goduration.format_duration(timedelta(seconds=left // timedelta(seconds=1)))
    over = left <= timedelta()
    text = (
        f"has ended {validity.not_after:%F %H:%M} UTC"
        if over
        else f"ends {validity.not_after:%F %H:%M} UTC, in {shown}"
    )
    return Condition(name=name, ok=now < near, since=near, text=text, severity=severity)


def refusals(times: Sequence[datetime], now: datetime, burst: Burst) -> tuple[bool, str]:
    """Say whether there is no burst now, and how many refusals there were."""
    count = sum(1 for each in times if now - burst.within < each <= now)
    within = goduration.format_duration(burst.within)
    return count < burst.count, f"{count} requests were refused within {within}"


def issued_text(event: Event) -> str:
    """Say for people what was issued to whom."""
    names = ", ".join(event.sans) or event.subject
    by = f" by {event.provisioner}" if event.provisioner else ""
    origin = f" for {event.client}" if event.client else ""
    return f"{event.kind}: {names}{by}{origin} (serial {event.serial})"


def is_able(conditions: Iterable[Condition]) -> bool:
    """Say whether the CA can issue, as far as is known."""
    return all(each.ok or each.subject not in BLOCKING for each in conditions)
