"""What a provisioner grants: one frozen value, from which the rest of issuing follows."""

from dataclasses import dataclass
from datetime import datetime

from appliance.model.names import San
from appliance.model.validity import Lifetimes


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
class Grant:
    """Permission for one X.509 certificate.

    `sans` are what the certificate gets; `common_names` are what the request's may be (as the token
    spells them).
    """

    provisioner: ProvisionerRef
    subject: str
    common_names: tuple[str, ...]
    sans: tuple[San, ...]
    lifetimes: Lifetimes
    token: TokenUse
    csr_fingerprint: bytes | None = None  # SHA-256 of the CSR's DER, when the token is bound to it
    step_extension: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationGrant:
    """Permission to revoke the certificate that `subject` names: its serial in decimal."""

    provisioner: ProvisionerRef
    subject: str
    token: TokenUse


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A certificate that its holder proved to own, by TLS or by a signed token."""

    certificate: bytes  # DER
    chain: tuple[bytes, ...]  # DER, the issuers as presented; empty when only the leaf was sent
    checked_at: datetime
