"""The JWK provisioner: tokens signed with a key whose public half is in ca.json."""

from collections.abc import Mapping
from datetime import datetime

from appliance.config.settings import ProvisionerSettings
from appliance.formats import jwk, names
from appliance.formats.jwt import UnverifiedToken
from appliance.issuance.grants import Grant, RevocationGrant
from appliance.issuance.ssh.grants import SshGrant
from appliance.model.errors import FormatError
from appliance.model.grants import ProvisionerRef
from appliance.model.validity import Validity
from appliance.provisioners import ssh, tokens
from appliance.provisioners.audiences import Audience, Audiences
from appliance.provisioners.provisioner import WithoutSsh, check_renewal
from appliance.provisioners.tokens import Claims


class JwkProvisioner(WithoutSsh):
    """One key that may ask for anything, within the claims of its entry."""

    def __init__(self, settings: ProvisionerSettings, audiences: Audiences) -> None:
        """Read the key. Raises FormatError."""
        members = settings.entry.get("key")
        if not isinstance(members, Mapping):
            raise FormatError("provisioner key cannot be empty")
        kid = members.get("kid", "")
        if not isinstance(kid, str):
            raise FormatError("the kid of the provisioner key is not a text")
        self._settings = settings
        self._audiences = audiences
        self._key = jwk.public_key(members)
        self.token_id = f"{settings.name}:{kid}"
        self.ref = ProvisionerRef(
            type="JWK", name=settings.name, id=self.token_id, credential_id=kid
        )

    @property
    def entry(self) -> Mapping[str, object]:
        """Its JSON, with the encrypted key."""
        return self._settings.entry

    async def authorize_sign(self, token: UnverifiedToken, claims: Claims, now: datetime) -> Grant:
        """Grant the names in `sans`, or the subject alone. Raises Unauthorized."""
        subject = self._verified_subject(token, claims, now, self._audiences.sign)
        asked = claims.sans or [subject]
        settings = self._settings.claims
        return Grant(
            provisioner=self.ref,
            subject=subject,
            common_names=(subject, *asked),
            sans=tuple([names.classify(san) for san in asked if san]),
            lifetimes=settings.lifetimes,
            token=tokens.use(token, claims, self._key),
            csr_fingerprint=tokens.bound_to(claims),
            step_extension=not settings.disable_step_extension,
            claims=token.claims,
            profile=self._settings.profile,
        )

    async def authorize_revoke(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> RevocationGrant:
        """Grant the revocation of the certificate whose serial is the subject."""
        subject = self._verified_subject(token, claims, now, self._audiences.revoke)
        return RevocationGrant(
            provisioner=self.ref, subject=subject, token=tokens.use(token, claims, self._key)
        )

    async def authorize_ssh_sign(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> SshGrant:
        """Grant what `step.ssh` names. Raises Unauthorized, BadRequest."""
        ssh.check_enabled(self.ref.name, self._settings.claims)
        subject = self._verified_subject(token, claims, now, self._audiences.ssh_sign)
        return ssh.granted(
            ssh.required(token),
            subject,
            provisioner=self.ref,
            used=tokens.use(token, claims, self._key),
            token=token,
            settings=self._settings,
        )

    async def authorize_ssh_revoke(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> RevocationGrant:
        """Grant the revocation of the SSH certificate whose serial is the subject."""
        subject = self._verified_subject(token, claims, now, self._audiences.ssh_revoke)
        return RevocationGrant(
            provisioner=self.ref, subject=subject, token=tokens.use(token, claims, self._key)
        )

    def authorize_renewal(self, validity: Validity, now: datetime) -> None:
        """Allow it within the claims."""
        check_renewal(self.ref.name, self._settings.claims, validity, now)

    def _verified_subject(
        self, token: UnverifiedToken, claims: Claims, now: datetime, audience: Audience
    ) -> str:
        tokens.check_signature(token, self._key)
        return tokens.check_claims(claims, self.ref.name, audience, now)
