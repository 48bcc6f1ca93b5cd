"""`hearth version`: which program this is."""

import click

from appliance.cli.command import StepCommand
from appliance.model.version import RELEASED, program


@click.command("version", cls=StepCommand, no_context=True)
@click.argument("ignored", nargs=-1, metavar="")
def version(ignored: tuple[str, ...]) -> None:
    """Print the version of this program.

    \b
    Example:
      $ hearth version
      Hearth/0.1.0 (linux/amd64)
      Release Date: 2026-11-21
    """
    del ignored
    click.echo(program())
    click.echo(f"Release Date: {RELEASED}")
