"""What a policy lets pass is what its rules say, whatever the rules and whatever the names."""

from contextlib import suppress
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from appliance.formats import idn, mailbox, names
from appliance.issuance import drafts, name_patterns, requests, rules
from appliance.issuance.grants import Grant
from appliance.issuance.policy import KINDS, BadPattern, NamePolicy
from appliance.issuance.subjects import SubjectDefaults
from appliance.model.errors import Forbidden, FormatError
from appliance.model.grants import ProvisionerRef, TokenUse
from appliance.model.names import San, SanKind
from appliance.model.validity import Lifetimes, Validity
from tests.support.authority import START, shared_hierarchy
from tests.support.requests import key_of, signing_request

label = st.sampled_from(["a", "b", "example", "B", "xn--bcher-kva", "bücher", "a_b", "", "*"])
domain = st.lists(label, min_size=1, max_size=3).map(".".join)
address = st.sampled_from(["10.0.0.1", "10.0.0.0/8", "::1", "fd00::/8", "::ffff:10.0.0.1"])
email = st.builds("{}@{}".format, st.sampled_from(["a", "A", "", '"x y"', "a.b"]), domain)
uri = st.builds("{}{}{}".format, st.sampled_from(["https://", "urn:", "", "s://u@"]), domain,
                st.sampled_from(["", ":1", "/p", "?q"]))  # fmt: skip
anything = domain | address | email | uri | st.text(max_size=8)
written = st.dictionaries(
    st.sampled_from(KINDS), st.lists(anything, min_size=1, max_size=2), max_size=3
)
sans = st.lists(anything.filter(bool).map(names.classify), max_size=3)


def compiled(
    allow: dict[str, list[str]], deny: dict[str, list[str]], *, wildcards: bool = False
) -> NamePolicy | None:
    with suppress(BadPattern):
        return NamePolicy.compile(allow, deny, wildcards=wildcards)
    return None


def passes(policy: NamePolicy, common_name: str, listed: list[San]) -> bool:
    try:
        policy.check(common_name, listed)
    except Forbidden:
        return False
    return True


@given(written, written, anything, sans, st.booleans())
def test_deny_beats_allow(
    allow: dict[str, list[str]],
    deny: dict[str, list[str]],
    common_name: str,
    listed: list[San],
    wildcards: bool,
) -> None:
    """No allow rule brings back what the deny rules alone refuse, and none raises but Forbidden."""
    both, alone = compiled(allow, deny, wildcards=wildcards), compiled({}, deny)
    if both is not None and alone is not None and passes(both, common_name, listed):
        assert passes(alone, "", listed)
        assert alone.common_names.denied_by(name_patterns.fold(common_name)) is None


@given(written, anything, sans)
def test_what_passes_is_named_by_a_rule_of_its_kind(
    allow: dict[str, list[str]], common_name: str, listed: list[San]
) -> None:
    """With allow rules only, each name alone passes, and its kind has a rule."""
    policy = compiled(allow, {}, wildcards=True)
    if policy and passes(policy, common_name, listed):
        for san in listed:
            assert passes(policy, "", [san])
            assert allow.get(san.kind.value)


@given(anything.filter(lambda name: "*" not in name), st.booleans())
def test_a_domain_rule_covers_itself_or_one_label_below(name: str, below: bool) -> None:
    pattern = f"*.{name}" if below else name
    policy = compiled({"dns": [pattern]}, {})
    if policy is None:
        return
    san = San(kind=SanKind.DNS, value=name)
    under = San(kind=SanKind.DNS, value=f"x.{name}")
    twice = San(kind=SanKind.DNS, value=f"y.x.{name}")
    assert passes(policy, "", [under]) is below
    assert not passes(policy, "", [twice])
    assert passes(policy, "", [san]) is (not below and name == name.strip())


@given(st.text(max_size=20) | anything)
def test_readers_of_names_raise_only_our_error(name: str) -> None:
    for reader in (
        idn.lookup_form, idn.check_encoded, mailbox.parse, name_patterns.read_domain,
        name_patterns.read_email, name_patterns.read_uri, name_patterns.read_address,
        name_patterns.domain, name_patterns.email, name_patterns.address,
        name_patterns.host_of_uri, name_patterns.common_name,
    ):  # fmt: skip
        with suppress(FormatError):
            reader(name)


@given(domain)
def test_the_form_for_lookups_is_its_own(name: str) -> None:
    with suppress(FormatError):
        found = idn.lookup_form(name)
        assert found.isascii()
        assert idn.lookup_form(found) == found


PERMITTED = [San(kind=SanKind.DNS, value=f"{each}.example") for each in "abcd"] + [
    San(kind=SanKind.IP, value="10.0.0.1"),
    San(kind=SanKind.EMAIL, value="a@a.example"),
    San(kind=SanKind.URI, value="https://b.example/x"),
]
KEY = key_of("P-256")
ISSUER = shared_hierarchy().issuer
VALIDITY = Validity(not_before=START, not_after=START + timedelta(days=1))
GRANT = Grant(
    provisioner=ProvisionerRef(type="JWK", name="p", id="p:k", credential_id="k"),
    subject="a.example",
    common_names=("a.example",),
    sans=(),
    lifetimes=Lifetimes(
        shortest=timedelta(), longest=timedelta(), default=timedelta(), backdate=timedelta()
    ),
    token=TokenUse(reuse_key="k", raw="t"),
)
some = st.lists(st.sampled_from(PERMITTED), unique=True)
common = st.sampled_from(["", "a.example", "b.example"])
rules_of = st.dictionaries(
    st.sampled_from(KINDS),
    st.lists(st.sampled_from(["a.example", "*.example", "10.0.0.0/8", "@a.example"]), max_size=2),
)


@given(some, some, common, rules_of, rules_of)
def test_a_permitted_draft_lies_inside_its_grant_and_its_policy(
    granted: list[San],
    asked: list[San],
    common_name: str,
    allow: dict[str, list[str]],
    deny: dict[str, list[str]],
) -> None:
    """Whatever a request says, the certificate's names are granted ones that no rule is against."""
    policy = compiled(allow, deny)
    csr = signing_request(KEY, common_name, [each.value for each in asked])
    request = requests.read(csr.encode())
    grant = replace(GRANT, sans=tuple(granted))
    if policy is None:
        return
    try:
        rules.permit(request, grant)
        draft = drafts.leaf(
            request, grant, SubjectDefaults({}).subject(grant.subject), VALIDITY, ISSUER
        )
        policy.check(draft.common_name, draft.sans)
    except Forbidden:
        return
    assert draft.common_name == grant.subject
    assert set(draft.sans) == set(granted)
    assert set(asked) <= set(granted)
    allowing, refusing = compiled(allow, {}), compiled({}, deny)
    assert allowing is not None
    assert refusing is not None
    for san in draft.sans:
        assert passes(allowing, "", [san])
        assert passes(refusing, "", [san])
