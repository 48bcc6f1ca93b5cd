"""`hearth version`: which program this is."""

import platform
import sys

import click

from appliance.cli.command import StepCommand
from appliance.model.version import RELEASED, VERSION

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def program() -> str:
    """Name this program as step does: `Hearth/0.1.0 (linux/amd64)`. Also its User-Agent."""
    machine = platform.machine()
    return f"Hearth/{VERSION} ({sys.platform}/{_MACHINES.get(machine, machine)})"


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
