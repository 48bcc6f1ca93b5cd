"""What the commands of `hearth backup` have in common: which place, which backup, which secrets."""

import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from appliance.cli.ca_json import ca_json
from appliance.cli.prompts import read_password
from appliance.config import loading
from appliance.config.backup import read_place
from appliance.model.backups import BackupPlace
from appliance.model.errors import BadRequest, ConfigError, FormatError, NotFound
from appliance.model.secret import Password
from appliance.ports.places import Place
from appliance.server.backup import keeping, opening

F = TypeVar("F", bound=Callable[..., Any])

LATEST: Final = "latest"


def place_flags(function: F) -> F:
    """Add the flags that say how a place is reached."""
    for option in (
        click.option(
            "--mounted", is_flag=True,
            help="Refuse a directory where nothing is mounted: a stick that is not plugged in.",
        ),
        click.option(
            "--credentials-file", metavar="<file>", default="",
            help="The access key for s3://…, as AWS's tools have it ([default] …); the "
            "environment's AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY by default.",
        ),
        click.option(
            "--identity-file", metavar="<file>", default="",
            help="The private SSH key for sftp://…; what ssh is set up with by default.",
        ),
        click.option(
            "--known-hosts-file", metavar="<file>", default="",
            help="The known hosts for sftp://…; ssh's own by default.",
        ),
    ):  # fmt: skip
        function = option(function)
    return config_flags(function)


def config_flags(function: F) -> F:
    """Add the flags that say which CA is meant."""
    function = click.option("--context", metavar="<name>", help="The context whose CA is meant.")(
        function
    )
    return click.option(
        "--ca-config", metavar="<file>", help="The CA's ca.json; that of the context by default."
    )(function)


def passphrase_flag(function: F) -> F:
    """Add the flag that names the file of the passphrase."""
    return click.option(
        "--passphrase-file", metavar="<file>", default="",
        help="Read the passphrase of the keys in the backup from this file.",
    )(function)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaching:
    """How a place is reached: the values of `place_flags`."""

    mounted: bool
    credentials_file: str
    identity_file: str
    known_hosts_file: str

    def place(self, text: str) -> BackupPlace:
        """Read a place. Raises BadRequest."""
        try:
            return read_place(
                text,
                mounted=self.mounted,
                credentials=_file(self.credentials_file),
                identity=_file(self.identity_file),
                known_hosts=_file(self.known_hosts_file),
            )
        except FormatError as error:
            raise BadRequest(error.public) from error


def reaching(flags: dict[str, Any]) -> Reaching:
    """Take the values of `place_flags` together."""
    return Reaching(**{name: flags[name] for name in Reaching.__dataclass_fields__})


def opened_place(text: str | None, how: Reaching, ca_config: str | None) -> Place:
    """Open a place that was named, else that of ca.json. Raises BadRequest, ConfigError."""
    if text:
        return keeping.open_place(how.place(text), os.environ, _authorities(ca_config))
    settings = loading.load(ca_json(ca_config))
    plan = settings.backup
    if plan is None:
        raise BadRequest(
            "where? Name a directory, sftp://… or s3://…, or have ca.json name one: "
            "`hearth backup schedule`"
        )
    return keeping.open_place(plan.place, os.environ, keeping.own_authorities(settings))


def _authorities(ca_config: str | None) -> tuple[bytes, ...]:
    """Give the roots of the CA that is here; where one is restored, there may be none yet."""
    try:
        return keeping.own_authorities(loading.load(ca_json(ca_config)))
    except ConfigError:
        return ()


@asynccontextmanager
async def fetched(text: str, place: Callable[[], Place], *, in_place: bool) -> AsyncIterator[Path]:
    """Give a backup's file: a path, or one that is fetched for a while from a place.

    `text` is a path, unless `in_place`, or a name in the place, or `latest`. Raises NotFound.
    """
    if not in_place and (path := _local(text)) is not None:
        yield path
        return
    where = place()
    if text == LATEST:
        last = keeping.newest(await keeping.kept(where))
        if last is None:
            raise NotFound(f"there is no backup in {where.description}")
        text = str(last.name)
    with tempfile.TemporaryDirectory(prefix="hearth-backup-") as directory:
        file = Path(directory) / "backup"
        await where.get(text, file)
        yield file


def _local(text: str) -> Path | None:
    """Give the file that is meant, if one is; a plain name that is no file is one in a place."""
    path = Path(text).absolute()
    return path if text != LATEST and (path.exists() or "/" in text) else None


def passphrase(file: Path, given: str) -> Password | None:
    """Read the passphrase if the backup needs one; asked for where no file is named.

    Raises BadRequest, and what looking into the backup raises.
    """
    if not given and not opening.peek(file).has_secrets:
        return None
    return read_password(
        "Please enter the passphrase of the backup",
        file=given or None,
        flag="--passphrase-file",
    )


def megabytes(size: int) -> str:
    """Write a size for people."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size} octets"


def age(made_at: datetime, now: datetime) -> str:
    """Write how long ago something was, for people."""
    seconds = max(int((now - made_at).total_seconds()), 0)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length}{unit} ago"
    return f"{seconds}s ago"


def _file(name: str) -> Path | None:
    return Path(name).absolute() if name else None
