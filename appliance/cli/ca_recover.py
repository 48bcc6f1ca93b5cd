"""`hearth ca recover`: the secrets of a ceremony again, from shares of people."""

import sys

import click
import trio

from appliance.cli.ceremony_person import TerminalPerson
from appliance.cli.command import StepCommand, location
from appliance.cli.files import read_file
from appliance.model.errors import BadRequest
from appliance.server.ceremony import rehearsal
from appliance.server.ceremony.journal import DIRECTORY
from appliance.server.ceremony.papers import TEXT
from appliance.server.ceremony.sheet import envelope_in


@click.command("recover", cls=StepCommand)
@click.argument("file", required=False)
def recover(file: str | None) -> None:
    """Open the secrets that a ceremony sealed, with the shares that people have of their key.

    FILE has the recovery sheet or its envelope; without one it is this CA's own sheet. The words
    of the shares are asked for, until there are enough of them.

    \b
    Example:
      $ hearth ca recover recovery.txt
    """
    sheet = file or str(location().path / DIRECTORY / TEXT)
    envelope = envelope_in(read_file(sheet).decode("utf-8", "replace"))
    if not envelope.startswith("ey"):
        raise BadRequest(f"{sheet} has no envelope: no shares were asked for at its ceremony")
    trio.run(_recover, envelope)


async def _recover(envelope: str) -> None:
    person = TerminalPerson()
    secrets = await rehearsal.opened(person, envelope)
    if sys.stdout.isatty():
        await person.show_once("The secrets of the ceremony:", secrets)
        return
    for name, secret in secrets.items():
        click.echo(f"{name}: {secret}")
