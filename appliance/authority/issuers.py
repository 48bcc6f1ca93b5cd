"""The intermediates that issue: one, or several at a time of change or for some provisioners."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.x509 import NameConstraints

from appliance.issuance.extensions import AUTHORITY_KEY_ID
from appliance.issuance.issuers import Issuer
from appliance.issuance.parsed import ParsedCertificate
from appliance.ports.signer import Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuingKey:
    """An intermediate with its key. The first one has no name.

    `chain` is what goes with its certificates: itself, then those above it, in DER. `constraints`
    are those of all CA certificates above what it issues.
    """

    name: str = ""
    issuer: Issuer
    signer: Signer
    chain: tuple[bytes, ...]
    constraints: tuple[NameConstraints, ...] = ()
    issues: bool = True  # False: it renews what it issued before, and issues nothing new

    def issued(self, certificate: ParsedCertificate) -> bool:
        """Say whether it is the issuer that a certificate names, by name and key."""
        if certificate.issuer != self.issuer.subject:
            return False
        mine, named = self.issuer.authority_key_id, certificate.extension(AUTHORITY_KEY_ID)
        return mine is None or named is None or mine.value == named.value


class Issuers:
    """All issuing keys of a configuration, the first of which is `crt` and `key` of ca.json."""

    def __init__(self, first: IssuingKey, others: Iterable[IssuingKey] = ()) -> None:
        self.first = first
        self._all = (first, *others)
        self._by_name: Mapping[str, IssuingKey] = {each.name: each for each in self._all}

    @property
    def all(self) -> tuple[IssuingKey, ...]:
        """Each of them, in the order of ca.json."""
        return self._all

    def named(self, name: str) -> IssuingKey:
        """Give the one that a provisioner names; one that issues nothing new gives way."""
        found = self._by_name.get(name, self.first)
        return found if found.issues else self.first

    def renewing(self, certificate: ParsedCertificate, now: datetime) -> IssuingKey:
        """Give the one that issued a certificate, while it outlives the certificate's next term.

        So the chain stays as clients know it until the intermediate is retired.
        """
        end = now + certificate.validity.length
        for each in self._all:
            if each.issued(certificate) and end <= each.issuer.validity.not_after:
                return each
        return self.first
