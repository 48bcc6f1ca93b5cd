"""`hearth path`: where the files are."""

import click

from appliance.cli.command import StepCommand, location


@click.command("path", cls=StepCommand)
@click.option("--base", is_flag=True, help="Show the base path, whatever the context.")
@click.option("--profile", is_flag=True, help="Show the path of the current profile.")
@click.argument("ignored", nargs=-1, metavar="")
def path(*, base: bool, profile: bool, ignored: tuple[str, ...]) -> None:
    """Print the step path, where configuration, certificates and keys are.

    That is $STEPPATH, or ~/.step; with a context, its authority's directory below it.

    \b
    Example:
      $ hearth path
      /home/mina/.step
    """
    del ignored
    where = location()
    click.echo(where.base if base else where.profile_path if profile else where.path)
