"""What a policy lets pass is what its rules say, whatever the rules and whatever the names."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from appliance.formats import idn, mailbox, names
from appliance.issuance import name_patterns
from appliance.issuance.policy import KINDS, BadPattern, NamePolicy
from appliance.model.errors import Forbidden, FormatError
from appliance.model.names import San, SanKind

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


@given(anything, st.booleans())
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
