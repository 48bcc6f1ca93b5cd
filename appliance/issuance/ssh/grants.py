"""What a provisioner grants for SSH: one frozen value for each kind of request."""

import enum
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field

from appliance.formats.ssh.certificate import SshCertificate
from appliance.issuance.ssh.profiles import DEFAULT_SSH_PROFILE, SshProfile
from appliance.model.grants import ProvisionerRef, TokenUse
from appliance.model.ssh import CertificateType
from appliance.model.validity import Lifetimes, TimeOrDuration


class SshDefaultTemplate(enum.Enum):
    """What a certificate is made of where the provisioner has no template of its own."""

    GRANTED = enum.auto()  # type, key id and principals of the grant
    ADMIN = enum.auto()  # those of the request: admins of OIDC
    REQUESTED = enum.auto()  # the same: service accounts; data of the entry adds no extensions


class SshLifetimes(Struct, frozen=True, kw_only=True):
    """What a provisioner allows for each type of certificate."""

    user: Lifetimes
    host: Lifetimes

    def of(self, kind: CertificateType) -> Lifetimes:
        """Give those of a type."""
        return self.user if kind is CertificateType.USER else self.host


class SshGrant(Struct, frozen=True, kw_only=True):
    """Permission for one SSH certificate.

    `type`, `key_id` and `principals` are what templates see, and what the certificate gets by the
    default template. What the request says is held against the `token_` values: those that the
    token itself names (None or empty: any will do). `required` demands that the request name type,
    key id and principals. `valid_until` ends the credential behind the grant, and so the
    certificate. `claims` are those of the token, `authorization` what templates see as
    `.AuthorizationCrt`; `principal` and `x5c_certificate` (DER) are told to webhooks.
    """

    provisioner: ProvisionerRef
    subject: str
    token: TokenUse | None  # None: it may come again
    lifetimes: SshLifetimes
    type: CertificateType
    key_id: str
    principals: tuple[str, ...] | None  # None: templates see nil
    token_type: str = ""  # as spelled: `user` is not `User`
    token_principals: tuple[str, ...] = ()
    token_valid_after: TimeOrDuration = None
    token_valid_before: TimeOrDuration = None
    required: bool = False
    valid_until: datetime | None = None
    default: SshDefaultTemplate = SshDefaultTemplate.GRANTED
    claims: Mapping[str, object] = field(default_factory=dict)
    authorization: object = None
    x5c_certificate: bytes | None = None
    principal: str = ""
    profile: SshProfile = DEFAULT_SSH_PROFILE


class SshRenewalGrant(Struct, frozen=True, kw_only=True):
    """Permission to have a certificate again: its holder signed a token with its key."""

    provisioner: ProvisionerRef
    token: TokenUse | None
    certificate: SshCertificate
    lifetimes: SshLifetimes
