"""Certificates for the person at the box, who could take the keys anyway: no token is asked for.

All else is as ever: the provisioner that is chosen says for how long, by which template and policy,
who is told of it by webhook, and the journal keeps that the operator asked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from appliance.authority.reporting import Context
from appliance.authority.ssh.signing import SshAuthority, SshIssued, SshSignRequest
from appliance.authority.x509 import X509Authority
from appliance.authority.x509_recording import Issued
from appliance.config.settings import ProvisionerSettings
from appliance.formats import names, timeorduration
from appliance.formats.ssh.keys import read_line
from appliance.issuance import requests
from appliance.issuance.drafting import AskedDates
from appliance.issuance.grants import Grant, NameRule
from appliance.issuance.requests import SigningRequest
from appliance.issuance.ssh.grants import SshGrant
from appliance.issuance.ssh.requests import SshSigningRequest
from appliance.model.errors import BadRequest, Forbidden, NotFound, NotSupported
from appliance.model.grants import ProvisionerRef
from appliance.model.issuing import CertificateOrder, Offer, Span, SshOrder
from appliance.model.names import San
from appliance.model.ssh import CertificateType
from appliance.model.validity import Lifetimes
from appliance.provisioners.acme import AcmeProvisioner
from appliance.provisioners.listed import ListedProvisioner
from appliance.provisioners.provisioner import Provisioner
from appliance.provisioners.registry import Registry

_CERTIFYING: Final = ("JWK", "ACME", "X5C", "OIDC", "K8sSA", "Nebula")  # the usual ones first
_CERTIFYING_SSH: Final = ("JWK", "X5C", "OIDC", "K8sSA", "Nebula")
_ASKED_BY: Final = "the operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuanceAtTheBox:
    """Issues by the rules of the provisioners of one configuration."""

    x509: X509Authority
    ssh: SshAuthority
    registry: Registry
    provisioners: Sequence[ProvisionerSettings]

    def offers(self) -> tuple[Offer, ...]:
        """List the provisioners that certify something, those first that are usual."""
        found = [
            offer
            for each in self.provisioners
            if _is_usable(self.registry.by_name(each.name))
            and ((offer := self._offer(each)).x509 or offer.ssh_user or offer.ssh_host)
        ]
        return tuple(sorted(found, key=lambda each: _CERTIFYING.index(each.type)))

    async def issue(self, order: CertificateOrder, context: Context) -> Issued:
        """Issue what a request asks for. Raises BadRequest, Forbidden, NotFound, Broken …"""
        settings, ref = self._chosen(order.provisioner, _CERTIFYING)
        csr = requests.read_der(order.csr)
        grant = _granted(settings, ref, csr, order)
        asked = AskedDates(
            not_before=timeorduration.parse(order.not_before),
            not_after=timeorduration.parse(order.not_after),
        )
        return await self.x509.sign_granted(
            csr, grant, asked, context, asked_by=_ASKED_BY, template_data=order.template_data
        )

    async def issue_ssh(self, order: SshOrder, context: Context) -> SshIssued:
        """Issue an SSH certificate. Raises BadRequest, Forbidden, NotFound, NotSupported …"""
        settings, ref = self._chosen(order.provisioner, _CERTIFYING_SSH)
        if not settings.claims.enable_ssh:
            raise Forbidden(f"SSH certificates are disabled for provisioner '{ref.name}'")
        if not order.principals:
            raise BadRequest("an SSH certificate without principals would hold for all: name some")
        key, _ = read_line(order.public_key)
        wish = SshSigningRequest(
            public_key=key,
            type=order.type.label,
            key_id=order.key_id,
            principals=order.principals,
            valid_before=timeorduration.parse(order.not_after),
        )
        grant = SshGrant(
            provisioner=ref,
            subject=order.key_id,
            token=None,
            lifetimes=settings.claims.ssh,
            type=order.type,
            key_id=order.key_id,
            principals=order.principals,
            profile=settings.ssh_profile,
        )
        request = SshSignRequest(
            request=wish, token="", template_data=order.template_data, context=context
        )
        return await self.ssh.sign_granted(request, grant, asked_by=_ASKED_BY)

    def _chosen(
        self, name: str, types: tuple[str, ...]
    ) -> tuple[ProvisionerSettings, ProvisionerRef]:
        known = self.registry.by_name(name)
        settings = next((each for each in self.provisioners if each.name == name), None)
        if known is None or settings is None:
            raise NotFound(f"there is no provisioner '{name}'")
        if settings.type not in types or not _is_usable(known):
            raise NotSupported(f"provisioner '{name}' ({settings.type}) certifies nothing of this")
        return settings, known.ref

    def _offer(self, settings: ProvisionerSettings) -> Offer:
        claims = settings.claims
        x509 = settings.type in _CERTIFYING
        ssh = settings.type in _CERTIFYING_SSH and claims.enable_ssh
        listed = settings.acme_profiles.listed
        return Offer(
            name=settings.name,
            type=settings.type,
            x509=_span(claims.lifetimes) if x509 else None,
            ssh_user=self._ssh_span(claims.ssh.user, CertificateType.USER) if ssh else None,
            ssh_host=self._ssh_span(claims.ssh.host, CertificateType.HOST) if ssh else None,
            profiles={
                name: _span(profile.lifetimes(claims.lifetimes)) for name, profile in listed.items()
            },
            has_template=settings.profile.template is not None,
            has_ssh_template=settings.ssh_profile.template is not None,
        )

    def _ssh_span(self, lifetimes: Lifetimes, kind: CertificateType) -> Span | None:
        return _span(lifetimes) if self.ssh.keys.of_type(kind) is not None else None


def _granted(
    settings: ProvisionerSettings,
    ref: ProvisionerRef,
    csr: SigningRequest,
    order: CertificateOrder,
) -> Grant:
    """Grant the names that were ordered, or those that the request has."""
    sans = tuple(_sans(csr, order))
    if not sans:
        raise BadRequest("the request has no names: say which the certificate is for")
    usual = sans[0].value if order.names or not csr.common_name else csr.common_name
    grant = Grant(
        provisioner=ref,
        subject=usual,
        common_names=None,
        sans=sans,
        lifetimes=settings.claims.lifetimes,
        token=None,
        name_rule=NameRule.ANY,
        step_extension=not settings.claims.disable_step_extension,
        profile=settings.profile,
    )
    if not order.profile:
        return grant
    chosen = settings.acme_profiles.listed.get(order.profile)
    if chosen is None:
        raise NotFound(f"provisioner '{ref.name}' has no profile '{order.profile}'")
    return chosen.applied(grant)


def _sans(csr: SigningRequest, order: CertificateOrder) -> Iterator[San]:
    """Give the names. Devices write one into the subject alone, where clients do not look."""
    if order.names:
        for each in dict.fromkeys(order.names):
            san = names.classify(each)
            yield names.canonical(san.kind, san.value)
    elif csr.sans:
        yield from csr.sans
    elif csr.common_name:
        yield names.classify(csr.common_name)


def _is_usable(provisioner: Provisioner | None) -> bool:
    """Say whether it is one that certifies: not switched off, and no more than a name here."""
    is_name_only = isinstance(provisioner, ListedProvisioner)
    return provisioner is not None and (
        not is_name_only or isinstance(provisioner, AcmeProvisioner)
    )


def _span(lifetimes: Lifetimes) -> Span:
    return Span(shortest=lifetimes.shortest, longest=lifetimes.longest, usual=lifetimes.default)
