"""Do the CAA records of a domain let us issue? (RFC 8659, and its parameters of RFC 8657)

The records that count are those of the name itself or, where it has none, of the nearest name above
that has some: never of both.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from appliance.formats import issue_value
from appliance.formats.issue_value import IssueValue
from appliance.model.caa import CaaRecord
from appliance.model.errors import FormatError

_KNOWN: Final = frozenset(
    {"issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"}
)
_SHOWN: Final = 120  # characters of a record


class Issuance(Struct, frozen=True, kw_only=True):
    """What is to be issued by whom: our names, the account's URLs, the type of the challenge."""

    issuers: Sequence[str]
    account_urls: Sequence[str]
    method: str
    is_wildcard: bool


def climb(domain: str) -> Iterator[str]:
    """Give the names at which records may be, the nearest first; without the root (RFC 8659 3)."""
    labels = domain.removeprefix("*.").split(".")
    for depth in range(len(labels)):
        yield ".".join(labels[depth:])


def objection(domain: str, records: Sequence[CaaRecord], asked: Issuance) -> str:
    """Say why the records of a domain keep us from issuing; empty: they do not."""
    for record in records:
        if record.critical and record.tag not in _KNOWN:
            return f"the CAA records of {domain} have the critical property {record.tag[:40]!r}"
    governing = [each for each in records if each.tag == "issue"]
    if asked.is_wildcard:  # RFC 8659 4.3
        governing = [each for each in records if each.tag == "issuewild"] or governing
    if not governing:
        return ""
    reasons = [_reason(each.value, asked) for each in governing]
    if "" in reasons:
        return ""
    shown = ", ".join(f'{each.tag} "{each.value[:_SHOWN]}"' for each in governing[:10])
    return f"the CAA records of {domain} ({shown}) do not let this CA issue: {reasons[0]}"


def _reason(text: str, asked: Issuance) -> str:
    """Say why one record does not let us; empty: it does."""
    try:
        value = issue_value.parse(text)
    except FormatError as error:  # such a record lets nobody issue (RFC 8659 4.2)
        return error.public
    if not value.issuer or value.issuer not in asked.issuers:
        ours = ", ".join(asked.issuers)
        return f"its names are {ours}" if ours else "it has no names (`caaIdentities`)"
    return _of_account(value, asked) or _of_method(value, asked)


def _of_account(value: IssueValue, asked: Issuance) -> str:
    """RFC 8657 3: the account must be the one, and only one can be said."""
    wanted = value.all("accounturi")
    if not wanted or (len(wanted) == 1 and wanted[0] in asked.account_urls):
        return ""
    return f"they are for the account {wanted[0][:_SHOWN]}"


def _of_method(value: IssueValue, asked: Issuance) -> str:
    """RFC 8657 4."""
    wanted = value.all("validationmethods")
    if not wanted or (len(wanted) == 1 and asked.method in wanted[0].split(",")):
        return ""
    return f"they are for validation by {wanted[0][:_SHOWN]}, not {asked.method}"
