"""The SSHPOP provisioner: tokens signed by the key of an SSH certificate of ours.

Such a certificate comes in the header `sshpop`. A host's may be had again, for the same key or for
another one; any may be revoked.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from appliance.config.settings import ProvisionerSettings
from appliance.formats.jwt import UnverifiedToken
from appliance.formats.ssh import certificate, keys
from appliance.formats.ssh.certificate import FOREVER, SshCertificate
from appliance.formats.ssh.keys import SshPublicKey
from appliance.issuance.grants import RevocationGrant
from appliance.issuance.ssh import periods
from appliance.issuance.ssh.grants import SshRenewalGrant
from appliance.model.errors import BadRequest, Forbidden, FormatError, Unauthorized
from appliance.model.ssh import CertificateType
from appliance.provisioners import tokens
from appliance.provisioners.audiences import Audience, Audiences
from appliance.provisioners.listed import ListedProvisioner
from appliance.provisioners.tokens import Claims


class SshPopProvisioner(ListedProvisioner):
    """Everybody with an SSH certificate that one of the authority's keys signed."""

    def __init__(
        self,
        settings: ProvisionerSettings,
        audiences: Audiences,
        authorities: Mapping[CertificateType, Sequence[SshPublicKey]],
    ) -> None:
        """Take the keys that sign, or have signed, each type of certificate."""
        super().__init__(settings)
        self._claims = settings.claims
        self._audiences = audiences.with_fragment(self.token_id)
        self._authorities = authorities

    async def authorize_ssh_renew(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> SshRenewalGrant:
        """Grant a host its certificate again, within the claims.

        Raises Unauthorized, and BadRequest for a user's.
        """
        shown = self._verified(token, claims, self._audiences.ssh_renew, now)
        grant = self._for_host(token, claims, shown)
        _check_begun(shown, now)
        if not self._claims.allow_renewal_after_expiry:
            _check_not_expired(shown, now)
        return grant

    async def authorize_ssh_rekey(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> SshRenewalGrant:
        """Grant a host its certificate again, for another key. Raises as a renewal does."""
        shown = self._verified(token, claims, self._audiences.ssh_rekey, now)
        _check_begun(shown, now)
        _check_not_expired(shown, now)
        return self._for_host(token, claims, shown)

    async def authorize_ssh_revoke(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> RevocationGrant:
        """Grant the revocation of the certificate itself. Raises Unauthorized, Forbidden."""
        shown = self._verified(token, claims, self._audiences.ssh_revoke, now)
        _check_begun(shown, now)
        _check_not_expired(shown, now)
        if claims.sub != str(shown.serial):
            raise Forbidden(
                f'token subject "{claims.sub}" and sshpop certificate serial number '
                f'"{shown.serial}" do not match'
            )
        used = tokens.use(token, claims, shown.key.key)
        return RevocationGrant(provisioner=self.ref, subject=claims.sub, token=used)

    def _for_host(
        self, token: UnverifiedToken, claims: Claims, shown: SshCertificate
    ) -> SshRenewalGrant:
        if shown.type is not CertificateType.HOST:
            raise BadRequest("sshpop certificate must be a host ssh certificate")
        if self._claims.disable_renewal:
            raise Unauthorized(f"renewal is disabled for provisioner '{self.ref.name}'")
        return SshRenewalGrant(
            provisioner=self.ref,
            token=tokens.use(token, claims, shown.key.key),
            certificate=shown,
            lifetimes=self._claims.ssh,
        )

    def _verified(
        self, token: UnverifiedToken, claims: Claims, audience: Audience, now: datetime
    ) -> SshCertificate:
        """Check all but the certificate's dates. Raises Unauthorized."""
        shown = _certificate(token)
        if not shown.is_signed_by(self._authorities[shown.type]):
            raise Unauthorized("the token's SSH certificate is not of this authority")
        if shown.key.application:
            raise Unauthorized("the key of the SSH certificate is in a security key")
        tokens.check_signature(token, shown.key.key)
        tokens.check_claims(claims, self.ref.name, audience, now)
        return shown


def _certificate(token: UnverifiedToken) -> SshCertificate:
    written = token.header.get("sshpop")
    if not isinstance(written, str):
        raise Unauthorized("the token brings no SSH certificate", detail="no sshpop")
    try:
        return certificate.parse(keys.of_base64("".join(written.split())))
    except FormatError as error:
        raise Unauthorized(
            "the token's SSH certificate cannot be read", detail=error.public
        ) from error


def _check_begun(shown: SshCertificate, now: datetime) -> None:
    if periods.seconds(now) < shown.valid_after:
        raise Unauthorized("the SSH certificate is not valid yet")


def _check_not_expired(shown: SshCertificate, now: datetime) -> None:
    if shown.valid_before != FOREVER and periods.seconds(now) >= shown.valid_before:
        raise Unauthorized("the SSH certificate has expired")
