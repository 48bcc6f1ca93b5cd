"""When a certificate is renewed, as its owner always did it; pure.

A short-lived certificate that is near its end is no news, and one of a year that nobody renewed is:
what counts is what was done before. A *line* is all certificates for the same names. How long its
owner waited each time, as a part of the lifetime, is its habit; late is who waits noticeably longer
than ever, and quiet who has let the certificate run out as well.

Who logs in and leaves again has no such habit: certificates for users of SSH and those that people
get by OIDC are not followed.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from appliance.model.alerts import Finding
from appliance.model.conditions import Severity
from appliance.model.events import Event, EventKind
from appliance.model.inventory import CertificateKind, CertificateSummary

_REMEMBERED: Final = 8  # waits
_CLEAR: Final = 3  # waits that are a habit however short they were
_LONG: Final = 0.25  # of a lifetime: one wait as long as this is a renewal, not a second try
_SHORTEST_LIFE: Final = timedelta(seconds=1)
_SHORTEST_SILENCE: Final = timedelta(hours=1)
_LONGEST_SILENCE: Final = timedelta(days=7)
_PATIENCE: Final = timedelta(hours=12)  # at most, after the CA itself was away
_KEPT: Final = timedelta(days=30)  # at least, after a line went quiet
_SHOWN: Final = 3  # names
_PEOPLE: Final = ("OIDC",)
_ISSUED: Final = (EventKind.ISSUED, EventKind.RENEWED, EventKind.REKEYED)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """The newest certificate of a line, and how long the waits before it were."""

    kind: CertificateKind
    names: tuple[str, ...]
    serial: int
    issued_at: datetime
    not_after: datetime
    waits: tuple[float, ...] = ()

    @property
    def key(self) -> bytes:
        """Give what is the same for all of a line; 16 octets."""
        text = "\n".join((self.kind, *self.names))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]

    @property
    def title(self) -> str:
        """Name it for people."""
        shown = ", ".join(self.names)
        if len(self.names) > _SHOWN:
            shown = f"{self.names[0]} and {len(self.names) - 1} more [{self.key[:3].hex()}]"
        return f"{shown} (SSH)" if self.kind is CertificateKind.SSH else shown

    @property
    def lifetime(self) -> timedelta:
        """Give how long the newest certificate is good."""
        return max(self.not_after - self.issued_at, _SHORTEST_LIFE)

    @property
    def usual_wait(self) -> float | None:
        """Give the longest usual wait; None without a habit.

        Once the waits are many, the very longest is left out: that it was late once is no habit.
        """
        if not self.waits:
            return None
        waits = sorted(self.waits)
        if len(waits) < _CLEAR and waits[-1] < _LONG:
            return None
        return waits[-2] if len(waits) > _CLEAR else waits[-1]

    @property
    def late_at(self) -> datetime | None:
        """Give when a renewal is late: half-way from the usual time to the end, or a tenth over."""
        usual = self.usual_wait
        if usual is None:
            return None
        share = usual + max((1 - usual) / 2, usual / 10)
        return _later(self.issued_at, self.lifetime * share)

    @property
    def quiet_at(self) -> datetime | None:
        """Give when nothing more is expected: late, run out, and half a lifetime of silence."""
        late = self.late_at
        if late is None:
            return None
        silence = min(max(self.lifetime / 2, _SHORTEST_SILENCE), _LONGEST_SILENCE)
        return _later(max(late, self.not_after), silence)

    @property
    def over_at(self) -> datetime:
        """Give when the line can be forgotten."""
        quiet = self.quiet_at
        if quiet is None:
            return _later(self.not_after, self.lifetime)
        return _later(quiet, max(_KEPT, 2 * self.lifetime))


def _later(moment: datetime, by: timedelta) -> datetime:
    """Give a later moment; of certificates that never end, the end of the calendar."""
    try:
        return moment + by
    except OverflowError:
        return _NEVER


def of_event(event: Event) -> Line | None:
    """Read an issuance; None for what is none, or has no habit."""
    if event.kind not in _ISSUED or event.serial is None or event.not_after is None:
        return None
    kind = CertificateKind.SSH if event.is_ssh else CertificateKind.X509
    names = event.sans or (event.subject,)
    if not _has_habit(kind, event.certificate_type, event.provisioner_type, names):
        return None
    return Line(
        kind=kind,
        names=_ordered(names),
        serial=event.serial,
        issued_at=event.at,
        not_after=event.not_after,
    )


def of_summary(summary: CertificateSummary) -> Line | None:
    """Read a line of the inventory; None for what is revoked, or has no habit."""
    kind, names = summary.kind, summary.sans or (summary.subject,)
    if summary.revocation is not None:
        return None
    if not _has_habit(kind, summary.certificate_type, summary.provisioner_type, names):
        return None
    return Line(
        kind=kind,
        names=_ordered(names),
        serial=summary.serial,
        issued_at=summary.issued_at,
        not_after=summary.not_after,
    )


def _has_habit(
    kind: CertificateKind, type_: str, provisioner_type: str, names: tuple[str, ...]
) -> bool:
    person = kind is CertificateKind.SSH and type_ != "host"
    return not person and provisioner_type not in _PEOPLE and any(names)


def _ordered(names: tuple[str, ...]) -> tuple[str, ...]:
    return names if len(names) == 1 else tuple(sorted({name for name in names if name}))


def continued(known: Line | None, new: Line) -> Line:
    """Give a line with its next certificate; one that is not newer changes nothing."""
    if known is None:
        return new
    if new.issued_at <= known.issued_at:
        return known
    wait = (new.issued_at - known.issued_at) / known.lifetime
    waits = (*known.waits, round(wait, 6))[-_REMEMBERED:]
    return msgspec.structs.replace(new, waits=waits)


def findings(line: Line, now: datetime, able_since: datetime) -> list[Finding]:
    """Say whether a line is late, and whether it is quiet.

    The CA serves without a break since `able_since`: who could not ask has time to do so.
    """
    late, quiet = line.late_at, line.quiet_at
    if late is None or quiet is None or now >= line.over_at:
        return []
    late = max(late, able_since + min(line.lifetime / 10, _PATIENCE))
    if now < late:
        return []
    gone = now >= line.not_after
    ends = "expired" if gone else "expires"
    found = [
        Finding(
            name=f"renewal-late:{line.title}",
            since=late,
            text=(
                f"the certificate of {line.title} (serial {line.serial}) is not renewed, which "
                f"was usual before; it {ends} {line.not_after:%F %H:%M} UTC"
            ),
            severity=Severity.CRITICAL if gone else Severity.WARNING,
        )
    ]
    if now >= max(quiet, late):
        found.append(
            Finding(
                name=f"host-quiet:{line.title}",
                since=max(quiet, late),
                text=(
                    f"nothing came from {line.title} since {line.issued_at:%F %H:%M} UTC, and its "
                    "certificate has expired"
                ),
            )
        )
    return found
