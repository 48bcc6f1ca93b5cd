"""The intermediates of a configuration, opened with their keys."""

from dataclasses import replace
from pathlib import Path

from appliance.authority.issuers import Issuers, IssuingKey
from appliance.authority.metrics import CountedSigner, Metrics
from appliance.authority.trust import Trust
from appliance.config.settings import IssuerSettings, IssuerState, Settings
from appliance.formats.keyfile import PasswordNeeded, WrongPassword
from appliance.issuance import name_constraints
from appliance.issuance.issuers import Issuer
from appliance.keys.file import FileSigner, open_signer
from appliance.model.errors import ConfigError
from appliance.model.secret import Password
from appliance.server import material
from appliance.server.pointing import pointers_of


def open_issuers(
    settings: Settings, trust: Trust, password: Password | None, metrics: Metrics
) -> Issuers:
    """Open all that sign, their signatures counted.

    Raises ConfigError for files that are missing, wrong or no pair.
    """
    secret = password or settings.password
    first = _opened(
        settings,
        IssuerSettings(
            name="",
            certificate=settings.certificate,
            key=settings.key,
            state=IssuerState.ACTIVE,
        ),
        settings.key,
        trust,
        secret,
    )
    others = (
        _opened(settings, each, each.key, trust, secret)
        for each in settings.issuers
        if each.key is not None and each.state in (IssuerState.ACTIVE, IssuerState.RETIRING)
    )
    return Issuers(_counted(first, metrics), [_counted(each, metrics) for each in others])


def _counted(key: IssuingKey, metrics: Metrics) -> IssuingKey:
    return replace(key, signer=CountedSigner(key.signer, metrics))


def _opened(
    whole: Settings, settings: IssuerSettings, key: Path, trust: Trust, password: Password | None
) -> IssuingKey:
    chain = material.chain(settings.certificate)
    issuer = material.read_issuer(settings.certificate)
    return IssuingKey(
        name=settings.name,
        issuer=replace(issuer, pointers=pointers_of(whole, settings.name, issuer)),
        signer=_signer(settings.certificate, key, password, issuer),
        chain=chain,
        constraints=name_constraints.of_authorities(
            (*chain, *material.issuing_roots(chain, trust.roots))
        ),
        issues=settings.state is IssuerState.ACTIVE,
    )


def _signer(certificate: Path, key: Path, password: Password | None, issuer: Issuer) -> FileSigner:
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
