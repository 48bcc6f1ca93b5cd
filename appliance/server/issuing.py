"""The intermediates of a configuration, opened with their keys."""

from dataclasses import dataclass, replace
from pathlib import Path

from appliance.authority.issuers import Issuers, IssuingKey
from appliance.authority.metrics import CountedSigner
from appliance.authority.trust import Trust
from appliance.config.settings import (
    IssuerSettings,
    IssuerState,
    KeyPlace,
    Settings,
    TokenKey,
)
from appliance.formats.keyfile import PasswordNeeded, WrongPassword
from appliance.issuance import name_constraints
from appliance.issuance.issuers import Issuer
from appliance.keys.file import open_signer
from appliance.model.errors import ConfigError
from appliance.model.secret import Password
from appliance.ports.events import CountingSink
from appliance.ports.signer import Signer
from appliance.server import material
from appliance.server.keys import Tokens
from appliance.server.pointing import pointers_of
from appliance.server.token_keys import TokenKeys


def open_issuers(
    settings: Settings,
    trust: Trust,
    password: Password | None,
    metrics: CountingSink,
    tokens: TokenKeys | None = None,
) -> Issuers:
    """Open all that sign, their signatures counted. Keys on tokens need not be there yet.

    Raises ConfigError for files that are missing, wrong or no pair.
    """
    keys = _Keys(settings, trust, password or settings.password, tokens or Tokens())
    first = _opened(
        keys,
        IssuerSettings(
            name="",
            certificate=settings.certificate,
            key=settings.key,
            state=IssuerState.ACTIVE,
        ),
        settings.key,
    )
    others = (
        _opened(keys, each, each.key)
        for each in settings.issuers
        if each.key is not None and each.state in (IssuerState.ACTIVE, IssuerState.RETIRING)
    )
    return Issuers(_counted(first, metrics), [_counted(each, metrics) for each in others])


def _counted(key: IssuingKey, metrics: CountingSink) -> IssuingKey:
    return replace(key, signer=CountedSigner(key.signer, metrics))


@dataclass(frozen=True, slots=True)
class _Keys:
    """What opens keys, and what their certificates are held against."""

    settings: Settings
    trust: Trust
    password: Password | None
    tokens: TokenKeys

    def signer(self, certificate: Path, key: KeyPlace, issuer: Issuer) -> Signer:
        """Open the key of a certificate. Raises ConfigError."""
        if isinstance(key, TokenKey):
            return self.tokens.signer(key, issuer.public_key)
        return _of_file(certificate, key, self.password, issuer)


def _opened(keys: _Keys, settings: IssuerSettings, key: KeyPlace) -> IssuingKey:
    chain = material.chain(settings.certificate)
    issuer = material.read_issuer(settings.certificate)
    return IssuingKey(
        name=settings.name,
        issuer=replace(issuer, pointers=pointers_of(keys.settings, settings.name, issuer)),
        signer=keys.signer(settings.certificate, key, issuer),
        chain=chain,
        constraints=name_constraints.of_authorities(
            (*chain, *material.issuing_roots(chain, keys.trust.roots))
        ),
        issues=settings.state is IssuerState.ACTIVE,
    )


def _of_file(certificate: Path, key: Path, password: Password | None, issuer: Issuer) -> Signer:
    try:
        return open_signer(key, password, certificate=certificate, public_key=issuer.public_key)
    except PasswordNeeded as error:
        raise ConfigError(
            "the key is encrypted: give its password with --password-file, as the systemd "
            "credential 'hearth-password', or as `password` in ca.json",
            file=str(key),
        ) from error
    except WrongPassword as error:
        raise ConfigError("the password does not open the key", file=str(key)) from error
