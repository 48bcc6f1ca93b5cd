"""What a configuration publishes: revocation lists, and applications of plain HTTP."""

from collections.abc import Iterator, Sequence

from appliance.authority.crl import CrlPlan
from appliance.authority.issuers import Issuers
from appliance.authority.metrics import Gathering
from appliance.config.settings import LevelDbSettings, Settings
from appliance.issuance import revocation_lists
from appliance.model.errors import ConfigError, FormatError
from appliance.ports.chance import Chance
from appliance.web.application import Application, build_application
from appliance.web.http import Route
from appliance.web.publish.metrics import metrics_routes
from appliance.web.visits import AccessLog


def crl_plan(settings: Settings, issuers: Issuers) -> CrlPlan | None:
    """Say which revocation lists there are.

    Raises ConfigError for an intermediate whose lists nobody would take.
    """
    if settings.crl is None:
        return None
    files = {"": settings.certificate, **{each.name: each.certificate for each in settings.issuers}}
    for key in issuers.all:
        try:
            revocation_lists.check_issuer(key.issuer)
        except FormatError as error:
            raise ConfigError(
                f"cannot sign revocation lists (`crl.enabled`): {error.public}",
                file=str(files[key.name]),
            ) from error
    return CrlPlan(
        issuers=issuers,
        url=settings.crl.url,
        cache_duration=settings.crl.cache_duration,
        renew_period=settings.crl.renew_period,
        follows_unknown=isinstance(settings.database, LevelDbSettings)
        and bool(settings.database.notice),
    )


def insecure_application(
    settings: Settings, routes: Sequence[Route], *, chance: Chance, access_log: AccessLog
) -> Application | None:
    """Make what is served in plain HTTP; None when it is nothing, or nobody asked for it."""
    if settings.insecure is None or not publishes(settings):
        return None
    return build_application(
        routes, chance=chance, access_log=access_log, trace_header=settings.trace_header
    )


def metrics_application(
    settings: Settings, numbers: Gathering, *, chance: Chance
) -> Application | None:
    """Make what serves metrics, when somebody asked for it; its requests are not logged."""
    if settings.metrics is None:
        return None
    return build_application(metrics_routes(numbers), chance=chance, access_log=lambda fields: None)


def publishes(settings: Settings) -> bool:
    """Say whether there is anything that is meant for plain HTTP."""
    return settings.crl is not None or settings.ocsp is not None


def warnings(settings: Settings) -> Iterator[str]:
    """Say what nobody will be served."""
    if settings.insecure is not None and not publishes(settings):
        yield (
            f"{settings.file}: insecureAddress: nothing is served there: neither `crl.enabled` nor "
            "`ocsp.enabled` is set"
        )
