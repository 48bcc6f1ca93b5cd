"""dns-persist-01: a TXT record that stays (draft-ietf-acme-dns-persist-02).

    _validation-persist.home.arpa. TXT "ca.home.arpa; accounturi=HASHED; policy=wildcard"

The URI is a hash over the record's own domain (or `*`), the account's key and its URL, so that what
a record lets one account do, no other can. With `policy=wildcard` it holds for the domain's
wildcard and for all names below; without, for the domain alone.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from appliance.formats import base64url, issue_value
from appliance.formats.issue_value import IssueValue
from appliance.issuance.acme.proofs import Flaw
from appliance.model.acme import ProblemType
from appliance.model.errors import FormatError

LABEL: Final = "_validation-persist"
_ANY_DOMAIN: Final = "*"
_MOST_ABOVE: Final = 4
_LEAST_LABELS: Final = 2  # nobody owns a name of one label
_ONCE: Final = ("accounturi", "policy", "persistuntil")
_SHOWN: Final = 200  # characters of a record


class Holder(Struct, frozen=True, kw_only=True):
    """An account: its URLs and the thumbprints of its keys, former ones too (4.2)."""

    urls: Sequence[str]
    thumbprints: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a record of a domain must say; `needs_policy`: for a wildcard, or a name below."""

    domain: str
    issuers: Sequence[str]
    holder: Holder
    needs_policy: bool
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A flaw or none; `until` is when the record ends, where it says so."""

    flaw: Flaw | None
    until: datetime | None = None


def places(domain: str) -> Iterator[tuple[str, bool]]:
    """Give the domains whose record could hold for one, the nearest first: (domain, is above)."""
    labels = domain.split(".")
    yield domain, False
    for depth in range(1, min(len(labels) - _LEAST_LABELS, _MOST_ABOVE) + 1):
        yield ".".join(labels[depth:]), True


def record_name(domain: str) -> str:
    """Give the name where a domain's record is."""
    return f"{LABEL}.{domain}"


def hash_prefix(account_url: str) -> str:
    """Give the directory's accountHashPrefix for accounts of such URLs."""
    return f"{account_url.rpartition('/account/')[0]}/account-hash/"


def account_uri(prefix: str, domain: str, thumbprint: str, account_url: str) -> str:
    """Hash an account for a domain, or for any (`*`) (4.1)."""
    name = domain.encode()
    octets = bytes([len(name)]) + name + thumbprint.encode() + account_url.encode()
    return f"{prefix}sha-256/{base64url.encode(hashlib.sha256(octets).digest())}"


def judge(values: Sequence[str], expected: Expected) -> Verdict:
    """Judge the TXT records of a domain: one must be it. The one that lasts longest counts."""
    flaws: list[Flaw] = []
    found: list[Verdict] = []
    for text in values:
        try:
            value = issue_value.parse(text)
        except FormatError as error:
            flaws.append(_malformed(f"{text[:_SHOWN]!r}: {error.public}"))
            continue
        if value.issuer not in expected.issuers:
            continue  # another CA's: none of our business (4.3.2)
        verdict = _of_record(value, expected)
        if verdict.flaw is None:
            found.append(verdict)
        else:
            flaws.insert(0, verdict.flaw)
    if found:
        return max(found, key=lambda each: each.until or datetime.max.replace(tzinfo=UTC))
    return Verdict(flaw=flaws[0] if flaws else _missing(values, expected))


def _of_record(value: IssueValue, expected: Expected) -> Verdict:
    for tag in _ONCE:
        if len(value.all(tag)) > 1:
            return Verdict(flaw=_malformed(f"the record of {expected.domain} says {tag} twice"))
    uris = value.all("accounturi")
    if not uris:
        return Verdict(flaw=_malformed(f"the record of {expected.domain} has no accounturi"))
    until, problem = _until(value, expected)
    if problem is not None:
        return Verdict(flaw=problem)
    if uris[0] not in _accepted(expected):
        return Verdict(
            flaw=_refused(
                f"the record of {expected.domain} is for the account {uris[0][:_SHOWN]}, "
                f"not {wanted_uri(expected)}"
            )
        )
    if expected.needs_policy and "wildcard" not in (each.lower() for each in value.all("policy")):
        return Verdict(
            flaw=_refused(
                f"the record of {expected.domain} is for {expected.domain} alone: it holds for "
                "wildcards and names below with policy=wildcard"
            )
        )
    return Verdict(flaw=None, until=until)


def _until(value: IssueValue, expected: Expected) -> tuple[datetime | None, Flaw | None]:
    """Read persistUntil, and see that it is not over."""
    written = value.all("persistuntil")
    if not written:
        return None, None
    if not (written[0].isascii() and written[0].isdecimal()):
        return None, _malformed(f"persistUntil={written[0][:_SHOWN]} is not a number of seconds")
    try:
        until = datetime.fromtimestamp(int(written[0]), UTC)
    except (ValueError, OverflowError, OSError):  # beyond the calendar
        return None, None
    if until < expected.now:
        return None, _refused(
            f"the record of {expected.domain} has ended at {until:%Y-%m-%dT%H:%M:%SZ}"
        )
    return until, None


def wanted_uri(expected: Expected) -> str:
    """Give the accounturi that the record should have."""
    url = expected.holder.urls[0]
    return account_uri(hash_prefix(url), expected.domain, expected.holder.thumbprints[0], url)


def _accepted(expected: Expected) -> frozenset[str]:
    holder = expected.holder
    return frozenset(
        account_uri(hash_prefix(at), domain, thumbprint, url)
        for at in holder.urls
        for url in holder.urls
        for domain in (expected.domain, _ANY_DOMAIN)
        for thumbprint in holder.thumbprints
    )


def _missing(values: Sequence[str], expected: Expected) -> Flaw:
    found = ", ".join(repr(each[:_SHOWN]) for each in values[:10]) or "none"
    policy = "; policy=wildcard" if expected.needs_policy else ""
    return _refused(
        f"no TXT record of {record_name(expected.domain)} is "
        f'"{expected.issuers[0]}; accounturi={wanted_uri(expected)}{policy}"; found: {found}'
    )


def _malformed(text: str) -> Flaw:
    return Flaw(type=ProblemType.MALFORMED, text=text, is_final=False)


def _refused(text: str) -> Flaw:
    return Flaw(type=ProblemType.UNAUTHORIZED, text=text, is_final=False)
