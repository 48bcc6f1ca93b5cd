"""All provisioners: found by token, certificate, id or name, and listed page by page."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from appliance.config.settings import ProvisionerSettings, Settings
from appliance.formats.jwt import UnverifiedToken
from appliance.formats.ssh.keys import SshPublicKey
from appliance.issuance.grants import Grant, RevocationGrant
from appliance.issuance.ssh.grants import SshGrant, SshRenewalGrant
from appliance.model.errors import ConfigError, FormatError, NotFound, Unauthorized
from appliance.model.ssh import CertificateType
from appliance.ports.chance import Chance
from appliance.ports.outbound import Outbound
from appliance.provisioners import k8ssa, tokens
from appliance.provisioners.acme import AcmeProvisioner
from appliance.provisioners.audiences import Audiences, audiences, fragment
from appliance.provisioners.jwk import JwkProvisioner
from appliance.provisioners.k8ssa import K8sSaProvisioner
from appliance.provisioners.listed import (
    DisabledProvisioner,
    ListedProvisioner,
    UninitializedProvisioner,
)
from appliance.provisioners.oidc import OidcProvisioner
from appliance.provisioners.provisioner import Provisioner
from appliance.provisioners.sshpop import SshPopProvisioner
from appliance.provisioners.tokens import Claims

_PAGE, _LONGEST_PAGE = 20, 100
_CURSOR_LENGTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some entries in order; `next_cursor` is empty on the last page."""

    entries: tuple[Mapping[str, object], ...]
    next_cursor: str


class Registry:
    """The provisioners of one configuration."""

    def __init__(
        self,
        provisioners: Iterable[Provisioner],
        *,
        accepted: Audiences,
        not_issued_before: datetime | None = None,
    ) -> None:
        """Take them in order. Raises FormatError when two have the same name or id.

        Tokens with an `iat` before `not_issued_before` are refused: since nothing is known of
        those that a predecessor without a store took.
        """
        self.audiences = accepted
        self._earliest = int(not_issued_before.timestamp()) if not_issued_before else None
        self._by_name: dict[str, Provisioner] = {}
        self._by_id: dict[str, Provisioner] = {}
        self._by_token_id: dict[str, Provisioner] = {}
        self._pages: list[tuple[str, Provisioner]] = []
        self._encrypted_keys: dict[str, str] = {}
        for provisioner in provisioners:
            self._add(provisioner)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in order."""
        return tuple(self._by_name)

    def by_id(self, identifier: str) -> Provisioner | None:
        """Find one by the id in step-ca's rows."""
        return self._by_id.get(identifier)

    def by_name(self, name: str) -> Provisioner | None:
        """Find one by the name in the step provisioner extension."""
        return self._by_name.get(name)

    async def authorize_sign(self, token: str, now: datetime) -> Grant:
        """Find the token's provisioner and let it verify. Raises Unauthorized, BadRequest."""
        parts, claims = tokens.read(token)
        return await self._of_token(parts, claims).authorize_sign(parts, claims, now)

    async def authorize_revoke(self, token: str, now: datetime) -> RevocationGrant:
        """Do the same for a revocation."""
        parts, claims = tokens.read(token)
        return await self._of_token(parts, claims).authorize_revoke(parts, claims, now)

    async def authorize_ssh_sign(self, token: str, now: datetime) -> SshGrant:
        """Do the same for an SSH certificate. Raises Forbidden too."""
        parts, claims = tokens.read(token)
        return await self._of_token(parts, claims).authorize_ssh_sign(parts, claims, now)

    async def authorize_ssh_renew(self, token: str, now: datetime) -> SshRenewalGrant:
        """Do the same to have an SSH certificate again."""
        parts, claims = tokens.read(token)
        return await self._of_token(parts, claims).authorize_ssh_renew(parts, claims, now)

    async def authorize_ssh_rekey(self, token: str, now: datetime) -> SshRenewalGrant:
        """Do the same to have it again for another key."""
        parts, claims = tokens.read(token)
        return await self._of_token(parts, claims).authorize_ssh_rekey(parts, claims, now)

    async def authorize_ssh_revoke(self, token: str, now: datetime) -> RevocationGrant:
        """Do the same for the revocation of an SSH certificate."""
        parts, claims = tokens.read(token)
        return await self._of_token(parts, claims).authorize_ssh_revoke(parts, claims, now)

    def page(self, cursor: str = "", limit: int = 0) -> Page:
        """List from a cursor on; no limit, or one below 1, means 20, and above 100 means 100."""
        count = _PAGE if limit <= 0 else min(limit, _LONGEST_PAGE)
        start = cursor.rjust(_CURSOR_LENGTH, "0")
        rest = [pair for pair in self._pages if pair[0] >= start]
        following = rest[count : count + 1]
        return Page(
            entries=tuple(provisioner.entry for _, provisioner in rest[:count]),
            next_cursor=following[0][0].lstrip("0") if following else "",
        )

    @property
    def problems(self) -> tuple[str, ...]:
        """A line about each that cannot be used now."""
        return tuple(
            f'failed to initialize {entry["type"]} provisioner "{entry["name"]}": '
            f"{entry['stateReason']}"
            for entry in (provisioner.entry for _, provisioner in self._pages)
            if entry.get("state") == "Uninitialized"
        )

    @property
    def unprepared(self) -> tuple[OidcProvisioner, ...]:
        """Those whose identity provider has not said yet who it is."""
        return tuple(each for each in self.of_providers() if each.provider.known is None)

    def resume(self, former: "Registry") -> None:
        """Let identity providers that do not answer now be who they were to a former registry."""
        known = {each.token_id: each for each in former.of_providers()}
        for each in self.unprepared:
            if (before := known.get(each.token_id)) is not None:
                each.resume(before)

    def of_providers(self) -> Iterator[OidcProvisioner]:
        """Give those that rely on an identity provider."""
        for _, provisioner in self._pages:
            if isinstance(provisioner, OidcProvisioner):
                yield provisioner

    def encrypted_key(self, kid: str) -> str:
        """Give the encrypted private key of a JWK provisioner. Raises NotFound."""
        try:
            return self._encrypted_keys[kid]
        except KeyError:
            raise NotFound(f"no provisioner has an encrypted key with id '{kid}'") from None

    def _of_token(self, token: UnverifiedToken, claims: Claims) -> Provisioner:
        named = self._named_by(token, claims)
        provisioner = next(filter(None, map(self._by_token_id.get, named)), None)
        if provisioner is None:
            looked = " or ".join(named) or "nobody"
            raise Unauthorized("no provisioner goes with the token", detail=f"looked for {looked}")
        if self._earliest is not None and claims.iat is not None and claims.iat < self._earliest:
            raise Unauthorized("the token was issued before this certificate authority started")
        return provisioner

    def _named_by(self, token: UnverifiedToken, claims: Claims) -> Sequence[str]:
        """Say whom a token may name, the most likely first; nothing of it is true yet.

        A token that is meant for us names the provisioner in its audience's fragment, else by
        issuer and key. Others come from elsewhere: a Kubernetes cluster, a cloud, an identity
        provider, whose client the audience is.
        """
        audience = claims.audience
        named = fragment(audience)
        if self.audiences.every.matches(audience, named):
            return (named or f"{claims.iss}:{token.header.get('kid', '')}",)
        if claims.iss == k8ssa.ISSUER:
            return (k8ssa.ID,)
        if not audience:
            return ()
        party, tenant = token.claims.get("azp"), token.claims.get("tid")
        client_of_tenant = audience[0] if tenant and claims.email else None
        found = (party, client_of_tenant, tenant, audience[0])
        return [each for each in found if isinstance(each, str) and each]

    def _add(self, provisioner: Provisioner) -> None:
        name, identifier = provisioner.ref.name, provisioner.ref.id
        if name in self._by_name or identifier in self._by_id:
            raise FormatError(f"two provisioners have the name '{name}' or the id '{identifier}'")
        if provisioner.token_id in self._by_token_id:
            raise FormatError(f"two provisioners would take tokens for '{provisioner.token_id}'")
        # The cursor: a hash of the id, whose first four octets are the place in the order.
        digest = hashlib.sha1(identifier.encode(), usedforsecurity=False).digest()
        place = len(self._pages).to_bytes(4)
        self._pages.append(((place + digest[4:]).hex(), provisioner))
        self._by_name[name] = self._by_id[identifier] = provisioner
        self._by_token_id[provisioner.token_id] = provisioner
        encrypted = provisioner.entry.get("encryptedKey")
        if isinstance(provisioner, JwkProvisioner) and isinstance(encrypted, str) and encrypted:
            self._encrypted_keys[provisioner.ref.credential_id] = encrypted


