"""A permitted SSH draft lies inside its grant, its claims and its policy."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from appliance.formats.ssh import keys
from appliance.issuance.ssh import accounts, drafts, periods, rules
from appliance.issuance.ssh.grants import SshGrant, SshLifetimes
from appliance.issuance.ssh.policy import PrincipalPolicy, PrincipalRules
from appliance.issuance.ssh.requests import SshSigningRequest
from appliance.model.errors import BadRequest, Forbidden
from appliance.model.grants import ProvisionerRef
from appliance.model.ssh import CertificateType
from appliance.model.validity import Lifetimes
from tests.support.openssh import new_key

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = keys.of_key(new_key().public_key())
NAMES = st.sampled_from(
    ["jane", "Jane", "root", "j.d", "", "*", "jane@example.com", "root@example.com", "h.example",
     "a.h.example", "*.example", "h?.example", "10.0.0.1", "11.0.0.1", "urn:a:b"]
)  # fmt: skip
PRINCIPALS = st.lists(NAMES, max_size=4).map(tuple)
SPANS = st.integers(1, 200).map(lambda minutes: timedelta(minutes=minutes))
ASKED = st.one_of(
    st.none(),
    st.integers(-300, 300).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(-300, 300).map(lambda minutes: NOW + timedelta(minutes=minutes)),
)
RULES = st.builds(
    lambda allow, deny: PrincipalRules.compile(allow, deny, place="rules"),
    *[
        st.fixed_dictionaries(
            {},
            optional={
                "principal": st.lists(st.sampled_from(["jane", "root", "*"]), max_size=2),
                "email": st.lists(
                    st.sampled_from(["@example.com", "root@example.com"]), max_size=2
                ),
                "dns": st.lists(st.sampled_from(["h.example", "*.example"]), max_size=2),
                "ip": st.lists(st.sampled_from(["10.0.0.0/8", "11.0.0.1"]), max_size=2),
            },
        )
    ]
    * 2,
)


@given(
    shortest=SPANS, longest=SPANS, default=SPANS, asked=st.tuples(ASKED, ASKED),
    token=st.tuples(ASKED, ASKED), until=st.none() | st.integers(-60, 300),
    wanted=PRINCIPALS, granted=PRINCIPALS, kind=st.sampled_from(CertificateType),
)  # fmt: skip
def test_what_is_permitted_is_granted(
    *,
    shortest: timedelta,
    longest: timedelta,
    default: timedelta,
    asked: tuple[datetime | timedelta | None, datetime | timedelta | None],
    token: tuple[datetime | timedelta | None, datetime | timedelta | None],
    until: int | None,
    wanted: tuple[str, ...],
    granted: tuple[str, ...],
    kind: CertificateType,
) -> None:
    span = Lifetimes(
        shortest=shortest, longest=longest, default=default, backdate=timedelta(minutes=1)
    )
    valid_until = None if until is None else NOW + timedelta(minutes=until)
    grant = SshGrant(
        provisioner=ProvisionerRef(type="JWK", name="p", id="p"),
        subject="jane",
        token=None,
        lifetimes=SshLifetimes(user=span, host=span),
        type=kind,
        key_id="jane",
        principals=granted or ("jane",),
        token_type=kind.label,
        token_principals=granted,
        token_valid_after=token[0],
        token_valid_before=token[1],
        valid_until=valid_until,
    )
    request = SshSigningRequest(
        public_key=KEY, principals=wanted, valid_after=asked[0], valid_before=asked[1]
    )
    try:
        rules.permit(request, grant)
        draft = drafts.by_default(request, grant)
        period = periods.decide(draft, request, grant, NOW)
        periods.judge(period, span, NOW)
    except (BadRequest, Forbidden):
        return
    assert draft.type is kind
    assert draft.principals == grant.principals
    if granted:
        assert {each.lower() for each in wanted} <= {each.lower() for each in granted}
    length = timedelta(seconds=period.before - period.after)
    assert shortest <= length <= longest + timedelta(minutes=1)
    if valid_until is not None:
        assert period.before <= periods.seconds(valid_until)


@given(user=RULES, host=RULES, kind=st.sampled_from(CertificateType), principals=PRINCIPALS)
def test_what_a_policy_lets_pass_is_inside_it(
    user: PrincipalRules, host: PrincipalRules, kind: CertificateType, principals: tuple[str, ...]
) -> None:
    sides = {CertificateType.USER: user or None, CertificateType.HOST: host or None}
    policy = PrincipalPolicy(
        place="policy", user=sides[CertificateType.USER], host=sides[CertificateType.HOST]
    )
    try:
        policy.check(kind, principals)
    except Forbidden:
        return
    side = sides[kind]
    if side is None:
        assert not policy
        return
    assert any(principals)
    for name in filter(None, principals):
        policy.check(kind, [name])
        if kind is CertificateType.USER and "@" not in name:
            assert not any(rule.matches(name.lower()) for rule in side.accounts.deny)
            assert not side.allows_something or side.accounts.allow or side.accounts.deny
        if kind is CertificateType.HOST:
            assert not set("*?") & set(name)


@given(st.text(max_size=40))
def test_the_name_of_an_account_is_plain(email: str) -> None:
    local = email.rpartition("@")[0] if "@" in email else email
    found = accounts.of_email(email)
    assert len(set(found)) == len(found)
    assert "" not in found
    if local.strip("."):
        assert set(found[0]) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_")
