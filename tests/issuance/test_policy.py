"""Name policies judge as step-ca does, save where its rules can be passed by."""

import json
from pathlib import Path

import pytest

from appliance.formats import names
from appliance.issuance.policy import KINDS, BadPattern, NamePolicy
from appliance.model.errors import Forbidden
from appliance.model.names import San, SanKind
from tests.issuance import record_policies
from tests.issuance.policies import PATTERNS, POLICIES

RECORDED = json.loads((Path(__file__).parent / "golden" / "policies.json").read_text())

STRICTER = {
    ("deny below a domain", "*.example"),
    ("deny what common names look like", "*.example"),
    ("deny an email", "ROOT@example.com"),
    ("deny a common name", "host.example"),
    ("deny a common name that a DNS rule allows", "host.example"),
}
"""What step-ca issues although a rule denies it (homelab.md, section 10)."""


def verdict(policy: NamePolicy, common_name: str, sans: list[str]) -> str:
    try:
        policy.check(common_name, [names.classify(each) for each in sans])
    except Forbidden as error:
        return error.public
    return ""


@pytest.mark.parametrize("name", POLICIES)
def test_names_are_judged_as_step_ca_judges_them(name: str) -> None:
    """What it cannot parse it answers with 500, or not at all: that is a refusal here."""
    written = POLICIES[name][0]
    policy = NamePolicy.compile(
        written.get("allow", {}),
        written.get("deny", {}),
        wildcards=written.get("allowWildcardNames", False),
    )
    assert len(RECORDED["judged"][name]) == len(POLICIES[name][1])
    for common_name, sans, status, message in RECORDED["judged"][name]:
        told = verdict(policy, common_name, sans)
        stricter = (name, common_name if common_name != "ok" else sans[0]) in STRICTER
        assert (status == 201) is (not told or stricter), (common_name, sans, told)
        if status == 403:  # the same name of the same kind comes first
            said = message.removeprefix("The request was forbidden by the certificate authority: ")
            assert told.startswith(f"{said} by "), (said, told)


@pytest.mark.parametrize("kind", KINDS)
def test_patterns_are_good_for_step_ca_and_here_alike(kind: str) -> None:
    for pattern in PATTERNS[kind]:
        try:
            NamePolicy.compile({kind: [pattern]}, {})
            accepted = True
        except BadPattern:
            accepted = False
        assert accepted is RECORDED["patterns"][kind][pattern], pattern


@pytest.mark.parametrize(
    ("common_name", "san", "told"),
    [
        ("", "bad.example", 'dns name "bad.example" not allowed by P: deny.dns has "BAD.example"'),
        ("", "a.other", 'dns name "a.other" not allowed by P: no rule in allow.dns matches'),
        ("", "10.0.0.1", 'ip name "10.0.0.1" not allowed by P: no rule allows ip names'),
        ("", "*.example", 'dns name "*.example" not allowed by P: allowWildcardNames is not set'),
        ("a b", "", "cn name \"a b\" not allowed by P: 'a b' is not a domain name"),
        ("bad.example", "", 'cn name "bad.example" not allowed by P: deny.dns has "BAD.example"'),
        (
            "x\n\x1b",
            "",
            "cn name \"x\\n\\u001b\" not allowed by P: 'x\\n\\x1b' is not a domain name",
        ),
    ],
)
def test_a_refusal_says_which_name_and_which_rule(common_name: str, san: str, told: str) -> None:
    policy = NamePolicy.compile({"dns": ["*.example"]}, {"dns": ["BAD.example"]}, place="P")
    assert verdict(policy, common_name, [san] if san else []) == told


def test_deny_rules_for_common_names_alone_let_every_other_one_pass() -> None:
    """As in step-ca: such a policy says nothing else about them."""
    policy = NamePolicy.compile({"dns": ["*.example"]}, {"cn": ["root"]}, place="P")
    assert verdict(policy, "Anybody Else", []) == ""
    assert verdict(policy, "Root", []) == 'cn name "Root" not allowed by P: deny.cn has "root"'


def test_a_bad_pattern_is_told_with_its_place() -> None:
    with pytest.raises(BadPattern) as raised:
        NamePolicy.compile({"dns": ["a.example"]}, {"email": ["@x.y", "*@x.y"]})
    assert raised.value.place == "deny.email[1]"
    assert "'*@x.y'" in raised.value.public


def test_an_address_of_a_certificate_is_judged_in_any_notation() -> None:
    """A mapped IPv4 address is the IPv4 address, wherever it comes from."""
    policy = NamePolicy.compile({"ip": ["10.0.0.0/8"]}, {"ip": ["10.1.1.1"]})
    policy.check("", [San(kind=SanKind.IP, value="::ffff:10.0.0.1")])
    with pytest.raises(Forbidden):
        policy.check("", [San(kind=SanKind.IP, value="::ffff:a01:101")])


@pytest.mark.reference
def test_step_ca_still_judges_so(tmp_path: Path) -> None:
    """The recording is what the reference on PATH does."""
    assert record_policies.record(tmp_path) == RECORDED
