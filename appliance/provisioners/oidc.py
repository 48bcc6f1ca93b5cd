"""The OIDC provisioner: identity tokens of an OpenID Connect provider, for people.

A token grants its own subject and email address, whatever the request names. Who is an admin may
ask for any name, as the request has it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from appliance.config.settings import ProvisionerSettings
from appliance.formats import names
from appliance.formats.jwt import UnverifiedToken
from appliance.formats.keys import PublicKey
from appliance.issuance.grants import DefaultTemplate, Grant, NameRule, RevocationGrant
from appliance.issuance.ssh import accounts
from appliance.issuance.ssh.grants import SshDefaultTemplate, SshGrant
from appliance.model.errors import FormatError, Unauthorized
from appliance.model.grants import ProvisionerRef, TokenUse
from appliance.model.names import San
from appliance.model.ssh import CertificateType
from appliance.model.validity import Validity
from appliance.ports.chance import Chance
from appliance.ports.outbound import Outbound
from appliance.provisioners import ssh, tokens
from appliance.provisioners.identity_provider import IdentityProvider
from appliance.provisioners.provisioner import WithoutSsh, check_renewal
from appliance.provisioners.tokens import Claims


class _Entry(msgspec.Struct, rename="camel", frozen=True):
    """The keys of the entry that decide something."""

    client_id: str = msgspec.field(default="", name="clientID")
    configuration_endpoint: str = ""
    tenant_id: str = msgspec.field(default="", name="tenantID")
    admins: Sequence[str] | None = None
    domains: Sequence[str] | None = None
    groups: Sequence[str] | None = None
    listen_address: str = ""


class _Person(msgspec.Struct, frozen=True):
    """The claims about who logged in. `null` means absent; `email_verified` is not looked at."""

    email: str | None = None
    groups: Sequence[str] | None = None
    azp: str | None = None
    nonce: str | None = None


class OidcProvisioner(WithoutSsh):
    """One client registration at a provider."""

    def __init__(
        self, settings: ProvisionerSettings, *, outbound: Outbound, chance: Chance
    ) -> None:
        """Check the entry; the provider is asked later. Raises FormatError."""
        try:
            entry = msgspec.convert(settings.entry, _Entry)
        except msgspec.ValidationError as error:
            raise FormatError(str(error)) from error
        for name, value in (
            ("clientID", entry.client_id),
            ("configurationEndpoint", entry.configuration_endpoint),
        ):
            if not value:
                raise FormatError(f"{name} cannot be empty")
        if entry.listen_address:
            check_listen_address(entry.listen_address)
        self._settings = settings
        self._admins = frozenset(map(_plain, entry.admins or ()))
        self._admin_groups = frozenset(entry.admins or ())
        self._domains = tuple(f"@{domain.lower()}" for domain in entry.domains or ())
        self._groups = frozenset(entry.groups or ())
        self.provider = IdentityProvider(
            entry.configuration_endpoint, tenant=entry.tenant_id, outbound=outbound, chance=chance
        )
        self.token_id = entry.client_id
        self.ref = ProvisionerRef(
            type="OIDC", name=settings.name, id=entry.client_id, credential_id=entry.client_id
        )

    @property
    def entry(self) -> Mapping[str, object]:
        """Its JSON; with state and reason while nothing is known of the provider."""
        if self.provider.known is not None:
            return self._settings.entry
        return {
            **self._settings.entry,
            "state": "Uninitialized",
            "stateReason": self.provider.problem,
        }

    async def prepare(self) -> None:
        """Ask the provider who it is, where that is not known yet; `entry` tells the outcome."""
        await self.provider.introduce()

    def resume(self, former: "OidcProvisioner") -> None:
        """Go on with what the one of the former configuration knows of the same provider."""
        self.provider.resume(former.provider)

    async def authorize_sign(self, token: UnverifiedToken, claims: Claims, now: datetime) -> Grant:
        """Grant what the token says of its holder; to an admin, any names. Raises Unauthorized."""
        person, used = await self._verified(token, claims, now)
        settings = self._settings.claims
        by_request = self._is_admin(person) and self._settings.profile.template is None
        return Grant(
            provisioner=self.ref,
            subject=claims.sub or "",
            common_names=None,
            sans=_names(claims, person),
            lifetimes=settings.lifetimes,
            token=used,
            step_extension=not settings.disable_step_extension,
            name_rule=NameRule.ANY,
            default=DefaultTemplate.ADMIN_LEAF if by_request else DefaultTemplate.LEAF,
            claims=token.claims,
            profile=self._settings.profile,
        )

    async def authorize_revoke(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> RevocationGrant:
        """Let an admin revoke the certificate whose serial is the subject. Raises Unauthorized."""
        return await self._revocation(token, claims, now)

    async def authorize_ssh_sign(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> SshGrant:
        """Grant a user the names of accounts that the email address makes; to an admin, any names.

        Raises Unauthorized.
        """
        ssh.check_enabled(self.ref.name, self._settings.claims)
        person, used = await self._verified(token, claims, now)
        if not claims.sub:
            raise Unauthorized("the token has no subject")
        is_admin, profile = self._is_admin(person), self._settings.ssh_profile
        by_request = is_admin and profile.template is None
        return SshGrant(
            provisioner=self.ref,
            subject=claims.sub,
            token=used,
            lifetimes=self._settings.claims.ssh,
            type=CertificateType.USER,
            key_id=person.email or claims.sub,
            principals=accounts.of_email(person.email) if person.email else None,
            token_type="" if is_admin else CertificateType.USER.label,
            required=is_admin,
            default=SshDefaultTemplate.ADMIN if by_request else SshDefaultTemplate.GRANTED,
            claims=token.claims,
            profile=profile,
        )

    async def authorize_ssh_revoke(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> RevocationGrant:
        """Let an admin revoke the SSH certificate whose serial is the subject."""
        return await self._revocation(token, claims, now)

    def authorize_renewal(self, validity: Validity, now: datetime) -> None:
        """Allow it within the claims, also while the provider cannot be reached."""
        check_renewal(self.ref.name, self._settings.claims, validity, now)

    # ---- whether the token holds

    async def _revocation(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> RevocationGrant:
        person, used = await self._verified(token, claims, now)
        if not self._is_admin(person):
            raise Unauthorized("only admins revoke with a token of an identity provider")
        return RevocationGrant(provisioner=self.ref, subject=claims.sub or "", token=used)

    async def _verified(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> tuple[_Person, TokenUse]:
        """Check all but use; first what needs no key, since a key may have to be asked for."""
        known = await self.provider.introduce()
        if known is None:
            raise Unauthorized(
                f"provisioner '{self.ref.name}' is disabled due to an initialization error",
                detail=self.provider.problem,
            )
        person = _person(token)
        if claims.iss != known.issuer:
            raise Unauthorized("the token has another issuer", detail=f"iss: {claims.iss}")
        if self.token_id not in claims.audience:
            raise Unauthorized("the token is meant for another client", detail=f"aud: {claims.aud}")
        if person.azp and person.azp != self.token_id:
            raise Unauthorized("the token was given to another client", detail=f"azp: {person.azp}")
        tokens.check_times(claims, now)
        self._check_membership(person)
        key = await self._signer(token)
        return person, _use(token, claims, person, key)

    async def _signer(self, token: UnverifiedToken) -> PublicKey:
        """Find the provider's key that signed the token. Raises Unauthorized."""
        key_id = token.header.get("kid", "")
        if not isinstance(key_id, str):
            raise Unauthorized("the token cannot be read", detail="its kid is not a text")
        reason = f"the provider has no key '{key_id}'"
        for key in await self.provider.keys(key_id):
            try:
                tokens.check_signature(token, key)
            except Unauthorized as error:
                reason = error.detail
            else:
                return key
        raise Unauthorized("the token is not signed by its provider", detail=reason)

    def _check_membership(self, person: _Person) -> None:
        """Hold email address and groups against what the entry asks for. Raises Unauthorized."""
        if self._domains and person.email and not self._is_admin(person):
            email = _plain(person.email)
            if not email.endswith(self._domains):
                raise Unauthorized("the email address is of another domain", detail=person.email)
        if self._groups and self._groups.isdisjoint(person.groups or ()):
            raise Unauthorized(
                "the token is of none of the groups that are allowed",
                detail=f"groups: {', '.join(person.groups or ()) or 'none'}",
            )

    def _is_admin(self, person: _Person) -> bool:
        """Tell if the entry names the person, or a group of theirs, as an admin."""
        if person.email and _plain(person.email) in self._admins:
            return True
        return not self._admin_groups.isdisjoint(person.groups or ())


