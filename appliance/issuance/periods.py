"""How long a certificate is valid: what was asked, within what is allowed."""

from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from appliance.formats.goduration import format_duration
from appliance.model.errors import BadRequest, Forbidden
from appliance.model.validity import Lifetimes, TimeOrDuration, Validity

UNSET = datetime(1, 1, 1, tzinfo=UTC)  # Go's zero time, which clients send for "nothing asked"


class Proposed(Struct, frozen=True, kw_only=True):
    """What a template says about the dates: taken where the request says nothing."""

    not_before: datetime | None = None
    not_after: datetime | None = None


NOT_PROPOSED: Final = Proposed()


def decide(
    not_before: TimeOrDuration,
    not_after: TimeOrDuration,
    lifetimes: Lifetimes,
    now: datetime,
    *,
    window: Validity | None = None,
    proposed: Proposed = NOT_PROPOSED,
) -> Validity:
    """Choose both ends and judge them.

    An asked-for `not_before` is taken as it is (a duration counts from now); else it is now less
    the backdate. A duration as `not_after` counts from `not_before` without the backdate. `window`
    is the validity of the credential that asks: what is asked must lie in it, and what is not asked
    ends with it at the latest; only the backdate may reach out of it. Raises BadRequest for times
    in the past or the wrong way round, Forbidden for a length or a time that is not allowed.
    """
    start = _moment(not_before, now) or proposed.not_before
    base = now if start is None else start
    asked_end = _moment(not_after, base) or proposed.not_after
    end = asked_end or _sum(base, lifetimes.default)
    if window is not None:
        _check_window(base, asked_end, window)
        end = min(end, window.not_after)
    validity = Validity(
        not_before=whole_second(_sum(now, -lifetimes.backdate) if start is None else start),
        not_after=whole_second(end),
    )
    _judge(validity, lifetimes, whole_second(now))
    return validity


def _check_window(start: datetime, end: datetime | None, window: Validity) -> None:
    if start < window.not_before:
        raise Forbidden(
            f"requested certificate notBefore ({_shown(start)}) is before the active validity "
            f"window of the provisioning credential ({_shown(window.not_before)})"
        )
    if end is not None and end > window.not_after:
        raise Forbidden(
            f"requested certificate notAfter ({_shown(end)}) is after the expiration of the "
            f"provisioning credential ({_shown(window.not_after)})"
        )


def _judge(validity: Validity, lifetimes: Lifetimes, now: datetime) -> None:
    length = validity.length
    # The backdate is allowed for even where none was applied, as in step-ca.
    longest = lifetimes.longest + lifetimes.backdate
    if validity.not_after < now:
        raise BadRequest(f"notAfter cannot be in the past; na={_shown(validity.not_after)}")
    if validity.not_after < validity.not_before:
        raise BadRequest(
            f"notAfter cannot be before notBefore; na={_shown(validity.not_after)}, "
            f"nb={_shown(validity.not_before)}"
        )
    if length < lifetimes.shortest:
        raise Forbidden(
            f"requested duration of {format_duration(length)} is less than the authorized "
            f"minimum certificate duration of {format_duration(lifetimes.shortest)}"
        )
    if length > longest:
        raise Forbidden(
            f"requested duration of {format_duration(length)} is more than the authorized "
            f"maximum certificate duration of {format_duration(longest)}"
        )


def whole_second(moment: datetime) -> datetime:
    """Cut off the fraction of a second (RFC 5280 4.1.2.5)."""
    return moment.replace(microsecond=0)


def _moment(asked: TimeOrDuration, base: datetime) -> datetime | None:
    if isinstance(asked, timedelta):
        return _sum(base, asked) if asked else None
    return None if asked == UNSET else asked


def _sum(moment: datetime, duration: timedelta) -> datetime:
    try:
        return moment + duration
    except OverflowError:
        raise BadRequest("the requested times are out of the calendar") from None


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} +0000 UTC"
