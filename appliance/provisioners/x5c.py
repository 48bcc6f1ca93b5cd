"""The X5C provisioner: tokens signed by the key of a certificate that leads to a root in ca.json.

Such a certificate may ask for any name; what is issued ends with it at the latest.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from appliance.config.settings import ProvisionerSettings
from appliance.formats import certificates, names, pem
from appliance.formats.jwt import UnverifiedToken
from appliance.formats.keys import PublicKey, checked_public
from appliance.issuance import certificate_values, chains, parsed
from appliance.issuance.grants import Grant, RevocationGrant
from appliance.issuance.ssh.grants import SshGrant
from appliance.model.errors import FormatError, Unauthorized
from appliance.model.grants import ProvisionerRef
from appliance.model.validity import Validity
from appliance.provisioners import ssh, tokens
from appliance.provisioners.audiences import Audiences
from appliance.provisioners.provisioner import WithoutSsh, check_renewal, decoded
from appliance.provisioners.tokens import Claims


class X5cProvisioner(WithoutSsh):
    """Everybody with a certificate from one of its roots."""

    def __init__(self, settings: ProvisionerSettings, audiences: Audiences) -> None:
        """Read the roots. Raises FormatError."""
        self._settings = settings
        self._roots = _roots(decoded(settings.entry, "roots"))
        self.token_id = f"x5c/{settings.name}"
        self._audiences = audiences.with_fragment(self.token_id)
        self.ref = ProvisionerRef(type="X5C", name=settings.name, id=self.token_id)

    @property
    def entry(self) -> Mapping[str, object]:
        """Its JSON."""
        return self._settings.entry

    async def authorize_sign(self, token: UnverifiedToken, claims: Claims, now: datetime) -> Grant:
        """Grant the names in `sans`, or the subject alone. Raises Unauthorized."""
        leaf, key = self._verified(token, now)
        subject = tokens.check_claims(claims, self.ref.name, self._audiences.sign, now)
        certificate = parsed.parse(leaf)
        settings, profile = self._settings.claims, self._settings.profile
        return Grant(
            provisioner=self.ref,
            subject=subject,
            common_names=(subject,),
            sans=tuple(names.classify(san) for san in claims.sans or [subject] if san),
            lifetimes=settings.lifetimes,
            window=certificate.validity,
            token=tokens.use(token, claims, key),
            csr_fingerprint=tokens.bound_to(claims),
            step_extension=not settings.disable_step_extension,
            claims=token.claims,
            authorization=certificate_values.certificate(leaf),
            x5c_certificate=leaf,
            principal=certificate.common_name,
            profile=profile,
        )

    async def authorize_revoke(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> RevocationGrant:
        """Grant the revocation of the certificate whose serial is the subject."""
        _, key = self._verified(token, now)
        subject = tokens.check_claims(claims, self.ref.name, self._audiences.revoke, now)
        used = tokens.use(token, claims, key)
        return RevocationGrant(provisioner=self.ref, subject=subject, token=used)

    async def authorize_ssh_sign(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> SshGrant:
        """Grant what `step.ssh` names, until the certificate ends.

        Raises Unauthorized, BadRequest.
        """
        ssh.check_enabled(self.ref.name, self._settings.claims)
        leaf, key = self._verified(token, now)
        subject = tokens.check_claims(claims, self.ref.name, self._audiences.ssh_sign, now)
        certificate = parsed.parse(leaf)
        grant = ssh.granted(
            ssh.required(token),
            subject,
            provisioner=self.ref,
            used=tokens.use(token, claims, key),
            token=token,
            settings=self._settings,
        )
        return replace(
            grant,
            valid_until=certificate.validity.not_after,
            authorization=certificate_values.certificate(leaf),
            x5c_certificate=leaf,
            principal=certificate.common_name,
        )

    def authorize_renewal(self, validity: Validity, now: datetime) -> None:
        """Allow it within the claims."""
        check_renewal(self.ref.name, self._settings.claims, validity, now)

    def _verified(self, token: UnverifiedToken, now: datetime) -> tuple[bytes, PublicKey]:
        """Check the certificates and the signature; give the leaf (DER) and its key."""
        leaf, *others = tokens.certificates(token, "x5c")
        chains.check_credential(leaf, others, self._roots, now)
        try:
            key = checked_public(certificates.load(leaf).public_key())
        except FormatError as error:
            raise Unauthorized("the certificate's key cannot be used", detail=str(error)) from error
        tokens.check_signature(token, key)
        return leaf, key


def _roots(text: bytes) -> tuple[bytes, ...]:
    """Read certificates in PEM, and nothing else. Raises FormatError."""
    found = tuple(block.der for block in pem.blocks(text))
    if not found:
        raise FormatError("no certificates found in roots")
    try:
        for each in found:
            certificates.load(each)
    except FormatError:
        raise FormatError("roots holds something that is no certificate") from None
    return found
