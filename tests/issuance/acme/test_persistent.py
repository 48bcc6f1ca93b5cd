"""dns-persist-01 (draft-ietf-acme-dns-persist-02) and dns-account-01, by their drafts' examples."""

from datetime import UTC, datetime

import pytest

from appliance.issuance.acme import challenges, persistent
from appliance.issuance.acme.persistent import Expected, Holder, Verdict
from appliance.model.acme import ProblemType

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL, PREFIX = "https://ca.example/acct/123", "https://ca.example/account-hash/"
THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
HOLDER = Holder(
    urls=("https://ca.example/acme/p/account/1",), thumbprints=(THUMBPRINT, "former-key")
)


def uri(domain: str = "home.arpa", thumbprint: str = THUMBPRINT) -> str:
    url = HOLDER.urls[0]
    return persistent.account_uri(persistent.hash_prefix(url), domain, thumbprint, url)


def judge(*values: str, needs_policy: bool = False) -> Verdict:
    expected = Expected(
        domain="home.arpa",
        issuers=("ca.example", "ca2.example"),
        holder=HOLDER,
        needs_policy=needs_policy,
        now=NOW,
    )
    return persistent.judge(values, expected)


@pytest.mark.parametrize(
    ("domain", "digest"),
    [
        ("example.com", "5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw"),
        ("*", "NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug"),
    ],
)
def test_the_draft_s_example_of_a_hashed_uri(domain: str, digest: str) -> None:
    """10.2."""
    assert persistent.account_uri(PREFIX, domain, THUMBPRINT, URL) == f"{PREFIX}sha-256/{digest}"


def test_the_prefix_is_where_the_account_is() -> None:
    assert persistent.hash_prefix(HOLDER.urls[0]) == "https://ca.example/acme/p/account-hash/"


@pytest.mark.parametrize(
    "value",
    [
        f"ca.example; accounturi={uri()}",
        f"CA2.EXAMPLE;accounturi={uri()};unknown=x",
        f"ca.example; accounturi={uri('*')}",
        f"ca.example; accounturi={uri(thumbprint='former-key')}",  # 4.1: keys that it had
        f"ca.example; accounturi={uri()}; persistUntil=1900000000",
        f"ca.example; accounturi={uri()}; policy=WILDCARD",
    ],
)
def test_records_that_prove(value: str) -> None:
    assert judge("v=spf1 -all", "letsencrypt.org; accounturi=x", value).flaw is None


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ("letsencrypt.org; accounturi=x", ProblemType.UNAUTHORIZED, "ca.example; accounturi="),
        ("ca.example", ProblemType.MALFORMED, "no accounturi"),
        ("ca.example; accounturi=a; accounturi=a", ProblemType.MALFORMED, "accounturi twice"),
        (
            f"ca.example; accounturi={HOLDER.urls[0]}",  # the form of -01
            ProblemType.UNAUTHORIZED,
            "is for the account https://ca.example/acme/p/account/1, not",
        ),
        (f"ca.example; accounturi={uri('other.arpa')}", ProblemType.UNAUTHORIZED, "not"),
        (f"ca.example; accounturi={uri().upper()}", ProblemType.UNAUTHORIZED, "not"),
        (f"ca.example; accounturi={uri()}; persistUntil=soon", ProblemType.MALFORMED, "soon"),
        (f"ca.example; accounturi={uri()}; persistUntil=1", ProblemType.UNAUTHORIZED, "has ended"),
        ("ca.example accounturi", ProblemType.MALFORMED, "is not the domain name"),
    ],
)
def test_records_that_do_not_and_why(value: str, kind: ProblemType, text: str) -> None:
    """8.3.1: which problem is of which type."""
    flaw = judge(value).flaw
    assert flaw is not None
    assert flaw.type is kind
    assert text in flaw.text
    assert not flaw.is_final  # a record can be mended


def test_wildcards_and_names_below_need_the_policy() -> None:
    """4.1.4, 5.1."""
    plain, wild = f"ca.example; accounturi={uri()}", f"ca.example; accounturi={uri()}; policy="
    flaw = judge(plain, needs_policy=True).flaw
    assert flaw is not None
    assert "policy=wildcard" in flaw.text
    assert judge(f"{wild}other", needs_policy=True).flaw is not None
    assert judge(plain, f"{wild}Wildcard", needs_policy=True).flaw is None


def test_the_record_that_lasts_longest_counts() -> None:
    """4.1.5: an authorization lasts no longer than its record."""
    short = f"ca.example; accounturi={uri()}; persistUntil=1800000000"
    long = f"ca.example; accounturi={uri()}; persistUntil=1900000000"
    assert judge(short).until == datetime.fromtimestamp(1_800_000_000, UTC)
    assert judge(short, long).until == datetime.fromtimestamp(1_900_000_000, UTC)
    assert judge(short, f"ca.example; accounturi={uri()}").until is None


def test_domains_above_are_asked_for_but_none_of_a_single_label() -> None:
    assert list(persistent.places("a.b.home.arpa")) == [
        ("a.b.home.arpa", False), ("b.home.arpa", True), ("home.arpa", True),
    ]  # fmt: skip
    assert list(persistent.places("nas")) == [("nas", False)]


def test_the_draft_s_example_of_an_account_s_label() -> None:
    """draft-ietf-acme-dns-account-label 3.2."""
    url = "https://example.com/acme/acct/ExampleAccount"
    assert challenges.account_label(url) == "_ujmmovf2vn55tgye"