SshAuthorities: TypeAlias = Mapping[CertificateType, Sequence[SshPublicKey]]
"""The public keys that sign, or have signed, each type of SSH certificate."""

NO_SSH: Final[SshAuthorities] = dict.fromkeys(CertificateType, ())


def build(
    settings: Settings,
    started_at: datetime,
    *,
    outbound: Outbound,
    chance: Chance,
    ssh: SshAuthorities = NO_SSH,
) -> Registry:
    """Make the provisioners of a ca.json. Raises ConfigError when two collide."""
    accepted = audiences(settings.dns_names)
    try:
        return Registry(
            (
                provisioner_of(each, accepted, outbound=outbound, chance=chance, ssh=ssh)
                for each in settings.provisioners
            ),
            accepted=accepted,
            not_issued_before=started_at if settings.check_issued_at else None,
        )
    except FormatError as error:
        raise ConfigError(
            error.public, file=str(settings.file), place="authority.provisioners"
        ) from error


def provisioner_of(
    settings: ProvisionerSettings,
    accepted: Audiences,
    *,
    outbound: Outbound,
    chance: Chance,
    ssh: SshAuthorities = NO_SSH,
) -> Provisioner:
    """Make a provisioner; one that cannot be is listed with the reason."""
    if settings.disabled or settings.problem:
        return _unused(settings)
    made: Provisioner
    try:
        match settings.type:
            case "JWK":
                made = JwkProvisioner(settings, accepted)
            case "OIDC":
                made = OidcProvisioner(settings, outbound=outbound, chance=chance)
            case "X5C":
                from appliance.provisioners.x5c import X5cProvisioner  # noqa: PLC0415 - few have it

                made = X5cProvisioner(settings, accepted)
            case "K8sSA":
                made = K8sSaProvisioner(settings)
            case "Nebula":
                from appliance.provisioners.nebula import NebulaProvisioner  # noqa: PLC0415

                made = NebulaProvisioner(settings, accepted)
            case "ACME":
                made = AcmeProvisioner(settings)
            case "SSHPOP":
                made = SshPopProvisioner(settings, accepted, ssh)
            case _:
                made = ListedProvisioner(settings)
    except FormatError as error:
        return UninitializedProvisioner(settings, error.public)
    return made


def _unused(settings: ProvisionerSettings) -> Provisioner:
    if settings.disabled:
        return DisabledProvisioner(settings)
    return UninitializedProvisioner(settings, settings.problem)
