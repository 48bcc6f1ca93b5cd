"""Which names an authority, or a provisioner, may put into X.509 certificates.

Every name is judged by itself. What a deny rule matches is refused. As soon as there is any allow
rule, names of a kind without rules are refused; a kind with allow rules needs one that matches.
A common name passes where an allow rule for common names matches it, and where there are only deny
rules for them; otherwise it is judged as the kind of name that it looks like.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from appliance.formats import names
from appliance.formats.mailbox import Mailbox
from appliance.issuance import name_patterns as patterns
from appliance.issuance.name_patterns import Address
from appliance.model.errors import Forbidden, FormatError
from appliance.model.names import San, SanKind

T = TypeVar("T")
Name_contra = TypeVar("Name_contra", contravariant=True)

COMMON_NAME: Final = "cn"
KINDS: Final = (COMMON_NAME, "dns", "ip", "email", "uri")
"""What rules are about, by their keys in ca.json."""

_ORDER: Final = (SanKind.DNS, SanKind.IP, SanKind.EMAIL, SanKind.URI)


class BadPattern(FormatError):
    """A rule that cannot be read. `place` is where among the rules, such as `allow.dns[1]`."""

    def __init__(self, problem: str, place: str) -> None:
        super().__init__(problem)
        self.place = place


class Pattern(Protocol[Name_contra]):
    """A rule about names of one kind, in the form in which they are compared."""

    @property
    def written(self) -> str:
        """As in the configuration."""
        ...

    def matches(self, name: Name_contra, /) -> bool:
        """Say whether the rule is about the name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(Generic[T]):
    """The rules about one kind of names, and how such a name is read. `read` raises FormatError."""

    read: Callable[[str], T]
    allow: tuple[Pattern[T], ...]
    deny: tuple[Pattern[T], ...]

    def __bool__(self) -> bool:
        return bool(self.allow or self.deny)

    def denied_by(self, name: T) -> str | None:
        """Give the deny rule that is about the name, as it is written."""
        return next((rule.written for rule in self.deny if rule.matches(name)), None)

    def allowed_by(self, name: T) -> str | None:
        """Give the allow rule that is about the name, as it is written."""
        return next((rule.written for rule in self.allow if rule.matches(name)), None)

    def allows(self, name: T) -> bool:
        """Say whether the name may be, as far as the allow rules go."""
        return not self.allow or any(rule.matches(name) for rule in self.allow)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamePolicy:
    """All rules, read. `place` says in refusals whose rules they are."""

    place: str
    wildcards: bool
    common_names: Rules[str]
    domains: Rules[tuple[str, ...]]
    addresses: Rules[Address]
    emails: Rules[Mailbox]
    uris: Rules[tuple[str, ...]]

    @classmethod
    def compile(
        cls,
        allow: Mapping[str, Sequence[str]],
        deny: Mapping[str, Sequence[str]],
        *,
        wildcards: bool = False,
        place: str = "the policy",
    ) -> "NamePolicy":
        """Read rules by their kind: cn, dns, ip, email, uri. Raises BadPattern.

        `wildcards` lets allow rules match names that begin with `*.` (`allowWildcardNames`).
        """

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
            wildcards=wildcards,
            common_names=rules("cn", patterns.fold, patterns.common_name),
            domains=rules("dns", patterns.read_domain, patterns.domain),
            addresses=rules("ip", patterns.read_address, patterns.address),
            emails=rules("email", patterns.read_email, patterns.email, patterns.email_in_any_case),
            uris=rules("uri", patterns.read_uri, patterns.host_of_uri),
        )

    def __bool__(self) -> bool:
        """Tell whether there is any rule."""
        return bool(self.common_names or self.domains or self.addresses or self.emails or self.uris)

    def check(self, common_name: str, sans: Sequence[San]) -> None:
        """Let a certificate's names pass, or raise Forbidden with the name and the rule."""
        if not self:
            return
        for kind in _ORDER:
            for san in sans:
                if san.kind is kind:
                    self._judge(san, kind)
        if common_name:
            self._judge_common_name(common_name)

    def allowing(self, san: San) -> str:
        """Name the allow rule by which a name passes; nothing where there is none about it."""
        match san.kind:
            case SanKind.DNS:
                return _allowing(self.domains, san)
            case SanKind.IP:
                return _allowing(self.addresses, san)
            case SanKind.EMAIL:
                return _allowing(self.emails, san)
            case SanKind.URI:
                return _allowing(self.uris, san)

    def _judge_common_name(self, name: str) -> None:
        rules, folded = self.common_names, patterns.fold(name)
        if (rule := rules.denied_by(folded)) is not None:
            raise self._refusal(COMMON_NAME, name, f"deny.cn has {quoted(rule)}")
        if not (rules and rules.allows(folded)):
            self._judge(names.classify(name), COMMON_NAME)

    def _judge(self, san: San, called: str) -> None:
        match san.kind:
            case SanKind.DNS:
                self._hold(san, called, self.domains)
            case SanKind.IP:
                self._hold(san, called, self.addresses)
            case SanKind.EMAIL:
                self._hold(san, called, self.emails)
            case SanKind.URI:
                self._hold(san, called, self.uris)

    def _hold(self, san: San, called: str, rules: Rules[T]) -> None:
        """Hold one name against the rules of its kind. `called` is what a refusal calls it."""
        kind, name = san.kind, san.value
        if not rules and not self._allows_something() and kind in (SanKind.IP, SanKind.URI):
            return  # those without a host are not read in vain
        reason = why_not(name, kind, rules, allows_something=self._allows_something())
        if not reason and rules.allow and not self.wildcards and _is_wildcard(kind, name):
            reason = "allowWildcardNames is not set"
        if reason:
            raise self._refusal(called, name, reason)

    def _allows_something(self) -> bool:
        return any(
            (
                self.common_names.allow,
                self.domains.allow,
                self.addresses.allow,
                self.emails.allow,
                self.uris.allow,
            )
        )

    def _refusal(self, called: str, name: str, why: str) -> Forbidden:
        return Forbidden(f"{called} name {quoted(name)} not allowed by {self.place}: {why}")


def _allowing(rules: Rules[T], san: San) -> str:
    try:
        rule = rules.allowed_by(rules.read(san.value))
    except FormatError:
        return ""
    return "" if rule is None else f"allow.{san.kind} has {quoted(rule)}"


def why_not(name: str, kind: str, rules: Rules[T], *, allows_something: bool) -> str:
    """Say why a name is not allowed by the rules of its kind; nothing when it is.

    `allows_something` tells that there are allow rules of some kind.
    """
    if not rules and allows_something:
        return f"no rule allows {kind} names"
    try:
        read = rules.read(name)
    except FormatError as error:
        return error.public
    if (rule := rules.denied_by(read)) is not None:
        return f"deny.{kind} has {quoted(rule)}"
    return "" if rules.allows(read) else f"no rule in allow.{kind} matches"


def compiled(
    written: Sequence[str], pattern: Callable[[str], Pattern[T]], place: str
) -> tuple[Pattern[T], ...]:
    """Read the rules of one list. Raises BadPattern."""
    found = []
    for index, text in enumerate(written):
        try:
            found.append(pattern(text))
        except FormatError as error:
            raise BadPattern(error.public, f"{place}[{index}]") from error
    return tuple(found)


def _is_wildcard(kind: SanKind, name: str) -> bool:
    return kind is SanKind.DNS and name.startswith("*.")


def quoted(name: str) -> str:
    """Write a name for a refusal."""
    return json.dumps(name, ensure_ascii=False)
