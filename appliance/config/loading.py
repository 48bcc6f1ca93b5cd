"""ca.json to Settings: read, checked in step-ca's order, completed, every path absolute.

Relative names of certificates, keys and the database are relative to the working directory, as in
step-ca.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec

from appliance.config import (
    alerts,
    backup,
    claims,
    client_templates,
    console,
    database,
    issuers,
    ocsp,
    policy,
    provisioners,
    publishing,
    refusals,
    ssh,
    tokens,
    upkeep,
)
from appliance.config.addresses import split_address
from appliance.config.document import Document, parse
from appliance.config.schema import Authority, CaJson, DistinguishedName, Logger, Tls
from appliance.config.settings import MemorySettings, ProvisionerSettings, Settings, TlsSettings
from appliance.model.errors import ConfigError, FormatError
from appliance.model.secret import Password

DNS_NAMES: Final = ("localhost", "127.0.0.1", "::1")
COMMON_NAME: Final = "Step Online CA"
BACKDATE: Final = timedelta(minutes=1)
TLS: Final = TlsSettings(
    cipher_suites=(
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    ),
    min_version=1.2,
    max_version=1.3,
    renegotiation=False,
)
_LOG_FORMATS: Final = ("text", "json", "common")


def load(file: Path) -> Settings:
    """Read and check a ca.json.

    Raises ConfigNotFound when there is none, ConfigError for whatever else is wrong with it.
    """
    return read(file, content(file))


def read(file: Path, text: bytes) -> Settings:
    """Check a ca.json that was read before. Raises ConfigError."""
    return replace(of_document(parse(file.absolute(), text)), text=text)


def content(file: Path) -> bytes:
    """Read the file. Raises ConfigNotFound, ConfigUnreadable."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigNotFound("there is no such file", file=str(file)) from error
    except OSError as error:
        raise ConfigUnreadable(f"cannot be read: {error.strerror}", file=str(file)) from error


class ConfigNotFound(ConfigError):
    """There is no configuration, so perhaps no CA yet."""


class ConfigUnreadable(ConfigError):
    """There is a configuration, but not for us."""


def of_document(document: Document) -> Settings:
    """Check what was read. Raises ConfigError."""
    written = document.read(CaJson)
    authority = written.authority or Authority()
    roots = _roots(written)
    _check_presence(written, roots, document)
    host, port = _address(written, document)
    tls = _tls(written.tls, document)
    places = tokens.read(written.kms, document)
    ssh_settings = ssh.read(written.ssh, document, places)
    refusals.check(written, document)
    backdate = _backdate(authority, document)
    warnings: list[str] = []
    above = claims.inherit(claims.BUILT_IN, authority.claims, document, "authority.claims")
    if problem := above.problem():
        raise document.wrong(problem, "authority.claims")
    listed = provisioners.read(authority.provisioners, above, backdate, document, warnings)
    others = issuers.read(written.issuers, document, places)
    issuers.check_named(listed, others, document)
    names = policy.read(authority.policy, document)
    principals = policy.read_ssh(authority.policy, document)
    files = client_templates.read(written.templates, document)
    warnings += client_templates.warnings(files)
    store = database.read(written.db, document)
    dns_names = DNS_NAMES if written.dns_names is None else tuple(written.dns_names)
    persistent = not isinstance(store, MemorySettings)
    insecure = publishing.read_address(written.insecure_address, "insecureAddress", document)
    crl = publishing.read_crl(written.crl, dns_names, document, persistent=persistent)
    place = ocsp.Place(dns_name=dns_names[0], port=port, insecure=insecure)
    pointers, crl = ocsp.read_pointers(written, crl, place, document)
    warnings += ocsp.warnings(pointers)
    return Settings(
        file=document.file,
        roots=_paths(roots),
        federated_roots=_paths(written.federated_roots or []),
        certificate=_path(written.crt),
        key=places.place(written.key, "key"),
        issuers=others,
        host=host,
        port=port,
        insecure=insecure,
        metrics=publishing.read_address(written.metrics_address, "metricsAddress", document),
        dns_names=dns_names,
        common_name=written.common_name or COMMON_NAME,
        log_format=_log_format(written.logger, document),
        trace_header=written.logger.trace_header if written.logger else "",
        database=store,
        tls=tls,
        crl=crl,
        ocsp=ocsp.read_ocsp(written.ocsp, document, persistent=persistent),
        pointers=pointers,
        password=Password(written.password.encode()) if written.password else None,
        provisioners=listed,
        subject_defaults=_subject_defaults(authority.template),
        backdate=backdate,
        check_issued_at=not authority.disable_issued_at_check,
        policy=names,
        ssh=ssh_settings,
        ssh_policy=principals,
        ssh_hosts_listed=not authority.disable_get_ssh_hosts,
        ssh_templates=files,
        backup=backup.read(written.backup, document, persistent=persistent),
        alerts=alerts.read(written.alerts, document),
        retention=upkeep.read_retention(written.retention, document),
        clock=upkeep.read_clock(written.clock, document),
        disk=upkeep.read_disk(written.disk, document),
        lock=console.read(written.console, document),
        written=document.keys(),
        digest=document.digest,
        workers=upkeep.read_workers(written.workers, document),
        warnings=(*_unknown(document), *warnings, *_not_served(written, listed, store)),
    )


