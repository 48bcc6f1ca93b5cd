"""`hearth install` and `hearth uninstall`: a service of the one file, and its end."""

from pathlib import Path

import click

from appliance.cli.command import StepCommand
from appliance.cli.extras import extras
from appliance.cli.prompts import ask, read_password, say
from appliance.cli.service_flags import init_of, layout_of, must_be_root, place_flags, tell
from appliance.model.errors import BadRequest
from appliance.model.secret import Password
from appliance.server.service import installing, removing
from appliance.server.service.layout import (
    USER,
    Device,
    Init,
    Layout,
    Order,
    Unlock,
    plain_path,
)
from appliance.server.service.program import is_packaged, own_release
from appliance.server.service.steps import carry_out, run_command


@click.command("install", cls=StepCommand, no_context=True)
@click.option(
    "--unlock",
    type=click.Choice([each.value for each in Unlock]),
    help="How the service comes to the password of the CA's keys.",
)
@click.option(
    "--password-file", metavar="<file>", help="That password, to be kept for the service."
)
@click.option(
    "--seal",
    default="auto",
    metavar="<key>",
    help="What the credential is encrypted to: auto, host, tpm2 or host+tpm2.",
)
@click.option(
    "--device",
    "devices",
    multiple=True,
    type=click.Choice([each.value for each in Device]),
    help="What tokens with keys are behind; may be repeated.",
)
@click.option(
    "--writable",
    multiple=True,
    metavar="<dir>",
    help="Where the service may write besides its data (backups); may be repeated.",
)
@click.option("--links", is_flag=True, help="Install it also by the names step and step-ca.")
@click.option("--binary", metavar="<file>", help="The one file; by default this program.")
@click.option("--no-start", is_flag=True, help="Leave the service as it is, stopped or running.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--refresh", is_flag=True, hidden=True, help="Only the files of this version.")
@place_flags
def install(
    *,
    unlock: str | None,
    password_file: str | None,
    devices: tuple[str, ...],
    writable: tuple[str, ...],
    binary: str | None,
    dry_run: bool,
    refresh: bool,
    **flags: str | bool | None,
) -> None:
    """Make a service of this program, which is one file, and start it when there is a CA.

    The program is unpacked below /usr/local/lib/hearth, where it starts faster than as one file.
    The service has a user of its own, its data in /var/lib/hearth, and may do little else. What is
    so already is not done again; a choice that was made stays until another one is made.

    --unlock says how the service comes to the password of the CA's keys. With --password-file it is
    file by default, else console.

    \b
      file        in /etc/hearth/password, for root's eyes: who steals the disk has it
      credential  encrypted to this machine, by its TPM where it has one
      console     typed by a person at each start: nothing is stored, nothing starts alone
      none        the keys have no password, or it is in ca.json

    \b
    Examples:
      $ sudo ./hearth install --dry-run
      $ sudo ./hearth install --unlock credential --password-file password.txt
      $ sudo hearth install --device usb --writable /mnt/stick
      $ ./hearth install --root build/image --unlock console
    """
    layout = layout_of(str(flags["root"]), str(flags["prefix"]), str(flags["data"]))
    init = init_of(str(flags["starter"] or "") or None, layout)
    if not dry_run:
        must_be_root("hearth install", layout)
    password = read_password("", file=password_file) if password_file else None
    order = Order(
        layout=layout,
        init=init,
        unlock=_unlocking(unlock, password, init, layout),
        password=password,
        seal=str(flags["seal"]),
        devices=frozenset(map(Device, devices)) or None,
        writable=tuple(plain_path(each, "--writable") for each in writable) or None,
        links=bool(flags["links"]),
        start=not flags["no_start"],
        extras=extras(layout),
    )
    if refresh:
        list(carry_out(installing.refreshing(order)))
        return
    set_up(order, Path(binary) if binary else None, dry_run=dry_run)
    _tell_next(order)


def set_up(order: Order, binary: Path | None = None, *, dry_run: bool = False) -> None:
    """Install what is not there yet, and start it, telling each thing. Raises HearthError."""
    release = own_release(order.layout, binary)
    steps = installing.steps_of(order, release, run_command)
    say("would do:" if dry_run else "doing:")
    done = 0
    for line in carry_out(steps, only_tell=dry_run):
        done += 1
        tell(line)
    for line in installing.start(order, run_command, changed=done > 0, only_tell=dry_run):
        tell(line)
    if not done:
        tell("nothing: all of it is there")


def _unlocking(
    unlock: str | None, password: Password | None, init: Init, layout: Layout
) -> Unlock | None:
    """Give the chosen way; without one, that of before, or what suits what was given."""
    if unlock:
        if password is not None and unlock in (Unlock.CONSOLE, Unlock.NONE):
            raise BadRequest(f"--unlock {unlock} keeps no password: leave out --password-file")
        return Unlock(unlock)
    if password is not None:
        return Unlock.FILE
    chosen_before = layout.at(layout.choices / "10-unlock.conf").exists()
    return Unlock.CONSOLE if init is Init.SYSTEMD and not chosen_before else None


def _tell_next(order: Order) -> None:
    """Say what a person has to do still."""
    layout = order.layout
    if not layout.is_here or order.init is Init.NONE or layout.configuration.exists():
        return
    start = "rc-service hearth start" if order.init is Init.OPENRC else "systemctl start hearth"
    say(
        f"\nThere is no CA in {layout.data} yet. To make one, and serve it:\n"
        f"  runuser -u {USER} -- env STEPPATH={layout.data} hearth ca init\n"
        f"  {start}"
    )


@click.command("uninstall", cls=StepCommand, no_context=True)
@click.option("--purge", is_flag=True, help="Remove the CA, too: its keys, certificates, database.")
@click.option("--force", is_flag=True, help="Do not ask before --purge.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@place_flags
def uninstall(
    *,
    purge: bool,
    force: bool,
    dry_run: bool,
    root: str,
    prefix: str,
    data: str,
    starter: str | None,
) -> None:
    """Remove the service and the program that `hearth install` put there.

    The CA stays, with its password and the service's user: installed again, it serves as before.
    With --purge it is gone, which nothing can take back; make a backup first.

    \b
    Examples:
      $ sudo hearth uninstall
      $ sudo hearth uninstall --purge
    """
    layout = layout_of(root, prefix, data)
    if layout.is_here and is_packaged():
        raise BadRequest("this Hearth came with a package: apt-get remove hearth")
    init = init_of(starter, layout)
    if not dry_run:
        must_be_root("hearth uninstall", layout)
    if purge and not (force or dry_run):
        _make_sure(layout)
    steps = removing.steps_of(layout, init, run_command, extras=tuple(extras(layout)), purge=purge)
    say("would do:" if dry_run else "doing:")
    done = 0
    for line in carry_out(steps, only_tell=dry_run):
        done += 1
        tell(line)
    if not done:
        tell("nothing: there is no such service")
    elif not purge:
        say(f"The CA is still in {layout.data}.")


def _make_sure(layout: Layout) -> None:
    """Have the person type which CA is to go. Raises BadRequest when it is not that."""
    say(f"This removes the keys and the records of the CA in {layout.data} for ever.")
    if ask(f"Type {layout.data} to go on", flag="--force") != str(layout.data):
        raise BadRequest("nothing was removed")
