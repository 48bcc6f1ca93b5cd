"""How the box is, in words: what is shown of its parts, and what somebody has to do."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from appliance.model.alerts import AlertReport
from appliance.model.conditions import Condition, Severity
from appliance.model.inventory import CertificateCounts, CertificateState
from appliance.model.overview import Overview
from appliance.model.tokens import ADVICE as TOKEN_ADVICE
from appliance.model.tokens import TokenState
from tui.wording import ACT, GOOD, LOOK, count, printable, span

UNKNOWN: Final = "○"
_SHAPES: Final = {"good": GOOD, "look": LOOK, "act": ACT, "quiet": UNKNOWN}
_CALM: Final = {
    "disk": ("good", "room enough"),
    "clock": ("good", "trusted"),
    "crl": ("quiet", "none published"),
    "backup": ("quiet", "no schedule"),
}
_TITLES: Final = {
    "backup": "Backup",
    "clock": "Clock",
    "crl": "CRL",
    "database": "Database",
    "disk": "Disk",
    "host-quiet": "Host is quiet",
    "intermediate": "Intermediate",
    "ocsp-responder": "OCSP responder",
    "own-certificate": "The CA's own certificate",
    "refusals": "Refusals",
    "renewal-late": "Not renewed",
    "root": "Root",
    "store": "Store",
    "token": "Token",
    "token-pin": "PIN of the token",
    "workers": "Workers",
}
_ADVICE: Final = {
    "backup": "The log has why it failed. Make one now: hearth backup create PLACE",
    "clock": "Set the clock. If it is right and was wrong before: hearth clock confirm",
    "crl": "The list could not be made anew; the log has why. Requests go on meanwhile.",
    "database": "hearth db scrub says which rows; restore a backup: hearth backup restore",
    "disk": "Make room on the disk of the database; what has expired can be removed"
    " (`retention` in ca.json).",
    "host-quiet": "Look at that machine: is it on, does its renewal run, does it reach the CA?",
    "intermediate": "Make the next one, and let it issue: hearth ca intermediate create,"
    " hearth ca intermediate activate",
    "ocsp-responder": "Its certificate is not renewed by itself any more; the log has why.",
    "own-certificate": "It is not renewed by itself any more; the log has why.",
    "refusals": "2 Live shows who asks for what, and why it is refused.",
    "renewal-late": "Look at that machine: its renewal has stopped. `hearth ca renew --daemon`"
    " or its ACME client's timer has to run.",
    "root": "Make a new root in time: everything that trusts this CA has to learn of it.",
    "store": "The database cannot be written; the log has why. Nothing is issued until it can.",
    "token": "Plug it in, or type its PIN: hearth token unlock",
    "token-pin": "Unlock it with the right PIN: then its tries begin anew. hearth token unlock",
    "workers": "The server serves by itself meanwhile. If files were changed, reload it.",
}
_OF_MACHINES: Final = ("renewal-late", "host-quiet")  # whose name says enough in a list
_USUAL_ADVICE: Final = "The log has more: hearth log list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One part of the box. `part` is good, look, act or quiet (not known, or not wanted)."""

    name: str
    part: str
    text: str

    @property
    def state(self) -> str:
        """The shape and the words."""
        return f"{_SHAPES[self.part]} {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing that is not well, and what to do."""

    name: str  # of its condition or alert
    title: str
    text: str
    advice: str
    since: datetime
    severity: Severity

    @property
    def part(self) -> str:
        """How it looks: act or look."""
        return "act" if self.severity is Severity.CRITICAL else "look"

    @property
    def shape(self) -> str:
        """The shape that says so without colour."""
        return _SHAPES[self.part]


def parts(
    overview: Overview, report: AlertReport | None, counts: Sequence[CertificateCounts]
) -> Iterator[Health]:
    """Say how each part of the box is, the most important first."""
    conditions = report.conditions if report else ()
    yield _authority(overview, conditions)
    yield _keys(overview)
    yield _store(overview, conditions, counts)
    for subject in ("disk", "clock", "crl", "backup"):
        part, text = _CALM[subject]
        yield _of(subject, conditions, part, text)
    if any(each.subject == "workers" for each in conditions):
        yield _of("workers", conditions, "good", "serving")


