"""Who grants, by which token, and to the holder of which certificate."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionerRef:
    """A provisioner as certificates, rows and events name it.

    `id` is step-ca's (JWK: `name:kid`); `credential_id` is what the step provisioner extension
    carries beside type and name (JWK: the kid).
    """

    type: str
    name: str
    id: str
    credential_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUse:
    """The one-time token behind a grant, to be marked as used in the transaction that records."""

    reuse_key: str
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A certificate that its holder proved to own, by TLS or by a signed token."""

    certificate: bytes  # DER
    chain: tuple[bytes, ...]  # DER, the issuers as presented; empty when only the leaf was sent