def _address(written: CaJson, document: Document) -> tuple[str, int]:
    try:
        return split_address(written.address)
    except FormatError as error:
        raise document.wrong(error.public, "address") from None


def _check_presence(written: CaJson, roots: list[str], document: Document) -> None:
    required = (
        ("address", bool(written.address)),
        ("dnsNames", written.dns_names is None or bool(written.dns_names)),
        ("root", bool(roots) and all(roots)),
        ("crt", bool(written.crt)),
        ("key", bool(written.key)),
    )
    for place, present in required:
        if not present:
            raise document.wrong("cannot be empty", place)


def _backdate(authority: Authority, document: Document) -> timedelta:
    if authority.backdate is None:
        return BACKDATE
    backdate = claims.duration(authority.backdate, document, "authority.backdate")
    if backdate < timedelta():
        raise document.wrong("cannot be negative", "authority.backdate")
    return backdate


def _roots(written: CaJson) -> list[str]:
    if written.root is None:
        return []
    return [written.root] if isinstance(written.root, str) else written.root


def _tls(written: Tls | None, document: Document) -> TlsSettings:
    if written is None:
        return TLS
    settings = TlsSettings(
        cipher_suites=tuple(written.cipher_suites or TLS.cipher_suites),
        min_version=written.min_version or TLS.min_version,
        max_version=written.max_version or TLS.max_version,
        renegotiation=written.renegotiation,
    )
    if settings.min_version > settings.max_version:
        raise document.wrong("minVersion cannot exceed maxVersion", "tls")
    return settings


def _log_format(written: Logger | None, document: Document) -> str:
    """Give the format of the access log; without `logger` there is none, as in step-ca."""
    if written is None:
        return ""
    form = written.format.lower() or "text"
    if form not in _LOG_FORMATS:
        raise document.wrong(f"'{written.format}' must be text, json or common", "logger.format")
    return form


def _subject_defaults(written: DistinguishedName | None) -> dict[str, str]:
    return {
        name: value
        for name, value in (msgspec.to_builtins(written) if written else {}).items()
        if value
    }


def _path(name: str) -> Path:
    return Path(name).absolute()


def _paths(names: list[str]) -> tuple[Path, ...]:
    return tuple(_path(name) for name in names)


def _unknown(document: Document) -> list[str]:
    places = dict.fromkeys(document.unknown)  # options are read for each kind of certificate
    return [f"{place}: nobody knows this key; it is ignored" for place in places]


def _not_served(
    written: CaJson,
    listed: tuple[ProvisionerSettings, ...],
    store: object,
) -> list[str]:
    """Say what of step-ca is configured and not there in this version."""
    lines = []
    if any(each.type == "SCEP" for each in listed):
        lines.append("this version does not serve /scep/…, which is configured")
    if isinstance(store, MemorySettings):
        lines.append(
            "there is no `db`: certificates and revocations are not recorded, and used tokens are "
            "forgotten at the end"
        )
    return lines
