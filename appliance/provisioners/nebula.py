"""The Nebula provisioner: tokens signed by the key of a host's Nebula certificate.

A host gets certificates for the name and the addresses that its Nebula CA gave it, and none that
outlives its Nebula certificate.
"""

import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import NoReturn

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from msgspec.structs import replace

from appliance.config.settings import ProvisionerSettings
from appliance.formats import jwt, names, nebula_pem, xeddsa
from appliance.formats.jwt import UnverifiedToken
from appliance.formats.nebula import Key, NebulaCertificate
from appliance.issuance import nebula_values, rules
from appliance.issuance.grants import Grant, NameRule
from appliance.issuance.nebula_authorities import NebulaAuthorities
from appliance.issuance.ssh.grants import SshGrant
from appliance.model.errors import Forbidden, FormatError, Unauthorized
from appliance.model.grants import ProvisionerRef
from appliance.model.names import San, SanKind
from appliance.model.ssh import CertificateType
from appliance.model.validity import Validity
from appliance.provisioners import ssh, tokens
from appliance.provisioners.audiences import Audiences
from appliance.provisioners.provisioner import WithoutSsh, check_renewal, decoded
from appliance.provisioners.ssh import SshOptions
from appliance.provisioners.tokens import Claims


class NebulaProvisioner(WithoutSsh):
    """The hosts of one overlay network."""

    def __init__(self, settings: ProvisionerSettings, audiences: Audiences) -> None:
        """Read the CA certificates. Raises FormatError."""
        self._settings = settings
        roots = nebula_pem.read_pem(decoded(settings.entry, "roots"))
        self._authorities = NebulaAuthorities(roots)
        self.token_id = f"nebula/{settings.name}"
        self._audiences = audiences.with_fragment(self.token_id)
        self.ref = ProvisionerRef(type="Nebula", name=settings.name, id=self.token_id)

    @property
    def entry(self) -> Mapping[str, object]:
        """Its JSON."""
        return self._settings.entry

    async def authorize_sign(self, token: UnverifiedToken, claims: Claims, now: datetime) -> Grant:
        """Grant names of the Nebula certificate: those in `sans`, or all of them.

        Raises Unauthorized, Forbidden for other names.
        """
        certificate, key = self._verified(token, now)
        subject = tokens.check_claims(claims, self.ref.name, self._audiences.sign, now)
        own = _own_names(certificate)
        asked = tuple(names.classify(san) for san in claims.sans or () if san) or own
        rules.check_within(asked, own)
        settings, profile = self._settings.claims, self._settings.profile
        return Grant(
            provisioner=self.ref,
            subject=subject,
            common_names=(subject,),
            sans=asked,
            lifetimes=settings.lifetimes,
            window=Validity(not_before=certificate.not_before, not_after=certificate.not_after),
            token=tokens.use(token, claims, key),
            csr_fingerprint=tokens.bound_to(claims),
            step_extension=not settings.disable_step_extension,
            name_rule=NameRule.WITHIN,
            sans_within=own,
            claims=token.claims,
            authorization=nebula_values.certificate(certificate),
            profile=profile,
        )

    async def authorize_revoke(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> NoReturn:
        """Refuse."""
        raise Unauthorized(f"provisioner '{self.ref.name}' does not revoke certificates")

    async def authorize_ssh_sign(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> SshGrant:
        """Grant a host names of its Nebula certificate: those in `step.ssh`, or all of them.

        Raises Unauthorized, Forbidden for other names and for users.
        """
        ssh.check_enabled(self.ref.name, self._settings.claims)
        certificate, key = self._verified(token, now)
        subject = tokens.check_claims(claims, self.ref.name, self._audiences.ssh_sign, now)
        asked = ssh.options(token)
        _check_host(asked or SshOptions(), certificate)
        grant = ssh.granted(
            asked or SshOptions(),
            subject,
            provisioner=self.ref,
            used=tokens.use(token, claims, key),
            token=token,
            settings=self._settings,
        )
        return replace(
            grant,
            type=CertificateType.HOST,
            principals=grant.token_principals or (certificate.name, *certificate.addresses),
            token_type="" if asked is None else CertificateType.HOST.label,
            valid_until=certificate.not_after,
            authorization=nebula_values.certificate(certificate),
        )

    def authorize_renewal(self, validity: Validity, now: datetime) -> None:
        """Allow it within the claims."""
        check_renewal(self.ref.name, self._settings.claims, validity, now)

    def _verified(self, token: UnverifiedToken, now: datetime) -> tuple[NebulaCertificate, Key]:
        """Check the certificate and the signature. Raises Unauthorized."""
        try:
            certificate = _certificate(token)
            self._authorities.verify(certificate, now)
            key = certificate.key()
            _check_signature(token, key)
        except FormatError as error:
            raise Unauthorized(
                "the nebula certificate of the token cannot be used", detail=str(error)
            ) from error
        return certificate, key


def _certificate(token: UnverifiedToken) -> NebulaCertificate:
    written = token.header.get("nebula")
    if not isinstance(written, str):
        raise FormatError("the token brings none: it has no header nebula")
    try:
        return nebula_pem.read(binascii.a2b_base64(written, strict_mode=True))
    except ValueError:
        raise FormatError("the header nebula is not base64") from None


def _check_signature(token: UnverifiedToken, key: Key) -> None:
    """Check XEdDSA for a host's usual key, and the algorithms of other tokens for others."""
    if not isinstance(key, X25519PublicKey):
        tokens.check_signature(token, key)
        return
    jwt.check_header(token, xeddsa.ALGORITHM)
    if not xeddsa.verify(key, token.signed, token.signature):
        raise Unauthorized("the token is not signed by its key")


def _own_names(certificate: NebulaCertificate) -> tuple[San, ...]:
    """Give the name, if it has one, and the addresses."""
    own = (certificate.name, *certificate.addresses)
    return tuple(names.classify(each) for each in own if each)


def _check_host(asked: SshOptions, certificate: NebulaCertificate) -> None:
    """Hold what a token names against the certificate's name and addresses. Raises Forbidden."""
    addresses = {San(kind=SanKind.IP, value=each) for each in certificate.addresses}
    for principal in asked.principals:
        if principal != certificate.name and names.classify(principal) not in addresses:
            raise Forbidden(
                f"ssh certificate principals contains invalid name or IP addresses - got "
                f"[{' '.join(asked.principals)}], want {certificate.name} or "
                f"[{' '.join(certificate.addresses)}]"
            )
    host = CertificateType.HOST.label
    if asked.type not in ("", host):
        raise Forbidden(f"ssh certificate type does not match - got {asked.type}, want {host}")
