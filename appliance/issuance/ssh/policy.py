"""For whom an authority, or a provisioner, may sign SSH certificates.

Users and hosts have rules of their own; where only one side has any, there are no certificates for
the other. A user's principals are names of accounts and email addresses, a host's are domains and
addresses. Each is judged by itself as names of X.509 certificates are (`issuance.policy`).

OpenSSH takes a certificate without principals for everybody's, and `*` and `?` in those of a host
for any letters, so neither passes where there are rules.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from appliance.formats import names
from appliance.formats.mailbox import Mailbox
from appliance.issuance import name_patterns as patterns
from appliance.issuance.name_patterns import Address
from appliance.issuance.policy import Pattern, Rules, compiled, quoted, why_not
from appliance.model.errors import Forbidden
from appliance.model.names import SanKind
from appliance.model.ssh import CertificateType

T = TypeVar("T")

KINDS: Final = ("dns", "ip", "email", "principal")
"""What rules are about, by their keys in ca.json."""

_WILD: Final = frozenset("*?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalRules:
    """The rules for one side, read. `place` says in refusals whose rules they are."""

    place: str
    domains: Rules[tuple[str, ...]]
    addresses: Rules[Address]
    emails: Rules[Mailbox]
    accounts: Rules[str]

    @classmethod
    def compile(
        cls, allow: Mapping[str, Sequence[str]], deny: Mapping[str, Sequence[str]], *, place: str
    ) -> "PrincipalRules":
        """Read rules by their kind: dns, ip, email, principal. Raises BadPattern."""

        def rules(
            kind: str, read: Callable[[str], T], pattern: Callable[[str], Pattern[T]],
            denying: Callable[[str], Pattern[T]] | None = None,
        ) -> Rules[T]:  # fmt: skip
            return Rules(
                read=read,
                allow=compiled(allow.get(kind, ()), pattern, f"allow.{kind}"),
                deny=compiled(deny.get(kind, ()), denying or pattern, f"deny.{kind}"),
            )

        return cls(
            place=place,
            domains=rules("dns", patterns.read_domain, patterns.domain),
            addresses=rules("ip", patterns.read_address, patterns.address),
            emails=rules("email", patterns.read_email, patterns.email, patterns.email_in_any_case),
            accounts=rules("principal", patterns.fold, patterns.account),
        )

    def __bool__(self) -> bool:
        """Tell whether there is any rule."""
        return any(map(bool, self._all()))

    @property
    def allows_something(self) -> bool:
        """Tell whether there is a rule that allows, so that what none allows is refused."""
        return any(each.allow for each in self._all())

    def _all(self) -> tuple[Rules[tuple[str, ...]], Rules[Address], Rules[Mailbox], Rules[str]]:
        return self.domains, self.addresses, self.emails, self.accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalPolicy:
    """The rules for both sides; None: none for that one."""

    place: str
    user: PrincipalRules | None = None
    host: PrincipalRules | None = None

    def __bool__(self) -> bool:
        """Tell whether there is any rule."""
        return self.user is not None or self.host is not None

    def check(self, kind: CertificateType, principals: Sequence[str]) -> None:
        """Let a certificate's principals pass, or raise Forbidden with the one and the rule."""
        if not self:
            return
        rules = self.user if kind is CertificateType.USER else self.host
        if rules is None:
            other = "host" if kind is CertificateType.USER else "user"
            raise Forbidden(
                f"no SSH {kind.label} certificates are allowed by {self.place}: "
                f"it has rules for {other} certificates only"
            )
        named = [each for each in principals if each]
        if not named:
            raise Forbidden(
                f"an SSH certificate without principals is not allowed by {rules.place}: "
                "it would be for everybody"
            )
        judge = _judge_user if kind is CertificateType.USER else _judge_host
        for name in named:
            judge(rules, name)


def _judge_user(rules: PrincipalRules, name: str) -> None:
    match names.classify(name).kind:
        case SanKind.DNS:
            _hold(rules, name, "principal", rules.accounts)
        case SanKind.EMAIL:
            _hold(rules, name, "email", rules.emails)
        case SanKind.IP | SanKind.URI as kind:
            raise _refusal(rules, kind, name, "users have no such principals")


def _judge_host(rules: PrincipalRules, name: str) -> None:
    if not _WILD.isdisjoint(name):
        raise _refusal(rules, "dns", name, "it has wildcards")
    match names.classify(name).kind:
        case SanKind.DNS:
            _hold(rules, name, "dns", rules.domains)
        case SanKind.IP:
            _hold(rules, name, "ip", rules.addresses)
        case SanKind.EMAIL:
            _hold(rules, name, "email", rules.emails)
        case SanKind.URI as kind:
            raise _refusal(rules, kind, name, "hosts have no such principals")


def _hold(rules: PrincipalRules, name: str, kind: str, own: Rules[T]) -> None:
    if reason := why_not(name, kind, own, allows_something=rules.allows_something):
        raise _refusal(rules, kind, name, reason)


def _refusal(rules: PrincipalRules, kind: str, name: str, why: str) -> Forbidden:
    return Forbidden(f"{kind} name {quoted(name)} not allowed by {rules.place}: {why}")
