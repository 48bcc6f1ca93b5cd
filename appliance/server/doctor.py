"""What would fail, before it does: a configuration tried out without serving or changing anything.

Each check says what it found; one that cannot be made says why. What the server does at a start or
a reload is done here by the same code, up to the listening.
"""

import contextlib
import enum
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import trio

from appliance.config.loading import load
from appliance.config.settings import LevelDbSettings, Settings
from appliance.model.errors import HearthError
from appliance.model.secret import Password
from appliance.model.ssh import CertificateType
from appliance.model.upkeep import DiskSettings
from appliance.operator.endpoint import NAME
from appliance.server import material, passwords
from appliance.server.assembly import Assembly, assemble, lay_foundation
from appliance.server.certificate import OwnCertificate
from appliance.server.offline import NoEvents
from appliance.server.system import SystemChance, SystemClock
from appliance.stores.directory import Claim, StoreAbsent, StoreLocked
from appliance.stores.memory import MemoryStore

_LOOKUP: Final = 5.0  # seconds for a name


class Level(enum.StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of a diagnosis. `topic` is what was looked at."""

    level: Level
    topic: str
    text: str


async def examine(
    file: Path,
    password: Password | None,
    ssh_passwords: Mapping[CertificateType, Password] = MappingProxyType({}),
) -> AsyncIterator[Finding]:
    """Try everything that a configuration needs. Without a password an encrypted key stays shut."""
    try:
        settings = load(file)
    except HearthError as error:
        yield Finding(level=Level.FAILURE, topic="configuration", text=str(error))
        return
    yield _ok("configuration", f"{settings.file} can be read")
    for line in _readable(settings.file):
        yield line
    async for finding in _authority(settings, password, ssh_passwords):
        yield finding
    for line in _database(settings):
        yield line
    for address in ((settings.host, settings.port), settings.insecure, settings.metrics):
        for line in _address(settings, *address) if address else ():
            yield line
    for line in _workers(settings):
        yield line
    async for finding in _names(settings):
        yield finding


def _workers(settings: Settings) -> Iterator[Finding]:
    if not settings.workers:
        return
    processors = len(os.sched_getaffinity(0))
    count = settings.workers
    text = "one more process serves HTTPS" if count == 1 else f"{count} processes serve HTTPS"
    if settings.workers > processors:
        yield _warning("workers", f"{text}: more than the {processors} processors there are")
    else:
        yield _ok("workers", text)


async def _authority(
    settings: Settings,
    password: Password | None,
    ssh_passwords: Mapping[CertificateType, Password],
) -> AsyncIterator[Finding]:
    if passwords.is_missing(settings, password):
        yield _warning("keys", "not tried: give the password of the key with --password-file")
        return
    if settings.token_keys:
        for finding in _with_tokens(settings):
            yield finding
        return
    clock, chance, store = SystemClock(), SystemChance(), MemoryStore()
    foundation = lay_foundation(
        store,
        clock=clock,
        chance=chance,
        events=NoEvents(),
        password=password,
        ssh_passwords=ssh_passwords,
    )
    try:
        assembly = assemble(settings, foundation, lambda line: None)
        await OwnCertificate(clock, chance).issue(assembly)
    except HearthError as error:
        yield Finding(level=Level.FAILURE, topic="certificates and keys", text=str(error))
        return
    yield _ok("certificates and keys", _opened(assembly))
    for line in assembly.warnings:
        yield _warning("certificates and keys", line)


def _with_tokens(settings: Settings) -> Iterator[Finding]:
    """Read the certificates; tokens are left alone, since a wrong PIN would cost a try."""
    try:
        material.read_trust(settings)
        material.read_issuer(settings.certificate)
    except HearthError as error:
        yield Finding(level=Level.FAILURE, topic="certificates and keys", text=str(error))
        return
    yield _ok("certificates and keys", "the certificates can be read")
    names = ", ".join(dict.fromkeys(str(key.token.uri) for key in settings.token_keys))
    yield _warning(
        "keys", f"not tried: they are on {names}; `hearth token status` asks the running server"
    )


def _opened(assembly: Assembly) -> str:
    count = len(assembly.issuers.all)
    return "the intermediate signs" if count == 1 else f"{count} intermediates sign"


def _readable(file: Path) -> Iterator[Finding]:
    """Say what would go wrong for who edits the configuration."""
    if not os.access(file.parent, os.W_OK):
        yield _warning("configuration", f"{file.parent} cannot be written by this user")


def _database(settings: Settings) -> Iterator[Finding]:
    if not isinstance(settings.database, LevelDbSettings):
        yield _warning("database", "there is none: what is issued is not recorded")
        return
    directory = settings.database.directory
    try:
        Claim(directory, create=False).release()
    except StoreLocked as error:
        yield _ok("database", f"{error.public}: the server runs")
    except StoreAbsent:
        yield from _to_be_made(directory)
    except HearthError as error:
        yield Finding(level=Level.FAILURE, topic="database", text=str(error))
        return
    else:
        yield _ok("database", f"{directory} can be opened")
    yield from _space(directory, settings.disk)


def _to_be_made(directory: Path) -> Iterator[Finding]:
    above = _nearest(directory)
    if os.access(above, os.W_OK | os.X_OK):
        yield _ok("database", f"{directory} will be made at the first start")
    else:
        text = f"{directory} cannot be made: {above} cannot be written by this user"
        yield Finding(level=Level.FAILURE, topic="database", text=text)


def _space(directory: Path, limits: DiskSettings) -> Iterator[Finding]:
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(_nearest(directory)).free
        left = f"{free // 2**20} MB are left where the database is"
        if free < limits.refuse_below:
            text = f"only {left}: nothing would be issued"
            yield Finding(level=Level.FAILURE, topic="disk", text=text)
        elif free < limits.warn_below:
            yield _warning("disk", f"only {left}")
        else:
            yield _ok("disk", left)


def _nearest(path: Path) -> Path:
    """Find the first directory above that is there."""
    return next(each for each in (path, *path.parents) if each.exists())


def _address(settings: Settings, host: str, port: int) -> Iterator[Finding]:
    """Listen for an instant, unless the CA itself does."""
    shown = f"{host or '*'}:{port}"
    family = socket.AF_INET6 if ":" in host or not host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except PermissionError:
        text = (
            f"{shown} needs a privilege: run as a systemd service with "
            "AmbientCapabilities=CAP_NET_BIND_SERVICE, or choose a port above 1023"
        )
        yield Finding(level=Level.FAILURE, topic="address", text=text)
    except OSError as error:
        if _is_running(settings):
            yield _ok("address", f"{shown} is served")
        else:
            text = f"{shown} cannot be listened on: {error.strerror}"
            yield Finding(level=Level.FAILURE, topic="address", text=text)
    else:
        yield _ok("address", f"{shown} is free")


def _is_running(settings: Settings) -> bool:
    """Say whether a server has the database open."""
    if not isinstance(settings.database, LevelDbSettings):
        return False
    return (settings.database.directory / NAME).exists()


async def _names(settings: Settings) -> AsyncIterator[Finding]:
    for name in settings.dns_names:
        found: list[object] = []
        with trio.move_on_after(_LOOKUP), contextlib.suppress(OSError, UnicodeError):
            found = list(await trio.socket.getaddrinfo(name, None))
        if found:
            yield _ok("names", f"{name} can be looked up")
        else:
            yield _warning(
                "names", f"{name} cannot be looked up here: clients must be able to find it"
            )


def _ok(topic: str, text: str) -> Finding:
    return Finding(level=Level.OK, topic=topic, text=text)


def _warning(topic: str, text: str) -> Finding:
    return Finding(level=Level.WARNING, topic=topic, text=text)
