"""Backups in their places: opened by what ca.json or a person names, listed, made, thinned out."""

import configparser
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, assert_never

import trio

from appliance.config.settings import Settings
from appliance.formats.sigv4 import S3Credentials
from appliance.model.backups import BackupName, BackupPlace, InBucket, InDirectory, Keep, OnSftp
from appliance.model.errors import ConfigError
from appliance.model.secret import Password
from appliance.ports.chance import Chance
from appliance.ports.places import Place
from appliance.server import material
from appliance.server.backup import making, retention
from appliance.server.backup.contents import Contents
from appliance.server.backup.making import Made
from appliance.server.system import SystemClock
from appliance.upstream.directory_place import DirectoryPlace
from appliance.upstream.s3_place import S3Place
from appliance.upstream.sftp_place import SftpPlace

_PROFILE: Final = "default"
_ABANDONED: Final = 86400.0  # seconds without a write


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBackup:
    """A backup in a place. `size` is in octets."""

    name: BackupName
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A backup that was made, and what was removed for it."""

    name: BackupName
    made: Made
    removed: tuple[BackupName, ...] = ()


def open_place(
    place: BackupPlace, environ: Mapping[str, str], authorities: Sequence[bytes] = ()
) -> Place:
    """Make the driver of a place; `authorities` (DER) are trusted beside the system's roots.

    Raises ConfigError for credentials that cannot be read.
    """
    match place:
        case InDirectory():
            return DirectoryPlace(place.directory, mounted=place.mounted)
        case OnSftp():
            return SftpPlace(
                host=place.host,
                user=place.user,
                port=place.port,
                directory=place.directory,
                identity=place.identity,
                known_hosts=place.known_hosts,
            )
        case InBucket():
            return S3Place(
                bucket=place.bucket,
                prefix=place.prefix,
                region=place.region,
                endpoint=place.endpoint,
                credentials=_credentials(place.credentials, environ),
                now=SystemClock().now,
                authorities=authorities,
            )
        case _:
            assert_never(place)


def own_authorities(settings: Settings) -> tuple[bytes, ...]:
    """Give the roots of the CA, by which a place in the same house may have its certificate.

    Raises ConfigError.
    """
    trust = material.read_trust(settings)
    return (*trust.roots, *trust.federated_roots, *trust.intermediates)


async def kept(place: Place, authority: str = "") -> list[KeptBackup]:
    """Give the backups in a place, oldest first: all, or those of one CA. Raises Unavailable."""
    found = [(BackupName.parse(each.name), each) for each in await place.names()]
    return sorted(
        (
            KeptBackup(name=name, size=each.size)
            for name, each in found
            if name is not None and authority in ("", name.authority)
        ),
        key=lambda each: (each.name.made_at, each.name.authority),
    )


async def store(
    place: Place,
    contents: Contents,
    read_rows: Callable[[], Awaitable[bytes]],
    passphrase: Password | None,
    chance: Chance,
    keep: Keep,
) -> Stored:
    """Make a backup, bring it to its place, and then remove those that need not stay.

    Raises Unavailable, Forbidden, Conflict, and what making it raises.
    """
    workshop = await trio.to_thread.run_sync(lambda: place.workshop)
    directory = await trio.to_thread.run_sync(_directory, workshop, contents.name)
    file = directory / f".{contents.name}.{os.getpid()}.partial"
    try:
        made = await making.write(file, contents, read_rows, passphrase, chance)
        await place.put(file, str(contents.name))
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(_clear, file, directory, workshop)
    removed = []
    if not keep.everything:
        there = [each.name for each in await kept(place, contents.name.authority)]
        for name in retention.superfluous(there, keep):
            await place.remove(str(name))
            removed.append(name)
    return Stored(name=contents.name, made=made, removed=tuple(removed))


def newest(there: Sequence[KeptBackup]) -> KeptBackup | None:
    """Give the newest."""
    return max(there, key=lambda each: each.name.made_at, default=None)


def _directory(workshop: Path | None, name: BackupName) -> Path:
    """Give where a backup is made, without what was left there by a process that was killed."""
    if workshop is None:
        return Path(tempfile.mkdtemp(prefix="hearth-backup-"))
    for left in workshop.glob(f".{name.authority}-*.partial"):
        with suppress(OSError):
            if name.made_at.timestamp() - left.stat().st_mtime > _ABANDONED:
                left.unlink()
    return workshop


def _clear(file: Path, directory: Path, workshop: Path | None) -> None:
    file.unlink(missing_ok=True)
    if workshop is None:
        with suppress(OSError):
            directory.rmdir()


def _credentials(file: Path | None, environ: Mapping[str, str]) -> S3Credentials:
    """Read an access key: a file as AWS's tools have it, else the environment's."""
    if file is None:
        key_id, secret = (
            environ.get(f"AWS_{name}", "") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")
        )
        session = environ.get("AWS_SESSION_TOKEN", "")
        blamed = "the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    else:
        read = configparser.ConfigParser(interpolation=None, default_section="")
        try:
            read.read_string(file.read_text())
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", file=str(file)) from error
        except (configparser.Error, UnicodeDecodeError):
            raise ConfigError("is no file of credentials: [default] …", file=str(file)) from None
        section = read[_PROFILE] if read.has_section(_PROFILE) else {}
        key_id = section.get("aws_access_key_id", "")
        secret = section.get("aws_secret_access_key", "")
        session = section.get("aws_session_token", "")
        blamed = str(file)
    if not key_id or not secret:
        raise ConfigError("there is no access key for S3", file=blamed)
    return S3Credentials(key_id=key_id, secret=secret, session=session)
