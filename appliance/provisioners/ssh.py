"""What tokens say about the SSH certificates that they are for: their claim `step.ssh`."""

import msgspec
from msgspec import Struct

from appliance.config.settings import ClaimsSettings, ProvisionerSettings
from appliance.formats import timeorduration
from appliance.formats.jwt import UnverifiedToken
from appliance.issuance.ssh.grants import SshGrant
from appliance.issuance.ssh.requests import TYPES
from appliance.model.errors import BadRequest, FormatError, Unauthorized
from appliance.model.grants import ProvisionerRef, TokenUse
from appliance.model.ssh import CertificateType
from appliance.model.validity import TimeOrDuration


class _Ssh(Struct, rename="camel", frozen=True):
    cert_type: str | None = None
    key_id: str | None = msgspec.field(default=None, name="keyID")
    principals: list[str | None] | None = None
    valid_after: str | None = None
    valid_before: str | None = None


class _Step(Struct, frozen=True):
    ssh: _Ssh | None = None


class _Claims(Struct, frozen=True):
    step: _Step | None = None


class SshOptions(Struct, frozen=True, kw_only=True):
    """What a token names; empty: nothing. `type` is as spelled."""

    type: str = ""
    key_id: str = ""
    principals: tuple[str, ...] = ()
    valid_after: TimeOrDuration = None
    valid_before: TimeOrDuration = None


def options(token: UnverifiedToken) -> SshOptions | None:
    """Read `step.ssh`; None when there is none. Raises Unauthorized."""
    try:
        step = msgspec.convert(token.claims, _Claims).step
        if step is None or step.ssh is None:
            return None
        ssh = step.ssh
        return SshOptions(
            type=ssh.cert_type or "",
            key_id=ssh.key_id or "",
            principals=tuple(each or "" for each in ssh.principals or ()),
            valid_after=timeorduration.parse(ssh.valid_after or ""),
            valid_before=timeorduration.parse(ssh.valid_before or ""),
        )
    except (msgspec.ValidationError, FormatError) as error:
        raise Unauthorized("the token's step.ssh cannot be read", detail=str(error)) from error


def required(token: UnverifiedToken) -> SshOptions:
    """Read `step.ssh`, which must be there. Raises Unauthorized."""
    found = options(token)
    if found is None:
        raise Unauthorized("the token is not for an SSH certificate: it has no step.ssh")
    return found


def check_enabled(name: str, claims: ClaimsSettings) -> None:
    """Refuse where the claims do not have `enableSSHCA`. Raises Unauthorized."""
    if not claims.enable_ssh:
        raise Unauthorized(f"SSH certificates are disabled for provisioner '{name}'")


def granted(
    asked: SshOptions,
    subject: str,
    *,
    provisioner: ProvisionerRef,
    used: TokenUse | None,
    token: UnverifiedToken,
    settings: ProvisionerSettings,
) -> SshGrant:
    """Grant what a token names, and its subject as key id and only principal where it does not.

    Raises BadRequest for a type that is none.
    """
    return SshGrant(
        provisioner=provisioner,
        subject=subject,
        token=used,
        lifetimes=settings.claims.ssh,
        type=_type(asked.type),
        key_id=asked.key_id or subject,
        principals=asked.principals or (subject,),
        token_type=asked.type,
        token_principals=asked.principals,
        token_valid_after=asked.valid_after,
        token_valid_before=asked.valid_before,
        claims=token.claims,
        profile=settings.ssh_profile,
    )


def _type(spelled: str) -> CertificateType:
    """Read a type, whatever the case; without one it is for a user."""
    if not spelled:
        return CertificateType.USER
    found = TYPES.get(spelled.lower())
    if found is None:
        raise BadRequest(f"unknown certificate type '{spelled[:60]}'")
    return found
