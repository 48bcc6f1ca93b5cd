"""`hearth clock`: whether the CA trusts its clock, and a person's word that it may."""

from typing import Any, Final

import click

from appliance.cli.command import StepCommand, StepGroup
from appliance.cli.running import ask_running, which_ca
from appliance.model.errors import Unavailable
from appliance.model.upkeep import ClockStatus
from appliance.operator.remote import RemoteOperator

_TIME: Final = "%F %H:%M:%S"
_SYNCHRONIZED: Final = {
    True: "synchronised",
    False: "not synchronised to any source of time",
    None: "not known to be synchronised",
}

clock = StepGroup(
    "clock",
    help=(
        "See whether the running CA trusts its clock, on the CA's own machine, as its user or as "
        "root.\n\n"
        "\b\nExamples:\n"
        "  $ hearth clock status\n"
        "  $ hearth clock confirm"
    ),
)


@clock.command("status", cls=StepCommand)
@which_ca
def status(*, ca_config: str | None, **_: Any) -> None:
    """Show the time, the latest that was ever seen, and why nothing is signed, if so.

    The exit code is 1 when the CA signs nothing because of its clock.

    \b
    Example:
      $ hearth clock status
    """
    found = ask_running(ca_config, RemoteOperator.clock)
    _show(found)
    if found.problem:
        raise Unavailable(found.problem)


@clock.command("confirm", cls=StepCommand)
@which_ca
def confirm(*, ca_config: str | None, **_: Any) -> None:
    """Say that the time is right, though the CA has seen a later one, or it leapt ahead.

    Look at another clock first: what is signed now carries this time.

    \b
    Example:
      $ hearth clock confirm
    """
    _show(ask_running(ca_config, RemoteOperator.confirm_clock))
    click.echo("taken for right; the CA signs")


def _show(found: ClockStatus) -> None:
    click.echo(f"it is {found.now:{_TIME}} UTC, {_SYNCHRONIZED[found.synchronized]}")
    if found.highest is not None:
        click.echo(f"the latest time seen is {found.highest:{_TIME}} UTC")
    if found.ahead:
        click.echo(f"it leapt ahead by {found.ahead}: nothing is removed by its time until then")
