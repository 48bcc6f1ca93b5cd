"""Does a certificate lead to a root, now, and for this host? (RFC 5280 section 6)

For a person who asks about any certificate, and for certificates in tokens. A purpose (extended
key usage) is judged where one is given, policies are not, and names in the subject do not count for
a host, as in Go.
"""

import ipaddress
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import MD5, SHA1
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from appliance.formats import names
from appliance.formats.certificates import UNREADABLE, load
from appliance.issuance import name_constraints
from appliance.model.errors import FormatError, Unauthorized
from appliance.model.names import San, SanKind

_Value = TypeVar("_Value", bound=x509.ExtensionType)

_LONGEST = 10  # certificates in a path
_MOST_SIGNATURES = 100  # tried before giving up on a maze of issuers
_HANDLED = {
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.CRL_DISTRIBUTION_POINTS,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.POLICY_MAPPINGS,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.POLICY_CONSTRAINTS,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.INHIBIT_ANY_POLICY,
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What a path may be made of, in DER: roots to end in, and certificates between."""

    roots: Sequence[bytes]
    between: Sequence[bytes] = ()


def verify(
    leaf: bytes,
    trust: Trust,
    *,
    now: datetime,
    host: str = "",
    purpose: x509.ObjectIdentifier | None = None,
) -> None:
    """Let a certificate (DER) pass that leads to a root.

    If they are given, it must be for the host, and it and all above it for the purpose, as far as
    they name purposes. Raises Unauthorized with the reason, FormatError for what cannot be read.
    """
    certificate = _load(leaf)
    search = _Search(_readable(trust.roots), _readable(trust.between), now, purpose)
    try:
        search.judge(certificate, [])
        if host:
            _check_host(certificate, host)
        if not search.leads_to_root(certificate, []):
            raise search.reason or Unauthorized("certificate signed by unknown authority")
    except UNREADABLE as error:
        raise FormatError("a certificate that cannot be read", detail=str(error)) from error


class _Search:
    """Looks for one path, depth first; remembers the first reason why one did not do."""

    def __init__(
        self,
        roots: list[x509.Certificate],
        between: list[x509.Certificate],
        now: datetime,
        purpose: x509.ObjectIdentifier | None,
    ) -> None:
        self.reason: Unauthorized | None = None
        self._roots = roots
        self._between = between
        self._now = now
        self._purpose = purpose
        self._left = _MOST_SIGNATURES

    def leads_to_root(self, certificate: x509.Certificate, below: list[x509.Certificate]) -> bool:
        """Say whether a path goes on from here to a root; `below` is the path so far."""
        if certificate in self._roots:
            return True
        if len(below) + 1 >= _LONGEST:
            return False
        path = [*below, certificate]
        return any(
            issuer in self._roots or self.leads_to_root(issuer, path)
            for issuer in self._issuers(certificate, path)
        )

    def judge(self, certificate: x509.Certificate, below: list[x509.Certificate]) -> None:
        """Check what one certificate says about itself and those below. Raises Unauthorized."""
        _check_time(certificate, self._now)
        _check_critical(certificate)
        if self._purpose is not None:
            _check_purpose(certificate, self._purpose)
        if below:
            _check_authority(certificate, below)
            _check_constraints(certificate, below)

    def _issuers(
        self, certificate: x509.Certificate, path: list[x509.Certificate]
    ) -> Iterator[x509.Certificate]:
        for candidate in (*self._roots, *self._between):
            if candidate.subject != certificate.issuer or candidate in path:
                continue
            self._left -= 1
            if self._left < 0:
                return
            try:
                _check_signature(certificate, candidate)
                self.judge(candidate, path)
            except Unauthorized as error:
                self.reason = self.reason or error
            else:
                yield candidate


def _check_time(certificate: x509.Certificate, now: datetime) -> None:
    shown = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    if now < certificate.not_valid_before_utc:
        start = f"{certificate.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ}"
        reason = f"current time {shown} is before {start}"
    elif now > certificate.not_valid_after_utc:
        end = f"{certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"
        reason = f"current time {shown} is after {end}"
    else:
        return
    raise Unauthorized(f"certificate has expired or is not yet valid: {reason}")


def _check_critical(certificate: x509.Certificate) -> None:
    for extension in certificate.extensions:
        value = extension.value
        understood = extension.oid in _HANDLED and (
            not isinstance(value, x509.NameConstraints) or name_constraints.are_understood(value)
        )
        if extension.critical and not understood:
            oid = extension.oid.dotted_string
            raise Unauthorized(f"a critical extension is not understood: {oid}")


def _check_purpose(certificate: x509.Certificate, purpose: x509.ObjectIdentifier) -> None:
    named = _value(certificate, x509.ExtendedKeyUsage)
    if named is not None and {purpose, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}.isdisjoint(
        named
    ):
        raise Unauthorized(f"{_named(certificate)} specifies an incompatible key usage")


def _check_authority(certificate: x509.Certificate, below: list[x509.Certificate]) -> None:
    constraints = _value(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        raise Unauthorized(f"{_named(certificate)} is not a certificate authority")
    others = sum(1 for each in below[1:] if each.subject != each.issuer)
    if constraints.path_length is not None and constraints.path_length < others:
        raise Unauthorized(f"too many intermediates below {_named(certificate)}")
    usage = _value(certificate, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise Unauthorized(f"the key of {_named(certificate)} may not sign certificates")


def _check_constraints(certificate: x509.Certificate, below: list[x509.Certificate]) -> None:
    constraints = _value(certificate, x509.NameConstraints)
    if constraints is None:
        return
    for each in below:
        if problem := name_constraints.violation(_names(each), constraints):
            raise Unauthorized(problem)


def _check_signature(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    if isinstance(certificate.signature_hash_algorithm, SHA1 | MD5):
        raise Unauthorized(f"{_named(certificate)} is signed with an insecure hash")
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE):
        raise Unauthorized(
            f"certificate signed by unknown authority: {_named(issuer)} did not sign it"
        ) from None


def _check_host(certificate: x509.Certificate, host: str) -> None:
    sans = _names(certificate)
    wanted = names.classify(host.removeprefix("[").removesuffix("]"))
    if wanted.kind is SanKind.IP:
        if wanted not in sans:
            known = ", ".join(san.value for san in sans if san.kind is SanKind.IP)
            raise Unauthorized(_not_for(host, known))
        return
    patterns = [san.value for san in sans if san.kind is SanKind.DNS]
    if not any(_is_host(host, pattern) for pattern in patterns):
        raise Unauthorized(_not_for(host, ", ".join(patterns)))


def _not_for(host: str, known: str) -> str:
    return f"certificate is valid for {known or 'no names of this kind'}, not {host}"


def _is_host(host: str, pattern: str) -> bool:
    """Match a name against one that may begin with a `*` label (RFC 6125 section 6.4.3)."""
    wanted, given = host.lower().rstrip(".").split("."), pattern.lower().split(".")
    if len(wanted) != len(given) or "" in wanted:
        return False
    if given[0] == "*":
        wanted, given = wanted[1:], given[1:]
    return bool(given) and wanted == given


def _names(certificate: x509.Certificate) -> list[San]:
    general = _value(certificate, x509.SubjectAlternativeName)
    found = []
    for name in general or ():
        match name:
            case x509.DNSName():
                found.append(San(kind=SanKind.DNS, value=name.value))
            case x509.RFC822Name():
                found.append(San(kind=SanKind.EMAIL, value=name.value))
            case x509.UniformResourceIdentifier():
                found.append(San(kind=SanKind.URI, value=name.value))
            case x509.IPAddress(value=ipaddress.IPv4Address() | ipaddress.IPv6Address() as ip):
                found.append(names.canonical(SanKind.IP, str(ip)))
            case _:
                pass
    return found


def _named(certificate: x509.Certificate) -> str:
    return f"'{certificate.subject.rfc4514_string()}'"


def _load(octets: bytes) -> x509.Certificate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of cryptography, about old roots of the system
        try:
            return load(octets)
        except FormatError as error:
            raise FormatError("a certificate that cannot be read", detail=error.detail) from error


def _readable(given: Sequence[bytes]) -> list[x509.Certificate]:
    """Load those that can be read; through the others no path can go."""
    found = []
    for each in given:
        with suppress(FormatError):
            found.append(_load(each))
    return found


def _value(certificate: x509.Certificate, kind: type[_Value]) -> _Value | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
