"""What a CA certificate allows below it: name constraints (RFC 5280 4.2.1.10), as Go reads them."""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlsplit

from cryptography import x509

from appliance.formats.certificates import UNREADABLE, load
from appliance.model.errors import FormatError
from appliance.model.names import San, SanKind

_KINDS: dict[type[x509.GeneralName], SanKind] = {
    x509.DNSName: SanKind.DNS,
    x509.RFC822Name: SanKind.EMAIL,
    x509.UniformResourceIdentifier: SanKind.URI,
    x509.IPAddress: SanKind.IP,
}


def of_authorities(certificates: Iterable[bytes]) -> tuple[x509.NameConstraints, ...]:
    """Collect the constraints of CA certificates in DER. Raises FormatError."""
    found = []
    for certificate in certificates:
        try:
            extensions = load(certificate).extensions
            found.append(extensions.get_extension_for_class(x509.NameConstraints).value)
        except x509.ExtensionNotFound:
            continue
        except UNREADABLE as error:
            raise FormatError("a CA certificate cannot be read", detail=str(error)) from error
    return tuple(found)


def are_understood(constraints: x509.NameConstraints) -> bool:
    """Say whether all of them are of the four kinds that are judged here."""
    every = [*(constraints.permitted_subtrees or ()), *(constraints.excluded_subtrees or ())]
    return all(type(each) in _KINDS for each in every)


def violation(names: Iterable[San], constraints: x509.NameConstraints) -> str:
    """Say in words which of the names is not allowed; empty when all are."""
    for san in names:
        if _first(san, constraints.excluded_subtrees or ()) is not None:
            return f"{san.kind} name {san.value!r} is excluded by the issuer's name constraints"
        permitted = [
            each
            for each in constraints.permitted_subtrees or ()
            if _KINDS.get(type(each)) is san.kind
        ]
        if permitted and _first(san, permitted) is None:
            return (
                f"{san.kind} name {san.value!r} is not permitted by the issuer's name constraints"
            )
    return ""


def _first(san: San, subtrees: Sequence[x509.GeneralName]) -> x509.GeneralName | None:
    """Find the first subtree that the name lies in."""
    matches = _MATCHES[san.kind]
    return next(
        (
            each
            for each in subtrees
            if _KINDS.get(type(each)) is san.kind and matches(san.value, each.value)
        ),
        None,
    )


def _in_domain(name: str, constraint: str) -> bool:
    """Say whether a DNS name is the constraint or below it; after a leading dot, below only."""
    name, constraint = name.rstrip(".").lower(), constraint.lower()
    if not constraint:
        return True
    if constraint.startswith("."):
        return name.endswith(constraint) and name != constraint
    return name == constraint or name.endswith(f".{constraint}")


def _is_mailbox(name: str, constraint: str) -> bool:
    """Say whether an email address is the constraint, or in its domain."""
    local, _, domain = name.rpartition("@")
    if "@" in constraint:
        wanted, _, wanted_domain = constraint.rpartition("@")
        return local == wanted and domain.lower() == wanted_domain.lower()
    return _in_domain(domain, constraint)


def _is_uri(name: str, constraint: str) -> bool:
    """Say whether the host of a URI is in the domain; an address never is."""
    try:
        host = urlsplit(name).hostname or ""
    except ValueError:
        return False
    return bool(host) and not _is_address(host) and _in_domain(host, constraint)


def _in_network(name: str, constraint: object) -> bool:
    if not isinstance(constraint, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return False
    return ipaddress.ip_address(name) in constraint


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


_MATCHES: dict[SanKind, Callable[..., bool]] = {
    SanKind.DNS: _in_domain,
    SanKind.EMAIL: _is_mailbox,
    SanKind.URI: _is_uri,
    SanKind.IP: _in_network,
}
