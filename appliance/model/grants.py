"""Who grants, by which token, and to the holder of which certificate."""

from msgspec import Struct


class ProvisionerRef(Struct, frozen=True, kw_only=True):
    """A provisioner as certificates, rows and events name it.

    `id` is step-ca's (JWK: `name:kid`); `credential_id` is what the step provisioner extension
    carries beside type and name (JWK: the kid).
    """

    type: str
    name: str
    id: str
    credential_id: str = ""


class TokenUse(Struct, frozen=True, kw_only=True):
    """The one-time token behind a grant, to be marked as used in the transaction that records."""

    reuse_key: str
    raw: str


class Credential(Struct, frozen=True, kw_only=True):
    """A certificate that its holder proved to own, by TLS or by a signed token."""

    certificate: bytes  # DER
    chain: tuple[bytes, ...]  # DER, the issuers as presented; empty when only the leaf was sent
