"""From what is found wrong now to who is told what; pure.

    found, for its hold ──▶ alert, told ──▶ worse: told again
                                       ──▶ not found, for its hold ──▶ recovered, told

A hold lets pass what comes and goes: a token that is moved to another port. A muted alert is one
that was not told; when the mute ends and it still is, it is told then. Of one that was never told
no recovery is told.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from appliance.model.alerts import Alert, Change, Finding, Mute, Notice

HOLDS: Final = {
    "token": timedelta(minutes=2),
    "clock": timedelta(minutes=2),
    "clock-leap": timedelta(minutes=2),
    "clock-sync": timedelta(minutes=10),
    "ocsp-responder": timedelta(minutes=2),
    "crl": timedelta(minutes=2),
    "workers": timedelta(minutes=2),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What becomes of the alerts, and what is to be told."""

    open: Mapping[str, Alert]
    ended: tuple[Alert, ...]
    notices: tuple[tuple[Change, Alert], ...]


def told(
    known: Mapping[str, Alert],
    found: Iterable[Finding],
    now: datetime,
    *,
    mutes: Iterable[Mute] = (),
    holds: Callable[[str], timedelta] = lambda rule: HOLDS.get(rule, timedelta()),
) -> Told:
    """Compare what is known with what is found."""
    silent = tuple(mutes)
    findings = {each.name: each for each in found}
    opened: dict[str, Alert] = {}
    ended: list[Alert] = []
    notices: list[tuple[Change, Alert]] = []
    for name, finding in findings.items():
        muted = any(each.covers(name, now) for each in silent)
        old = known.get(name)
        if old is None and now - finding.since < holds(finding.rule):
            continue
        alert = _with(old, finding, now)
        worse = old is not None and alert.severity.rank > old.severity.rank
        tell = not muted and (not alert.told or worse)
        opened[name] = replace(alert, told=alert.told or tell)
        if tell:
            notices.append((Change.FIRING, opened[name]))
    for name, alert in known.items():
        if name in findings:
            continue
        well_since = alert.well_since or now
        if now - well_since < holds(alert.rule):
            opened[name] = replace(alert, well_since=well_since)
            continue
        over = replace(alert, well_since=well_since, ended_at=now)
        ended.append(over)
        if over.told:
            notices.append((Change.RECOVERED, over))
    return Told(open=opened, ended=tuple(ended), notices=tuple(notices))


def _with(old: Alert | None, finding: Finding, now: datetime) -> Alert:
    if old is None:
        return Alert(
            name=finding.name, severity=finding.severity, text=finding.text,
            since=finding.since, opened_at=now, told=False,
        )  # fmt: skip
    return replace(old, severity=finding.severity, text=finding.text, well_since=None)


def notice(change: Change, alert: Alert, now: datetime, *, id: str, authority: str) -> Notice:  # noqa: A002
    """Put a change into words."""
    text = alert.text
    if change is Change.RECOVERED:
        text = f"it is over: {alert.text}"
    return Notice(
        id=id, change=change, name=alert.name, severity=alert.severity, text=text, at=now,
        since=alert.since, authority=authority,
    )  # fmt: skip
