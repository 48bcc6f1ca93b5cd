"""How long an SSH certificate is valid. Unlike with X.509, both ends count from now."""

from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from appliance.formats.goduration import format_duration
from appliance.formats.ssh.certificate import FOREVER, SshCertificate
from appliance.issuance.ssh.drafts import SshDraft
from appliance.issuance.ssh.grants import SshGrant
from appliance.issuance.ssh.requests import SshSigningRequest
from appliance.model.errors import BadRequest, Forbidden
from appliance.model.validity import Lifetimes, TimeOrDuration, Validity

_UNSET: Final = datetime(1, 1, 1, tzinfo=UTC)  # Go's zero time
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_END: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class SshPeriod(Struct, frozen=True, kw_only=True):
    """From the first second to the one after the last, in seconds since 1970."""

    after: int
    before: int

    @property
    def validity(self) -> Validity:
        """Give both ends as times, those beyond the calendar as its end."""
        return Validity(not_before=moment(self.after), not_after=moment(self.before))


def of(certificate: SshCertificate) -> SshPeriod:
    """Give the period of a certificate."""
    return SshPeriod(after=certificate.valid_after, before=certificate.valid_before)


def decide(
    draft: SshDraft, request: SshSigningRequest, grant: SshGrant, now: datetime
) -> SshPeriod:
    """Choose both ends: the token's, else the request's, else the template's, else the default.

    The backdate applies only where nobody asked for a beginning. Raises BadRequest for what cannot
    be, Forbidden for a draft without type and for what outlives the credential behind the grant.
    """
    after = _seconds(request.valid_after, now) or draft.valid_after
    before = _seconds(request.valid_before, now) or draft.valid_before
    if 0 < before < after:
        raise BadRequest("ssh certificate validAfter cannot be greater than validBefore")
    after = _seconds(grant.token_valid_after, now) or after
    before = _seconds(grant.token_valid_before, now) or before
    if draft.type is None:
        raise Forbidden("ssh certificate type has not been set")
    lifetimes = grant.lifetimes.of(draft.type)
    start = after or seconds(now)
    end = before or start + lifetimes.default // _SECOND
    if grant.valid_until is not None:
        end = _within(start, before, end, grant.valid_until)
    return SshPeriod(after=after or start - lifetimes.backdate // _SECOND, before=end)


def judge(period: SshPeriod, lifetimes: Lifetimes, now: datetime) -> None:
    """Let a period pass that is allowed. Raises BadRequest, Forbidden."""
    if period.before < seconds(now):
        raise BadRequest("ssh certificate validBefore cannot be in the past")
    if period.before < period.after:
        raise BadRequest("ssh certificate validBefore cannot be before validAfter")
    length = period.before - period.after
    # The backdate is allowed for even where none was applied, as in step-ca.
    longest = lifetimes.longest + lifetimes.backdate
    if length < lifetimes.shortest / _SECOND:
        raise Forbidden(
            f"requested duration of {_shown(length)} is less than minimum accepted duration for "
            f"selected provisioner of {format_duration(lifetimes.shortest)}"
        )
    if length > longest / _SECOND:
        raise Forbidden(
            f"requested duration of {_shown(length)} is greater than maximum accepted duration for "
            f"selected provisioner of {format_duration(longest)}"
        )


def again(old: SshCertificate, now: datetime, backdate: timedelta) -> SshPeriod:
    """Give a period as long as the old certificate's, from now on. Raises BadRequest."""
    if old.valid_after == 0 or old.valid_before in (0, FOREVER):
        raise BadRequest("cannot renew a certificate without validity period")
    start = seconds(now) - backdate // _SECOND
    return SshPeriod(after=start, before=start + old.valid_before - old.valid_after)


def seconds(at: datetime) -> int:
    """Give a time in whole seconds since 1970."""
    return int((at - _EPOCH) // _SECOND)


def moment(at: int) -> datetime:
    """Give a time for its seconds since 1970; one beyond the calendar becomes its end."""
    try:
        return datetime.fromtimestamp(at, UTC)
    except (OverflowError, ValueError, OSError):
        return _END


def _within(start: int, asked: int, end: int, valid_until: datetime) -> int:
    """Hold both ends against the end of a credential, and give the end that remains."""
    limit = seconds(valid_until)
    shown = f"provisioning credential expiration ({valid_until:%Y-%m-%d %H:%M:%S} +0000 UTC)"
    if start > limit:
        raise Forbidden(f"{shown} is before requested certificate validAfter")
    if asked > limit:
        raise Forbidden(f"{shown} is before requested certificate validBefore")
    return min(end, limit)


def _seconds(asked: TimeOrDuration, now: datetime) -> int:
    """Give an asked-for time in seconds; 0 when nothing is asked. Raises BadRequest."""
    if not asked or asked == _UNSET:
        return 0
    try:
        at = now + asked if isinstance(asked, timedelta) else asked
    except OverflowError:
        raise BadRequest("the requested times are out of the calendar") from None
    if seconds(at) <= 0:
        raise BadRequest("the requested times are before 1970")
    return seconds(at)


def _shown(length: int) -> str:
    try:
        return format_duration(timedelta(seconds=length))
    except OverflowError:
        return f"{length}s"
