"""What every provisioner can be asked, and when it lets a certificate be renewed."""

import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from appliance.config.settings import ClaimsSettings
from appliance.formats.jwt import UnverifiedToken
from appliance.issuance.grants import Grant, RevocationGrant
from appliance.issuance.ssh.grants import SshGrant, SshRenewalGrant
from appliance.model.errors import FormatError, HearthError, Unauthorized
from appliance.model.grants import ProvisionerRef
from appliance.model.validity import Validity
from appliance.provisioners.tokens import Claims


class Provisioner(Protocol):
    """One entry of `authority.provisioners`."""

    @property
    def ref(self) -> ProvisionerRef:
        """Who it is."""
        ...

    @property
    def token_id(self) -> str:
        """Under which id a token names it."""
        ...

    @property
    def entry(self) -> Mapping[str, object]:
        """What GET /provisioners shows of it."""
        ...

    async def authorize_sign(self, token: UnverifiedToken, claims: Claims, now: datetime) -> Grant:
        """Verify a token completely, but for having been used. Raises Unauthorized, BadRequest."""
        ...

    async def authorize_revoke(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> RevocationGrant:
        """Verify a token for revocation in the same way."""
        ...

    def authorize_renewal(self, validity: Validity, now: datetime) -> None:
        """Let a certificate of this provisioner be renewed, or raise Unauthorized."""
        ...

    async def authorize_ssh_sign(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> SshGrant:
        """Verify a token for an SSH certificate. Raises Unauthorized, BadRequest, Forbidden."""
        ...

    async def authorize_ssh_renew(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> SshRenewalGrant:
        """Verify a token that an SSH certificate's key signed, to have it again."""
        ...

    async def authorize_ssh_rekey(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> SshRenewalGrant:
        """Verify such a token, to have the certificate again for another key."""
        ...

    async def authorize_ssh_revoke(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> RevocationGrant:
        """Verify a token for the revocation of an SSH certificate."""
        ...


class WithoutSsh:
    """What a type refuses that has no say about SSH certificates, or not in all of them.

    It is the base of the types; each says itself what it grants.
    """

    async def authorize_ssh_sign(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> SshGrant:
        """Refuse."""
        raise self._without_ssh("sign")

    async def authorize_ssh_renew(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> SshRenewalGrant:
        """Refuse."""
        raise self._without_ssh("renew")

    async def authorize_ssh_rekey(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> SshRenewalGrant:
        """Refuse."""
        raise self._without_ssh("rekey")

    async def authorize_ssh_revoke(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> RevocationGrant:
        """Refuse."""
        raise self._without_ssh("revoke")

    def _without_ssh(self, operation: str) -> HearthError:
        return Unauthorized(f"this provisioner does not {operation} SSH certificates")


def decoded(entry: Mapping[str, object], name: str) -> bytes:
    """Give the octets of a key of an entry that is written in base64. Raises FormatError."""
    written = entry.get(name)
    if not isinstance(written, str) or not written:
        raise FormatError(f"{name} cannot be empty")
    try:
        return binascii.a2b_base64(written)
    except ValueError:
        raise FormatError(f"{name} is not base64") from None


def check_renewal(name: str, claims: ClaimsSettings, validity: Validity, now: datetime) -> None:
    """Hold a certificate's dates against a provisioner's claims. Raises Unauthorized."""
    if claims.disable_renewal:
        raise Unauthorized(f"renewal is disabled for provisioner '{name}'")
    if now < validity.not_before:
        raise Unauthorized(f"the certificate is not valid before {_shown(validity.not_before)}")
    if now.replace(microsecond=0) > validity.not_after and not claims.allow_renewal_after_expiry:
        raise Unauthorized(f"the certificate expired on {_shown(validity.not_after)}")


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
