"""Which CAA records let a CA issue: RFC 8659, and the parameters of RFC 8657."""

import pytest

from appliance.issuance.acme import caa
from appliance.issuance.acme.caa import Issuance
from appliance.model.caa import CaaRecord

URL = "https://ca.example/acme/acme/account/1"


def records(*written: str) -> tuple[CaaRecord, ...]:
    """Records as `issue ca.example`, a critical one with `!` before the tag."""
    found = []
    for each in written:
        tag, _, value = each.partition(" ")
        found.append(
            CaaRecord(critical=tag.startswith("!"), tag=tag.removeprefix("!"), value=value)
        )
    return tuple(found)


def objection(*written: str, method: str = "dns-01", is_wildcard: bool = False) -> str:
    asked = Issuance(
        issuers=("ca.example", "other.example"),
        account_urls=(URL,),
        method=method,
        is_wildcard=is_wildcard,
    )
    return caa.objection("app.example", records(*written), asked)


def test_the_name_is_asked_for_first_and_then_each_above_but_never_the_root() -> None:
    """RFC 8659 3; of a wildcard, the name without it."""
    assert list(caa.climb("*.a.b.example")) == ["a.b.example", "b.example", "example"]


@pytest.mark.parametrize(
    "written",
    [
        (),
        ("iodef mailto:me@example.com",),
        ("issue ca.example",),
        ("issue letsencrypt.org", "issue OTHER.example"),
        ("issue ca.example; unknown=1",),
        ("!issue ca.example",),
        ("issuewild letsencrypt.org",),  # 4.3: says nothing of names that are no wildcards
        ("issuemail ;",),  # RFC 9495
        (f"issue ca.example; accounturi={URL}",),
        ("issue ca.example; validationmethods=http-01,dns-01",),
        ("issue ca.example; accounturi=https://x/1", f"issue ca.example; accounturi={URL}"),
    ],
)
def test_these_let_us_issue(written: tuple[str, ...]) -> None:
    assert objection(*written) == ""


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (("issue letsencrypt.org",), "its names are ca.example, other.example"),
        (("issue ;",), "do not let this CA issue"),
        (("issue %%%%%",), "is not the domain name of a CA"),  # 4.2: lets nobody
        (("issue ca.example", "!tbs unknown"), "critical property 'tbs'"),  # 4.1
        (("issue ca.example; accounturi=https://ca.example/2",), "the account https://"),
        ((f"issue ca.example; accounturi={URL}; accounturi={URL}",), "the account"),
        (("issue ca.example; validationmethods=http-01",), "by http-01, not dns-01"),
        (("issue ca.example; validationmethods=",), "not dns-01"),
    ],
)
def test_these_do_not_and_it_is_said_why(written: tuple[str, ...], why: str) -> None:
    told = objection(*written)
    assert why in told
    assert "app.example" in told


def test_for_wildcards_issuewild_stands_before_issue() -> None:
    """RFC 8659 4.3."""
    both = ("issue ca.example", "issuewild ;")
    assert objection(*both) == ""
    assert "issuewild" in objection(*both, is_wildcard=True)
    assert objection("issue ;", "issuewild ca.example", is_wildcard=True) == ""
    assert objection("issue ca.example", is_wildcard=True) == ""


def test_a_ca_without_a_name_says_how_it_gets_one() -> None:
    asked = Issuance(issuers=(), account_urls=(), method="dns-01", is_wildcard=False)
    told = caa.objection("app.example", records("issue letsencrypt.org"), asked)
    assert "caaIdentities" in told
