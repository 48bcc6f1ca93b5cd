"""What a provisioner grants: one frozen value, from which the rest of issuing follows."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import Struct, field

from appliance.issuance.profiles import DEFAULT_PROFILE, X509Profile
from appliance.model.grants import ProvisionerRef, TokenUse
from appliance.model.names import San
from appliance.model.validity import Lifetimes, Validity


class NameRule(enum.Enum):
    """How the names in a request are held against those that are granted."""

    EXACT = enum.auto()  # of each kind all that are granted, or none
    WITHIN = enum.auto()  # each is among `sans_within`
    ANY = enum.auto()  # they are not looked at


class DefaultTemplate(enum.Enum):
    """What a certificate is made of where the provisioner has no template of its own."""

    LEAF = enum.auto()  # the granted subject and names
    ADMIN_LEAF = enum.auto()  # subject and names of the request
    SERVER_LEAF = enum.auto()  # as LEAF, for servers alone
    CLIENT_LEAF = enum.auto()  # as LEAF, for clients alone
    ATTESTED_LEAF = enum.auto()  # the granted subject and permanent identifier, for clients


class Grant(Struct, frozen=True, kw_only=True):
    """Permission for one X.509 certificate.

    `sans` are what the certificate gets; `common_names` are what the request's may be (as the token
    spells them), None: any. `window` is the validity of the credential behind the grant, out of
    which the certificate cannot reach. `claims` are those of the token, `authorization` what
    templates see as `.AuthorizationCrt`; `principal` and `x5c_certificate` (DER) are told to
    webhooks. `permanent_identifier` is that of an attested device: its certificate's one name.
    """

    provisioner: ProvisionerRef
    subject: str
    common_names: tuple[str, ...] | None
    sans: tuple[San, ...]
    lifetimes: Lifetimes
    token: TokenUse | None  # None: it may come again
    csr_fingerprint: bytes | None = None  # SHA-256 of the CSR's DER, when the token is bound to it
    step_extension: bool = True
    name_rule: NameRule = NameRule.EXACT
    sans_within: tuple[San, ...] = ()
    window: Validity | None = None
    default: DefaultTemplate = DefaultTemplate.LEAF
    claims: Mapping[str, object] = field(default_factory=dict)
    authorization: object = None
    x5c_certificate: bytes | None = None
    principal: str = ""
    permanent_identifier: str = ""
    profile: X509Profile = DEFAULT_PROFILE


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationGrant:
    """Permission to revoke the certificate that `subject` names: its serial in decimal."""

    provisioner: ProvisionerRef
    subject: str
    token: TokenUse | None  # None: it may come again
