"""The K8sSA provisioner: service account tokens of a Kubernetes cluster, of the lasting kind.

Such a token says nothing about certificates: whatever the request names is granted, as in step-ca.
It is a pod's standing credential, so it may come again as long as it holds.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from appliance.config.settings import ProvisionerSettings
from appliance.formats import public_keys
from appliance.formats.jwt import UnverifiedToken
from appliance.issuance.grants import DefaultTemplate, Grant, NameRule, RevocationGrant
from appliance.issuance.ssh.grants import SshDefaultTemplate, SshGrant
from appliance.model.errors import FormatError, Unauthorized
from appliance.model.grants import ProvisionerRef
from appliance.model.ssh import CertificateType
from appliance.model.validity import Validity
from appliance.provisioners import ssh, tokens
from appliance.provisioners.provisioner import WithoutSsh, check_renewal, decoded
from appliance.provisioners.tokens import Claims

ID: Final = "k8ssa/k8sSA-default"  # there is one of them at most, since its tokens name none
ISSUER: Final = "kubernetes/serviceaccount"
_ACCOUNT: Final = "kubernetes.io/serviceaccount/service-account.name"


class K8sSaProvisioner(WithoutSsh):
    """The service accounts whose tokens one of some keys signs."""

    def __init__(self, settings: ProvisionerSettings) -> None:
        """Read the keys. Raises FormatError."""
        self._settings = settings
        self._keys = public_keys.read_all(decoded(settings.entry, "publicKeys"))
        if not self._keys:
            raise FormatError("no public keys found in publicKeys")
        self.token_id = ID
        self.ref = ProvisionerRef(type="K8sSA", name=settings.name, id=ID)

    @property
    def entry(self) -> Mapping[str, object]:
        """Its JSON."""
        return self._settings.entry

    async def authorize_sign(self, token: UnverifiedToken, claims: Claims, now: datetime) -> Grant:
        """Grant what the request names. Raises Unauthorized."""
        self._verified_subject(token, claims, now)
        settings = self._settings.claims
        return Grant(
            provisioner=self.ref,
            subject=_account(token),
            common_names=None,
            sans=(),
            lifetimes=settings.lifetimes,
            token=None,
            step_extension=not settings.disable_step_extension,
            name_rule=NameRule.ANY,
            default=DefaultTemplate.ADMIN_LEAF,
            claims=token.claims,
            profile=self._settings.profile,
        )

    async def authorize_revoke(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> RevocationGrant:
        """Grant the revocation of what the subject names, which is never a serial number."""
        subject = self._verified_subject(token, claims, now)
        return RevocationGrant(provisioner=self.ref, subject=subject, token=None)

    async def authorize_ssh_sign(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> SshGrant:
        """Grant what the request names; templates see the account. Raises Unauthorized."""
        ssh.check_enabled(self.ref.name, self._settings.claims)
        self._verified_subject(token, claims, now)
        account = _account(token)
        return SshGrant(
            provisioner=self.ref,
            subject=account,
            token=None,
            lifetimes=self._settings.claims.ssh,
            type=CertificateType.HOST,
            key_id=account,
            principals=(account,),
            required=True,
            default=SshDefaultTemplate.REQUESTED,
            claims=token.claims,
            profile=self._settings.ssh_profile,
        )

    def authorize_renewal(self, validity: Validity, now: datetime) -> None:
        """Allow it within the claims."""
        check_renewal(self.ref.name, self._settings.claims, validity, now)

    def _verified_subject(self, token: UnverifiedToken, claims: Claims, now: datetime) -> str:
        """Check signature and claims; the audience is not looked at, since it is the cluster."""
        for key in self._keys:
            try:
                tokens.check_signature(token, key)
                break
            except Unauthorized:
                continue
        else:
            raise Unauthorized("the token is signed by none of the cluster's keys")
        return tokens.check_claims(claims, ISSUER, None, now)


def _account(token: UnverifiedToken) -> str:
    """Give the name of the service account."""
    account = token.claims.get(_ACCOUNT, "")
    return account if isinstance(account, str) else ""
