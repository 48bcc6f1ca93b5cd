"""`hearth backup schedule`: what ca.json says of backups, shown and changed."""

from typing import Any

import click

from appliance.cli.backup_flags import passphrase_flag, place_flags, reaching
from appliance.cli.ca_json import RELOAD, ca_json, opened
from appliance.cli.command import StepCommand
from appliance.cli.prompts import say
from appliance.config import loading, showing
from appliance.config.editing import spelled
from appliance.formats import goduration
from appliance.model.backups import BackupPlan
from appliance.model.errors import BadRequest
from appliance.server.backup import keeping

_PERIODS = ("last", "daily", "weekly", "monthly")


@click.command("schedule", cls=StepCommand)
@click.argument("place", metavar="[<place>]", default="")
@click.option("--every", metavar="<duration>", default="", help="How often; 24h by default.")
@click.option("--keep-last", type=click.IntRange(0), default=None, metavar="<number>",
              help="Keep so many of the newest; all of them without any number.")  # fmt: skip
@click.option("--keep-daily", type=click.IntRange(0), default=None, metavar="<number>",
              help="Keep the newest of each of so many days.")  # fmt: skip
@click.option("--keep-weekly", type=click.IntRange(0), default=None, metavar="<number>",
              help="Keep the newest of each of so many weeks.")  # fmt: skip
@click.option("--keep-monthly", type=click.IntRange(0), default=None, metavar="<number>",
              help="Keep the newest of each of so many months.")  # fmt: skip
@click.option("--off", is_flag=True, help="Make no more backups.")
@passphrase_flag
@place_flags
def schedule(
    *, place: str, every: str, off: bool, passphrase_file: str, ca_config: str | None, **flags: Any
) -> None:
    """Have the server make backups by itself, or show what it does.

    <place> is as for `hearth backup create`. Keys are in the backups if --passphrase-file names
    where the server finds the passphrase for them. A backup that fails is tried again, and told by
    /health?verbose and the log.

    \b
    Examples:
      $ hearth backup schedule
      $ hearth backup schedule /mnt/stick --mounted --every 24h --keep-last 7 --keep-monthly 12
      $ hearth backup schedule --off
    """
    if off:
        _remove(ca_config, place)
        return
    keep = {name: flags.pop(f"keep_{name}") for name in _PERIODS}
    given = {name: count for name, count in keep.items() if count is not None}
    if not place:
        if every or given or passphrase_file:
            raise BadRequest("name the place, too: a schedule is written anew as a whole")
        _show(loading.load(ca_json(ca_config)).backup)
        return
    _write(ca_config, place, every, passphrase_file, given, flags)


def _write(
    ca_config: str | None,
    place: str,
    every: str,
    passphrase_file: str,
    keep: dict[str, int],
    flags: dict[str, Any],
) -> None:
    how = reaching(flags)
    how.place(place)
    written = {
        "to": place,
        "every": every or "24h",
        "keep": keep,
        "passphraseFile": passphrase_file,
        "mounted": how.mounted,
        "credentialsFile": how.credentials_file,
        "identityFile": how.identity_file,
        "knownHostsFile": how.known_hosts_file,
    }
    changed = opened(ca_config)
    members = {name: each for name, each in written.items() if each}
    changed.members[spelled(changed.members, "backup")] = members
    _show(changed.save().backup)
    say(RELOAD)


def _remove(ca_config: str | None, place: str) -> None:
    if place:
        raise BadRequest("--off takes no place")
    changed = opened(ca_config)
    changed.members.pop(spelled(changed.members, "backup"), None)
    changed.save()
    say(RELOAD)


def _show(plan: BackupPlan | None) -> None:
    if plan is None:
        say("the server makes no backups: name a place to have it make them")
        return
    click.echo(f"to:    {keeping.open_place(plan.place, {}).description}")
    click.echo(f"every: {goduration.format_duration(plan.every)}")
    click.echo(f"keep:  {showing.kept(plan.keep)}")
    click.echo(f"keys:  {'under a passphrase' if plan.with_keys else 'no'}")
