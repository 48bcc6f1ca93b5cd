"""`hearth backup`: backups are made of a running or stopped CA, and listed."""

import json
from pathlib import Path
from typing import Any

import click
import trio

from appliance.cli.backup_flags import (
    age,
    megabytes,
    opened_place,
    passphrase_flag,
    place_flags,
    reaching,
)
from appliance.cli.backup_rows import with_rows
from appliance.cli.ca_json import ca_json
from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand, StepGroup
from appliance.cli.prompts import read_password, say
from appliance.config import loading
from appliance.formats.timeorduration import format_time
from appliance.model.backups import SUFFIX, BackupPlan, Keep
from appliance.model.errors import BadRequest
from appliance.model.secret import Password
from appliance.server.backup import contents, keeping, making
from appliance.server.backup.contents import Contents
from appliance.server.backup.making import Made
from appliance.server.system import SystemChance

backup = StepGroup(
    "backup",
    help=(
        "Back up the CA of this machine, running or not, prove its backups, and restore it.\n\n"
        "\b\nExamples:\n"
        "  $ hearth backup create /mnt/stick --keys\n"
        "  $ hearth backup verify /mnt/stick/home-1f2e3d4c-20261121T120000Z.hearth-backup\n"
        "  $ hearth backup schedule sftp://backup@nas/~/hearth --every 24h --keep-last 14"
    ),
    lazy={
        "restore": (
            "appliance.cli.backup_restore:restore",
            "put a CA back from a backup",
        ),
        "schedule": (
            "appliance.cli.backup_schedule:schedule",
            "have the server make backups by itself",
        ),
        "verify": (
            "appliance.cli.backup_restore:verify",
            "prove that a backup can be restored",
        ),
    },
)


@backup.command("create", cls=StepCommand)
@click.argument("place", metavar="[<place>]", default="")
@click.option("--keys", is_flag=True, help="Back up the CA's keys, too, under a passphrase.")
@passphrase_flag
@place_flags
def create(
    *, place: str, keys: bool, passphrase_file: str, ca_config: str | None, **flags: Any
) -> None:
    """Back up the CA: configuration, certificates and templates, and the database as it is now.

    <place> is a directory, a file whose name ends with .hearth-backup, sftp://[user@]host/path
    (/~/path from where a login begins) or s3://bucket/prefix?endpoint=https://…&region=…; that of
    ca.json by default, with what it says of keys and of how many stay. Without --keys the keys are
    not in it. With them, it needs the passphrase to be restored, and the keys' own password
    thereafter.

    \b
    Examples:
      $ hearth backup create /mnt/stick --mounted
      $ hearth backup create /mnt/stick/ca.hearth-backup --keys
      $ hearth backup create "s3://backups/ca?endpoint=https://minio.home.arpa:9000" --keys
    """
    settings = loading.load(ca_json(ca_config))
    plan = settings.backup if not place else None
    if not place and plan is None:
        raise BadRequest("where? Name a directory, a file, sftp://… or s3://…")
    passphrase = _passphrase(plan, passphrase_file, asked=keys)
    collected = contents.collect(settings, SystemClock().now(), with_keys=passphrase is not None)
    how = reaching(flags)
    if place.endswith(SUFFIX) and "://" not in place:
        file = Path(place)
        made = with_rows(
            settings,
            lambda rows: making.write(file, collected, rows, passphrase, SystemChance()),
        )
        click.echo(place)
        _tell(made, collected)
        return
    opened = opened_place(place, how, ca_config)
    keep = plan.keep if plan else Keep()
    stored = with_rows(
        settings,
        lambda rows: keeping.store(opened, collected, rows, passphrase, SystemChance(), keep),
    )
    click.echo(f"{opened.description.rstrip('/')}/{stored.name}")
    _tell(stored.made, collected)
    for name in stored.removed:
        say(f"removed {name}")


@backup.command("list", cls=StepCommand, short_help="list the backups in a place")
@click.argument("place", metavar="[<place>]", default="")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text",
    show_default=True, help="How to write them.",
)  # fmt: skip
@place_flags
def list_backups(*, place: str, form: str, ca_config: str | None, **flags: Any) -> None:
    """List the backups in a place, oldest first: that of ca.json by default.

    \b
    Examples:
      $ hearth backup list
      $ hearth backup list /mnt/stick --format json
    """
    opened = opened_place(place, reaching(flags), ca_config)
    found = trio.run(keeping.kept, opened)
    now = SystemClock().now()
    for each in found:
        if form == "json":
            made_at = format_time(each.name.made_at)
            told = {"name": str(each.name), "madeAt": made_at, "size": each.size}
            click.echo(json.dumps(told))
        else:
            made = age(each.name.made_at, now)
            click.echo(f"{each.name}  {megabytes(each.size)}  {made}")
    if not found and form == "text":
        say(f"no backups in {opened.description}")


def _passphrase(plan: BackupPlan | None, file: str, *, asked: bool) -> Password | None:
    """Read the passphrase where keys are to be in the backup; None where they are not."""
    planned = str(plan.passphrase) if plan and plan.passphrase else ""
    if not (asked or file or planned):
        return None
    return read_password(
        "Please enter a passphrase for the keys in the backup",
        file=file or planned or None,
        flag="--passphrase-file",
        confirm=True,
    )


def _tell(made: Made, collected: Contents) -> None:
    """Say what is in it, and what is not."""
    about = collected.about
    sealed = f", {made.sealed} sealed" if about.has_secrets else ""
    say(f"{made.rows} rows and {made.files} files{sealed}: {megabytes(made.size)}")
    for each in about.absent:
        say(f"not in it: {each}")
    if about.blanked and not about.has_secrets:
        say(f"not in it: the secrets in ca.json at {', '.join(about.blanked)}")
