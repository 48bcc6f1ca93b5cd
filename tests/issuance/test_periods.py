"""Validity: what was asked for, relative to what, and within which bounds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.issuance import periods
from appliance.model.errors import BadRequest, Forbidden, HearthError
from appliance.model.validity import Lifetimes, TimeOrDuration, Validity

NOW = datetime(2026, 3, 1, 12, 0, 0, 900_000, tzinfo=UTC)
WHOLE = NOW.replace(microsecond=0)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
LIFETIMES = Lifetimes(shortest=5 * MINUTE, longest=24 * HOUR, default=12 * HOUR, backdate=MINUTE)


@pytest.mark.parametrize(
    ("not_before", "not_after", "start", "end"),
    [
        (None, None, WHOLE - MINUTE, WHOLE + 12 * HOUR),
        (None, HOUR, WHOLE - MINUTE, WHOLE + HOUR),
        (HOUR, None, WHOLE + HOUR, WHOLE + 13 * HOUR),
        (HOUR, HOUR, WHOLE + HOUR, WHOLE + 2 * HOUR),
        (None, WHOLE + HOUR, WHOLE - MINUTE, WHOLE + HOUR),
        (WHOLE - HOUR, WHOLE + HOUR, WHOLE - HOUR, WHOLE + HOUR),
        (timedelta(milliseconds=200), HOUR, WHOLE + SECOND, WHOLE + HOUR + SECOND),
        (timedelta(0), timedelta(0), WHOLE - MINUTE, WHOLE + 12 * HOUR),
        (datetime(1, 1, 1, tzinfo=UTC), None, WHOLE - MINUTE, WHOLE + 12 * HOUR),
        (-HOUR, 2 * HOUR, WHOLE - HOUR, WHOLE + HOUR),
    ],
)
def test_both_ends(
    not_before: TimeOrDuration, not_after: TimeOrDuration, start: datetime, end: datetime
) -> None:
    validity = periods.decide(not_before, not_after, LIFETIMES, NOW)
    assert (validity.not_before, validity.not_after) == (start, end)


@pytest.mark.parametrize(
    ("not_before", "not_after"),
    [
        (None, 24 * HOUR),  # with the backdate: longest and a minute
        (HOUR, 24 * HOUR + MINUTE),  # as long, though nothing was backdated
        (None, 4 * MINUTE),  # shortest, with the backdate
        (HOUR, 5 * MINUTE),
        (-12 * HOUR, 12 * HOUR),  # ends within this very second
    ],
)
def test_the_bounds_are_allowed(not_before: TimeOrDuration, not_after: TimeOrDuration) -> None:
    periods.decide(not_before, not_after, LIFETIMES, NOW)


@pytest.mark.parametrize(
    ("not_before", "not_after", "error", "words"),
    [
        (None, 24 * HOUR + SECOND, Forbidden, "of 24h1m1s is more than .* of 24h1m0s"),
        (HOUR, 24 * HOUR + MINUTE + SECOND, Forbidden, "of 24h1m1s is more than"),
        (None, 4 * MINUTE - SECOND, Forbidden, "of 4m59s is less than .* of 5m0s"),
        (-12 * HOUR, 12 * HOUR - SECOND, BadRequest, "in the past; na=2026-03-01 11:59:59 "),
        (2 * HOUR, -HOUR, BadRequest, "before notBefore; na=2026-03-01 13:00:00 .*nb=.* 14:00:00"),
        (datetime.max.replace(tzinfo=UTC), HOUR, BadRequest, "calendar"),
        (timedelta.max, None, BadRequest, "calendar"),
        (None, timedelta.min, BadRequest, "calendar"),
    ],
)
def test_beyond_the_bounds(
    not_before: TimeOrDuration, not_after: TimeOrDuration, error: type[HearthError], words: str
) -> None:
    with pytest.raises(error, match=words):
        periods.decide(not_before, not_after, LIFETIMES, NOW)


asked = st.none() | st.timedeltas() | st.datetimes(timezones=st.just(UTC))


@given(not_before=asked, not_after=asked)
def test_whatever_is_asked_what_is_decided_is_within_bounds(
    not_before: TimeOrDuration, not_after: TimeOrDuration
) -> None:
    try:
        validity = periods.decide(not_before, not_after, LIFETIMES, NOW)
    except (BadRequest, Forbidden):
        return
    assert LIFETIMES.shortest <= validity.length <= LIFETIMES.longest + LIFETIMES.backdate
    assert validity.not_after >= WHOLE
    assert validity.not_before.microsecond == validity.not_after.microsecond == 0


# ---- dates that a template proposes


@pytest.mark.parametrize(
    ("not_before", "not_after", "start", "end"),
    [
        (None, None, WHOLE + HOUR, WHOLE + 3 * HOUR),
        (None, HOUR, WHOLE + HOUR, WHOLE + 2 * HOUR),
        (2 * HOUR, None, WHOLE + 2 * HOUR, WHOLE + 3 * HOUR),
    ],
)
def test_a_template_proposes_what_is_not_asked(
    not_before: TimeOrDuration, not_after: TimeOrDuration, start: datetime, end: datetime
) -> None:
    proposed = periods.Proposed(not_before=WHOLE + HOUR, not_after=WHOLE + 3 * HOUR)
    found = periods.decide(not_before, not_after, LIFETIMES, NOW, proposed=proposed)
    assert (found.not_before, found.not_after) == (start, end)


# ---- the window of a credential

WINDOW = Validity(not_before=WHOLE - HOUR, not_after=WHOLE + HOUR)


@pytest.mark.parametrize(
    ("not_before", "not_after", "start", "end"),
    [
        (None, None, WHOLE - MINUTE, WHOLE + HOUR),
        (None, WHOLE + HOUR, WHOLE - MINUTE, WHOLE + HOUR),
        (None, 30 * MINUTE, WHOLE - MINUTE, WHOLE + 30 * MINUTE),
        (-30 * MINUTE, None, WHOLE - 30 * MINUTE, WHOLE + HOUR),
        (WHOLE - HOUR, None, WHOLE - HOUR, WHOLE + HOUR),
    ],
)
def test_what_is_not_asked_ends_with_the_credential(
    not_before: TimeOrDuration, not_after: TimeOrDuration, start: datetime, end: datetime
) -> None:
    found = periods.decide(not_before, not_after, LIFETIMES, NOW, window=WINDOW)
    assert (found.not_before, found.not_after) == (start, end)


def test_the_default_is_not_stretched_to_the_credential() -> None:
    long = Validity(not_before=WHOLE - HOUR, not_after=WHOLE + 900 * HOUR)
    assert periods.decide(None, None, LIFETIMES, NOW, window=long).not_after == WHOLE + 12 * HOUR


@pytest.mark.parametrize(
    ("not_before", "not_after", "words"),
    [
        (-HOUR - SECOND, None, "notBefore .* is before the active validity"),
        (None, HOUR + SECOND, "notAfter .* is after the expiration"),
        (None, WHOLE + 2 * HOUR, "notAfter .* is after the expiration"),
        (-2 * HOUR, 9 * HOUR, "notBefore"),
    ],
)
def test_what_is_asked_beyond_the_credential_is_forbidden(
    not_before: TimeOrDuration, not_after: TimeOrDuration, words: str
) -> None:
    with pytest.raises(Forbidden, match=words):
        periods.decide(not_before, not_after, LIFETIMES, NOW, window=WINDOW)


def test_only_the_backdate_reaches_out_of_the_credential() -> None:
    fresh = Validity(not_before=WHOLE, not_after=WHOLE + HOUR)
    found = periods.decide(None, None, LIFETIMES, NOW, window=fresh)
    assert found.not_before == WHOLE - MINUTE


def test_a_credential_that_is_too_short_to_issue_for() -> None:
    brief = Validity(not_before=WHOLE - HOUR, not_after=WHOLE + MINUTE)
    with pytest.raises(Forbidden, match="less than the authorized minimum"):
        periods.decide(None, None, LIFETIMES, NOW, window=brief)
