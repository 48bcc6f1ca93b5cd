"""SSH certificates as they will be, but for key, dates and issuer."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field

from appliance.formats.ssh.certificate import SshCertificate
from appliance.issuance.ssh.grants import SshDefaultTemplate, SshGrant
from appliance.issuance.ssh.requests import TYPES, SshSigningRequest
from appliance.model.ssh import CertificateType

USER_EXTENSIONS: Final[Mapping[str, str]] = {
    "permit-X11-forwarding": "",
    "permit-agent-forwarding": "",
    "permit-port-forwarding": "",
    "permit-pty": "",
    "permit-user-rc": "",
}
"""What users may do who log in with a certificate, by default: everything."""


class SshDraft(Struct, frozen=True, kw_only=True):
    """What a template asks for. Times are seconds since 1970; 0 and empty: nothing is asked."""

    type: CertificateType | None
    key_id: str
    principals: tuple[str, ...]
    valid_after: int = 0
    valid_before: int = 0
    critical_options: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, str] = field(default_factory=dict)
    nonce: bytes = b""
    serial: int = 0
    reserved: bytes = b""


def by_default(request: SshSigningRequest, grant: SshGrant) -> SshDraft:
    """Draft what the default template of the grant makes of it."""
    if grant.default is not SshDefaultTemplate.GRANTED:
        kind = TYPES[request.type]
        return SshDraft(
            type=kind,
            key_id=request.key_id,
            principals=request.principals,
            extensions=default_extensions(kind),
        )
    return SshDraft(
        type=grant.type,
        key_id=grant.key_id,
        principals=grant.principals or (),
        extensions=default_extensions(grant.type),
    )


def default_extensions(kind: CertificateType) -> Mapping[str, str]:
    """Give the extensions of a type that no template speaks about."""
    return USER_EXTENSIONS if kind is CertificateType.USER else {}


def again(old: SshCertificate) -> SshDraft:
    """Draft what an old certificate says; its dates and its serial number are not taken."""
    return SshDraft(
        type=old.type,
        key_id=old.key_id,
        principals=old.principals,
        critical_options=old.critical_options,
        extensions=old.extensions,
        reserved=old.reserved,
    )


def add_user(subject: SshCertificate, *, principal: str, command: str) -> SshDraft:
    """Draft the certificate by which a server makes an account for the subject's first principal.

    It lets its holder run one command as `principal`; `<principal>` in it is the account's name.
    """
    name = subject.principals[0]
    return SshDraft(
        type=CertificateType.USER,
        key_id=f"{name}-{principal}",
        principals=(principal,),
        critical_options={"force-command": command.replace("<principal>", name)},
    )


def can_add_user(subject: SshCertificate) -> bool:
    """Say whether an account can be made of a certificate: one principal, and its address."""
    if subject.type is not CertificateType.USER:
        return False
    match subject.principals:
        case (_,):
            return True
        case (_, address):
            return address.find("@") > 0
        case _:
            return False
