"""The other chains of what was issued, as the configuration knows them now (RFC 8555 7.4.2)."""

from dataclasses import dataclass, field

from appliance.authority.trust import Trust
from appliance.formats import pem
from appliance.issuance.acme import alternates

LABEL = "CERTIFICATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chains:
    """Chains of all issuers, each found once."""

    trust: Trust
    _found: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)

    def alternates(self, issuers: bytes) -> tuple[bytes, ...]:
        """Give the others of a certificate whose usual chain, without itself, is this (PEM)."""
        if not issuers:
            return ()
        if issuers not in self._found:
            self._found[issuers] = tuple(
                "".join(pem.encode(LABEL, each) for each in chain).encode()
                for chain in alternates.alternates(
                    tuple(pem.certificates(issuers)),
                    self.trust.intermediates,
                    (*self.trust.roots, *self.trust.federated_roots),
                )
            )
        return self._found[issuers]
