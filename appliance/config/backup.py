"""`backup`: where the server puts backups, how often, and how many stay there."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from appliance.config import claims
from appliance.config.document import Document
from appliance.config.schema import Backup, BackupKeep
from appliance.model.backups import (
    BackupPlace,
    BackupPlan,
    InBucket,
    InDirectory,
    Keep,
    OnSftp,
)
from appliance.model.errors import FormatError

EVERY: Final = timedelta(hours=24)
_SHORTEST: Final = timedelta(minutes=1)


def read(written: Backup | None, document: Document, *, persistent: bool) -> BackupPlan | None:
    """Read `backup`; None where none are made. Raises ConfigError."""
    if written is None:
        return None
    if not persistent:
        raise document.wrong("there is no `db` to back up", "backup")
    if not written.to:
        raise document.wrong(
            "must name a directory, sftp://… or s3://…: where backups are put", "backup.to"
        )
    try:
        place = read_place(
            written.to,
            mounted=written.mounted,
            credentials=_file(written.credentials_file),
            identity=_file(written.identity_file),
            known_hosts=_file(written.known_hosts_file),
        )
    except FormatError as error:
        raise document.wrong(error.public, "backup.to") from None
    return BackupPlan(
        place=place,
        every=_every(written.every, document),
        keep=_keep(written.keep, document),
        passphrase=_file(written.passphrase_file),
    )


def read_place(
    text: str,
    *,
    mounted: bool = False,
    credentials: Path | None = None,
    identity: Path | None = None,
    known_hosts: Path | None = None,
) -> BackupPlace:
    """Read where backups are: a path, or a URL of sftp or s3. Raises FormatError."""
    scheme, separator, _ = text.partition("://")
    if not separator:
        return InDirectory(directory=Path(text).absolute(), mounted=mounted)
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise FormatError(f"'{_bare(text)}' is not a URL: {error}") from None
    if url.password is not None:
        raise FormatError("a URL of a place for backups must not hold a password")
    if not url.hostname:
        raise FormatError(f"'{_bare(text)}' names no host or bucket")
    match scheme.lower():
        case "sftp":
            return replace(_sftp(url, port), identity=identity, known_hosts=known_hosts)
        case "s3":
            return replace(_s3(url), credentials=credentials)
        case other:
            raise FormatError(f"'{other}' is not a kind of place: use a path, sftp://… or s3://…")


def _sftp(url: SplitResult, port: int | None) -> OnSftp:
    """Read the rest of sftp://…; `/~/` begins where a login does, a plain `/` at the root."""
    path, user = unquote(url.path), unquote(url.username or "")
    directory = path.removeprefix("/~/")
    if any(each.startswith("-") for each in (directory, user, url.hostname or "")):
        raise FormatError("sftp://… with a name that begins with a dash")
    if any(ord(each) < 0x20 for each in f"{directory}{user}"):
        raise FormatError("sftp://… with control characters")
    return OnSftp(host=url.hostname or "", user=user, port=port, directory=directory.rstrip("/"))


def _s3(url: SplitResult) -> InBucket:
    options = {name: values[-1] for name, values in parse_qs(url.query).items()}
    if unknown := set(options) - {"endpoint", "region"}:
        raise FormatError(f"s3://… takes endpoint and region, not {min(unknown)!r}")
    endpoint = options.get("endpoint", "")
    if endpoint and not endpoint.startswith(("https://", "http://")):
        raise FormatError("the endpoint of s3://… must be an https or http URL")
    return InBucket(
        bucket=url.netloc,
        prefix=unquote(url.path).strip("/"),
        endpoint=endpoint,
        region=options.get("region", "us-east-1"),
    )


def _every(text: str | None, document: Document) -> timedelta:
    if text is None:
        return EVERY
    every = claims.duration(text, document, "backup.every")
    if every < _SHORTEST:
        raise document.wrong("must be a minute or more", "backup.every")
    return every


def _keep(written: BackupKeep | None, document: Document) -> Keep:
    if written is None:
        return Keep()
    for name in ("last", "daily", "weekly", "monthly"):
        if getattr(written, name) < 0:
            raise document.wrong("cannot be negative", f"backup.keep.{name}")
    return Keep(
        last=written.last, daily=written.daily, weekly=written.weekly, monthly=written.monthly
    )


def _file(name: str) -> Path | None:
    return Path(name).absolute() if name else None


def _bare(text: str) -> str:
    """Give a URL as it may be shown: without what stands before the host."""
    scheme, separator, rest = text.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"[:100]
