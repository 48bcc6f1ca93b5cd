"""How long SSH certificates are valid: what was asked, within what is allowed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.formats.ssh import keys
from appliance.issuance.ssh import drafts, periods
from appliance.issuance.ssh.grants import SshGrant, SshLifetimes
from appliance.issuance.ssh.periods import SshPeriod
from appliance.issuance.ssh.requests import SshSigningRequest
from appliance.model.errors import BadRequest, Forbidden
from appliance.model.grants import ProvisionerRef
from appliance.model.ssh import CertificateType
from appliance.model.validity import Lifetimes, TimeOrDuration
from tests.support.openssh import new_key

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
SECOND = int(NOW.timestamp())
KEY = keys.of_key(new_key().public_key())
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
USER = Lifetimes(shortest=5 * MINUTE, longest=24 * HOUR, default=16 * HOUR, backdate=MINUTE)
HOST = Lifetimes(shortest=5 * MINUTE, longest=720 * HOUR, default=720 * HOUR, backdate=MINUTE)
OFFSETS = st.none() | st.timedeltas(timedelta(days=-40), timedelta(days=40))


def granted(**changes: object) -> SshGrant:
    fields: dict[str, object] = {
        "provisioner": ProvisionerRef(type="JWK", name="admin", id="admin:kid"),
        "subject": "jane", "token": None, "lifetimes": SshLifetimes(user=USER, host=HOST),
        "type": CertificateType.USER, "key_id": "jane", "principals": ("jane",),
    }  # fmt: skip
    return SshGrant(**{**fields, **changes})  # type: ignore[arg-type]


def decide(
    after: TimeOrDuration = None,
    before: TimeOrDuration = None,
    *,
    template: tuple[int, int] = (0, 0),
    **changes: object,
) -> SshPeriod:
    """Give both ends, from now on."""
    asked = SshSigningRequest(public_key=KEY, valid_after=after, valid_before=before)
    grant = granted(**changes)
    base = drafts.by_default(asked, grant)
    draft = drafts.SshDraft(
        type=base.type, key_id=base.key_id, principals=base.principals,
        valid_after=template[0] and SECOND + template[0],
        valid_before=template[1] and SECOND + template[1],
    )  # fmt: skip
    found = periods.decide(draft, asked, grant, NOW)
    return SshPeriod(after=found.after - SECOND, before=found.before - SECOND)


def test_the_default_begins_a_little_earlier_and_is_as_long_as_from_now() -> None:
    assert decide() == SshPeriod(after=-60, before=16 * 3600)


def test_both_ends_count_from_now() -> None:
    assert decide(HOUR, 2 * HOUR) == SshPeriod(after=3600, before=7200)


def test_the_token_wins_over_the_request_and_the_request_over_the_template() -> None:
    assert decide(template=(60, 3600)) == SshPeriod(after=60, before=3600)
    assert decide(before=2 * HOUR, template=(60, 3600)) == SshPeriod(after=60, before=7200)
    assert decide(before=2 * HOUR, token_valid_before=3 * HOUR).before == 3 * 3600


def test_what_nobody_asked_ends_with_the_credential() -> None:
    end = NOW + 4 * HOUR
    assert decide(valid_until=end) == SshPeriod(after=-60, before=4 * 3600)
    assert decide(before=2 * HOUR, valid_until=end).before == 7200
    with pytest.raises(Forbidden, match="before requested certificate validBefore"):
        decide(before=5 * HOUR, valid_until=end)
    with pytest.raises(Forbidden, match="before requested certificate validAfter"):
        decide(5 * HOUR, valid_until=end)


@pytest.mark.parametrize(
    ("after", "before"),
    [
        (2 * HOUR, HOUR),
        (datetime(1960, 1, 1, tzinfo=UTC), None),
        (timedelta(days=-365 * 80), None),
        (timedelta(days=365 * 9000), None),
    ],
)
def test_what_no_certificate_can_say_is_a_bad_request(
    after: TimeOrDuration, before: TimeOrDuration
) -> None:
    with pytest.raises(BadRequest):
        decide(after, before)


@given(OFFSETS, OFFSETS, OFFSETS, OFFSETS, st.booleans())
def test_what_is_granted_is_within_bounds(
    after: timedelta | None,
    before: timedelta | None,
    token_after: timedelta | None,
    token_before: timedelta | None,
    host: bool,
) -> None:
    """However it is asked for: not over yet, and no longer than allowed with the backdate."""
    kind = CertificateType.HOST if host else CertificateType.USER
    grant = granted(type=kind, token_valid_after=token_after, token_valid_before=token_before)
    asked = SshSigningRequest(public_key=KEY, valid_after=after, valid_before=before)
    lifetimes = grant.lifetimes.of(kind)
    try:
        period = periods.decide(drafts.by_default(asked, grant), asked, grant, NOW)
        periods.judge(period, lifetimes, NOW)
    except (BadRequest, Forbidden):
        return
    length = timedelta(seconds=period.before - period.after)
    assert period.before >= SECOND
    assert lifetimes.shortest <= length <= lifetimes.longest + lifetimes.backdate