def check_listen_address(address: str) -> None:
    """Hold `listenAddress` to the form host:port, either of which may be empty.

    Raises FormatError.
    """
    host, colon, _ = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]") and not set("[]") & set(host[1:-1])
    if not colon or (set("[]:") & set(host) and not bracketed):
        raise FormatError(f"listenAddress: '{address}' is not host:port, such as :10000")


def _person(token: UnverifiedToken) -> _Person:
    try:
        return msgspec.convert(token.claims, _Person)
    except msgspec.ValidationError as error:
        raise Unauthorized("the token cannot be read", detail=str(error)) from error


def _plain(email: str) -> str:
    """Write the domain of an address in lower case; the part before it may mean its capitals."""
    local, at, domain = email.rpartition("@")
    return f"{local}{at}{domain.lower()}" if at else email


def _names(claims: Claims, person: _Person) -> tuple[San, ...]:
    """Give the email address, and the URI of issuer and subject (issuer#subject)."""
    found = [names.classify(person.email)] if person.email else []
    person_at_issuer = names.identifier(claims.iss or "", claims.sub or "")
    return (*found, person_at_issuer) if person_at_issuer else tuple(found)


def _use(token: UnverifiedToken, claims: Claims, person: _Person, key: PublicKey) -> TokenUse:
    """Remember it by its `nonce`, which a login has one of, else by a hash of it."""
    if person.nonce:
        return TokenUse(reuse_key=person.nonce, raw=token.raw)
    return tokens.use(token, msgspec.structs.replace(claims, jti=None), key)
