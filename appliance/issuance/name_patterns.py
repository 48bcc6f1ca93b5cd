"""What a policy's rules are made of: patterns for names of one kind, read once, matched often.

Written as step-ca's policies are: domains exactly or one label below (`*.example.com`), addresses
and their ranges, mailboxes or all of a domain (`@example.com`), hosts of URIs, common names.
"""

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from appliance.formats import gourl, idn, mailbox, names
from appliance.formats.mailbox import Mailbox
from appliance.model.errors import FormatError
from appliance.model.names import SanKind

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAPPED_BITS: Final = 96  # before the IPv4 address in an IPv4-mapped IPv6 address
_PORT: Final = re.compile(r":[0-9]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPattern:
    """A common name, whatever its case."""

    written: str
    folded: str

    def matches(self, folded: str) -> bool:
        """Compare with a name that `fold` made."""
        return folded == self.folded


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPattern:
    """An account's name, whatever its case, or `*`."""

    written: str
    folded: str

    def matches(self, folded: str) -> bool:
        """Compare with a name that `fold` made."""
        return self.folded in ("*", folded)


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainPattern:
    """A domain, or what has exactly one label before it."""

    written: str
    labels: tuple[str, ...]
    below: bool = False

    def matches(self, labels: tuple[str, ...]) -> bool:
        """Compare with the lower-case labels of a name."""
        return bool(labels[0]) and (labels[1:] if self.below else labels) == self.labels


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPattern:
    """One IP address or a range of them."""

    written: str
    network: Network

    def matches(self, address: Address) -> bool:
        """Say whether the address is in the range."""
        return address.version == self.network.version and address in self.network


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxPattern:
    """One email address, or all of a domain.

    The local part is in lower case. It is compared as it is (RFC 5280 7.5) unless `any_case`.
    """

    written: str
    domain: tuple[str, ...]
    local: str | None
    any_case: bool = False

    def matches(self, address: Mailbox) -> bool:
        """Compare with an address."""
        local = address.local.lower() if self.any_case else address.local
        return address.domain == self.domain and self.local in (None, local)


# ---- patterns, as a person wrote them


def common_name(written: str) -> TextPattern:
    """Read a common name. Raises FormatError, as all of these do."""
    text = _trimmed(written)
    if text == "*":
        raise FormatError("'*' is not a pattern for common names: name them one by one")
    return TextPattern(written=written, folded=fold(text))


def account(written: str) -> AccountPattern:
    """Read the name of an account; `*` is about all of them."""
    return AccountPattern(written=written, folded=fold(written))


def domain(written: str) -> DomainPattern:
    """Read `host.example.com` or `*.example.com`."""
    text = _trimmed(written)
    if text.startswith("."):
        raise FormatError(f"{written!r}: what is below a domain is written '*{text}'")
    below = text.startswith("*.")
    return DomainPattern(written=written, labels=_labels(text[2 * below :], written), below=below)


def address(written: str) -> AddressPattern:
    """Read an address, or a range such as `10.0.0.0/8`; octets after its length are ignored."""
    plain, slash, length = written.partition("/")
    try:
        parsed = ipaddress.ip_address("" if "%" in plain else plain)
        bits = int(length) if length.isascii() and length.isdigit() else -1
        network = ipaddress.ip_network((parsed, bits if slash else parsed.max_prefixlen), False)  # noqa: FBT003
    except ValueError:
        raise FormatError(f"{written!r} is neither an IP address nor a range of them") from None
    return AddressPattern(written=written, network=_unmapped(network))


def email(written: str) -> MailboxPattern:
    """Read `someone@example.com`, or `@example.com` or `example.com` for all of a domain."""
    text = _trimmed(written)
    if "*" in text or text.count("@") > 1:
        raise FormatError(f"{written!r}: all addresses of a domain are written '@example.com'")
    before, _, after = text.rpartition("@")
    try:
        local = mailbox.parse(text).local if before else None
        domain = _labels(after, written)
    except FormatError:
        raise FormatError(f"{written!r} is neither an email address nor a domain") from None
    if local is not None and mailbox.labels(local) is None:
        raise FormatError(f"{written!r}: the part before the @ is not plain ASCII text")
    return MailboxPattern(written=written, domain=domain, local=local)


def email_in_any_case(written: str) -> MailboxPattern:
    """Read as `email` does, for a rule that must not be passed by other capitals."""
    return replace(email(written), any_case=True)


def host_of_uri(written: str) -> DomainPattern:
    """Read a host as `domain` does: URIs are judged by the host in them."""
    text = _trimmed(written)
    if "://" in text:
        raise FormatError(f"{written!r}: write the host alone, without a scheme and a path")
    if names.classify(text).kind is SanKind.IP:
        raise FormatError(f"{written!r}: a host in a URI is compared by name, not by address")
    return domain(written)


# ---- names, as a certificate has them


def fold(text: str) -> str:
    """Fold the case of each character by itself, so that lengths stay (Unicode's C and S)."""
    return "".join(map(_folded, text))


def read_domain(name: str) -> tuple[str, ...]:
    """Give the labels of a DNS name; `*` may be the first. Raises FormatError, as all of these."""
    wildcard = name.startswith("*.")
    found = mailbox.labels("*" * wildcard + idn.lookup_form(name[wildcard:]))
    if found is None:
        raise FormatError(f"{name[:80]!r} is not a domain name")
    return found


def read_address(name: str) -> Address:
    """Give an IP address; a mapped IPv4 address is the IPv4 address."""
    try:
        return ipaddress.ip_address(names.canonical(SanKind.IP, name).value)
    except ValueError:
        raise FormatError(f"{name[:80]!r} is not an IP address") from None


def read_email(name: str) -> Mailbox:
    """Give the parts of an email address."""
    found = mailbox.parse(name)
    idn.check_encoded(".".join(found.domain))
    return found


def read_uri(name: str) -> tuple[str, ...]:
    """Give the labels of the host in a URI (RFC 5280 4.2.1.10: there must be one, not an IP)."""
    host = gourl.parse(name).host
    host = host if host.endswith("]") else _PORT.sub("", host)
    if not host or host.startswith("[") or "*" in host or ":" in host:
        raise FormatError(f"{name[:80]!r} has no host that a policy could judge")
    labels = mailbox.labels(host)
    if labels is None or names.classify(host).kind is SanKind.IP:
        raise FormatError(f"{name[:80]!r} has no host that a policy could judge")
    return labels


def _folded(character: str) -> str:
    for each in (character.casefold(), character.lower()):
        if len(each) == 1:
            return each
    return character


def _trimmed(written: str) -> str:
    text = written.strip().lower()
    if not text:
        raise FormatError("an empty pattern matches nothing: remove it")
    return text


def _labels(text: str, written: str) -> tuple[str, ...]:
    labels = None if text.startswith(".") else mailbox.labels(idn.lookup_form(text))
    if labels is None or not labels[0]:
        raise FormatError(f"{written!r} is not a domain, nor one after '*.'")
    return labels


def _unmapped(network: Network) -> Network:
    """Take a range of mapped IPv4 addresses as one of IPv4 addresses."""
    first = network.network_address
    mapped = first.ipv4_mapped if isinstance(first, ipaddress.IPv6Address) else None
    if mapped is None or network.prefixlen < _MAPPED_BITS:
        return network
    return ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