def needs(report: AlertReport) -> list[Need]:
    """Give what is not well, the worst first; an alert tells what is no condition of the box."""
    found = {
        each.name: _need(each.name, each.text, each.since, each.severity)
        for each in report.conditions
        if not each.ok
    }
    for alert in report.open:
        if alert.well_since is None and alert.name not in found:
            found[alert.name] = _need(alert.name, alert.text, alert.since, alert.severity)
    return sorted(found.values(), key=lambda each: (-each.severity.rank, each.since, each.name))


def _need(name: str, text: str, since: datetime, severity: Severity) -> Need:
    subject, _, which = name.partition(":")
    title = _TITLES.get(subject, subject.replace("-", " ").capitalize())
    return Need(
        name=name,
        title=printable(which if subject in _OF_MACHINES else f"{title}: {which}".rstrip(": ")),
        text=printable(text),
        advice=_advice(subject, text),
        since=since,
        severity=severity,
    )


def _advice(subject: str, text: str) -> str:
    if subject == "token" and text.startswith(f"{TokenState.BLOCKED}"):
        advice = TOKEN_ADVICE[TokenState.BLOCKED]
        return f"{advice[:1].upper()}{advice[1:]}."
    return _ADVICE.get(subject, _USUAL_ADVICE)


def _authority(overview: Overview, conditions: Iterable[Condition]) -> Health:
    ends = [
        f"{what} ends in {span(left)}" if left > timedelta() else f"{what} has ended"
        for what, left in (
            ("intermediate", overview.intermediate_not_after - overview.now),
            ("root", overview.root_not_after - overview.now),
        )
    ]
    worst = _worst(conditions, "root", "intermediate", "own-certificate", "ocsp-responder")
    over = min(overview.intermediate_not_after, overview.root_not_after) <= overview.now
    part = "act" if over else _part(worst) if worst else "good"
    return Health(name="Authority", part=part, text=" · ".join(["serving", *ends][over:]))


def _keys(overview: Overview) -> Health:
    if not overview.tokens:
        return Health(name="Keys", part="good", text="in files")
    ready = all(each.state is TokenState.READY for each in overview.tokens)
    text = ", ".join(f"{printable(each.name)}: {each.state}" for each in overview.tokens)
    return Health(name="Keys", part="good" if ready else "act", text=text)


def _store(
    overview: Overview, conditions: Iterable[Condition], counts: Sequence[CertificateCounts]
) -> Health:
    worst = _worst(conditions, "store", "database")
    numbers = [
        f"{count(total)} {state}"
        for state in CertificateState
        if (total := sum(each.total(state) for each in counts))
    ]
    said = printable(worst.text) if worst else ", ".join(numbers) or "no certificate yet"
    kind = printable(overview.store).split()[0]
    return Health(name="Store", part=_part(worst) if worst else "good", text=f"{kind}  {said}")


def _of(subject: str, conditions: Iterable[Condition], part: str, text: str) -> Health:
    name = _TITLES[subject]
    mine = [each for each in conditions if each.subject == subject]
    if worst := _worst(mine, subject):
        return Health(name=name, part=_part(worst), text=printable(worst.text))
    if mine:
        said = next((each.text for each in mine if each.text), "") or (
            text if part == "good" else "as it should be"
        )
        return Health(name=name, part="good", text=printable(said))
    return Health(name=name, part=part, text=text)


def _worst(conditions: Iterable[Condition], *subjects: str) -> Condition | None:
    ill = [each for each in conditions if not each.ok and each.subject in subjects]
    return max(ill, key=lambda each: each.severity.rank, default=None)


def _part(condition: Condition) -> str:
    return "act" if condition.severity is Severity.CRITICAL else "look"
