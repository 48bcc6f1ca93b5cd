"""The configuration in force, as a person reads it: each setting, written or by default.

No secret is shown, and none is in any text that is shown: passwords and PINs are said to be set.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from appliance.config.settings import (
    CrlSettings,
    KeyPlace,
    LevelDbSettings,
    MemorySettings,
    Settings,
    TokenKey,
)
from appliance.formats import goduration
from appliance.model.backups import InBucket, InDirectory, Keep, OnSftp
from appliance.model.configured import Setting

_NONE: Final = "none"
_MEGABYTE: Final = 2**20

Row = tuple[str, str]


def shown(settings: Settings) -> tuple[Setting, ...]:
    """Give all settings, group by group."""
    groups = (
        ("Server", _server(settings)),
        ("Keys", _keys(settings)),
        ("Issuing", _issuing(settings)),
        ("Published", _published(settings)),
        ("TLS", _tls(settings)),
        ("Database", _database(settings)),
        ("Guards", _guards(settings)),
        ("Backup", _backup(settings)),
        ("Alerts", _alerts(settings)),
    )
    return tuple(
        Setting(group=group, name=name, value=value, written=name.lower() in settings.written)
        for group, rows in groups
        for name, value in rows
    )


def place(key: KeyPlace | None) -> str:
    """Say where a key is, without secrets."""
    if key is None:
        return _NONE
    return f"{key.uri} on {key.token.uri}" if isinstance(key, TokenKey) else str(key)


def _server(settings: Settings) -> Iterator[Row]:
    yield "address", _joined(settings.host, settings.port)
    yield "dnsNames", ", ".join(settings.dns_names)
    yield "commonName", settings.common_name
    yield "insecureAddress", _address(settings.insecure)
    yield "metricsAddress", _address(settings.metrics)
    yield "logger.format", settings.log_format or "no line for each request"
    yield "logger.traceHeader", settings.trace_header or _NONE


def _keys(settings: Settings) -> Iterator[Row]:
    yield "root", _files(settings.roots)
    yield "federatedRoots", _files(settings.federated_roots)
    yield "crt", str(settings.certificate)
    yield "key", place(settings.key)
    yield "password", "set" if settings.password is not None else _NONE
    yield (
        "issuers",
        ", ".join(f"{each.name} ({each.state.value})" for each in settings.issuers) or _NONE,
    )
    ssh = settings.ssh
    yield "ssh.hostKey", place(ssh.host_key if ssh else None)
    yield "ssh.userKey", place(ssh.user_key if ssh else None)


def _issuing(settings: Settings) -> Iterator[Row]:
    names = [each.name for each in settings.provisioners]
    yield "authority.provisioners", f"{len(names)}: {', '.join(names)}" if names else _NONE
    yield "authority.claims", "see each provisioner"
    yield "authority.policy", "set" if settings.policy or settings.ssh_policy else _NONE
    yield "authority.template", _pairs(settings.subject_defaults.items())
    yield "authority.backdate", _span(settings.backdate)
    yield "authority.disableIssuedAtCheck", _yes(not settings.check_issued_at)
    yield "authority.disableGetSSHHosts", _yes(not settings.ssh_hosts_listed)


def _published(settings: Settings) -> Iterator[Row]:
    yield "crl.enabled", _yes(settings.crl is not None)
    if settings.crl is not None:
        yield from _crl(settings.crl)
    yield "ocsp.enabled", _yes(settings.ocsp is not None)
    if settings.ocsp is not None:
        yield "ocsp.validity", _span(settings.ocsp.validity)


def _crl(crl: CrlSettings) -> Iterator[Row]:
    yield "crl.cacheDuration", _span(crl.cache_duration)
    yield "crl.renewPeriod", _span(crl.renew_period)
    yield "crl.generateOnRevoke", _yes(crl.generate_on_revoke)
    yield "crl.idpURL", crl.url


def _tls(settings: Settings) -> Iterator[Row]:
    tls = settings.tls
    yield "tls.minVersion", f"{tls.min_version}"
    yield "tls.maxVersion", f"{tls.max_version}"
    yield "tls.cipherSuites", ", ".join(tls.cipher_suites)
    yield "tls.renegotiation", _yes(tls.renegotiation)


def _database(settings: Settings) -> Iterator[Row]:
    match settings.database:
        case LevelDbSettings(directory=directory):
            yield "db", f"leveldb {directory}"
        case MemorySettings():
            yield "db", "none: nothing is recorded"
    kept = settings.retention
    yield "retention.certificates", _ever(kept.certificates)
    yield "retention.events", _ever(kept.events)
    yield "retention.tokens", _ever(kept.tokens)
    yield "retention.acme", _ever(kept.acme)


def _guards(settings: Settings) -> Iterator[Row]:
    yield "clock.requireSynchronized", _yes(settings.clock.require_synchronized)
    yield "clock.grace", _span(settings.clock.grace)
    yield "disk.warnBelow", f"{settings.disk.warn_below // _MEGABYTE} MB"
    yield "disk.refuseBelow", f"{settings.disk.refuse_below // _MEGABYTE} MB"


def _backup(settings: Settings) -> Iterator[Row]:
    plan = settings.backup
    if plan is None:
        yield "backup", _NONE
        return
    yield "backup.to", written(plan.place)
    yield "backup.every", _span(plan.every)
    yield "backup.keep", kept(plan.keep)
    yield "backup.passphraseFile", str(plan.passphrase) if plan.passphrase else "none: no keys"


def _alerts(settings: Settings) -> Iterator[Row]:
    alerts = settings.alerts
    targets = ", ".join(f"{each.name} (from {each.least.value})" for each in alerts.addressees)
    yield "alerts.targets", targets or "none: nobody is told"
    yield "alerts.watch", ", ".join(each.title for each in alerts.watches) or _NONE
    burst = alerts.burst
    yield "alerts.refusals", f"{burst.count} within {_span(burst.within)}"
    yield (
        "alerts.rules",
        _pairs(
            [(name, "off") for name in sorted(alerts.disabled)]
            + [(name, f"after {_span(hold)}") for name, hold in sorted(alerts.holds.items())]
        ),
    )


def written(where: InDirectory | OnSftp | InBucket) -> str:
    """Give a place for backups as commands take it."""
    match where:
        case InDirectory():
            return str(where.directory)
        case OnSftp():
            user = f"{where.user}@" if where.user else ""
            port = f":{where.port}" if where.port else ""
            path = where.directory
            return f"sftp://{user}{where.host}{port}{path if path[:1] == '/' else f'/~/{path}'}"
        case InBucket():
            options = [f"endpoint={where.endpoint}"] if where.endpoint else []
            options += [f"region={where.region}"]
            return f"s3://{where.bucket}/{where.prefix}?{'&'.join(options)}"


def kept(keep: Keep) -> str:
    """Say how many backups stay."""
    if keep.everything:
        return "all"
    counts = ((name, getattr(keep, name)) for name in ("last", "daily", "weekly", "monthly"))
    return ", ".join(f"{count} {name}" for name, count in counts if count)


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _address(pair: tuple[str, int] | None) -> str:
    return _joined(*pair) if pair else _NONE


def _files(files: Iterable[Path]) -> str:
    return ", ".join(str(each) for each in files) or _NONE


def _pairs(pairs: Iterable[Row]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in pairs) or _NONE


def _span(length: timedelta) -> str:
    text = goduration.format_duration(length)
    if text.endswith("m0s"):
        text = text.removesuffix("0s").removesuffix("h0m") + ("h" if text.endswith("h0m0s") else "")
    days = length / timedelta(days=1)
    return f"{text} ({days:.0f} days)" if days >= 2 else text


def _ever(length: timedelta | None) -> str:
    return "for ever" if length is None else f"{_span(length)} after their end"


def _yes(value: bool) -> str:  # noqa: FBT001 - a JSON value, as it is read
    return "true" if value else "false"
