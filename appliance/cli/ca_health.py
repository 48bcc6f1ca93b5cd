"""`hearth ca health`."""

import click

from appliance.cli.command import StepCommand
from appliance.cli.online import ca_flags, read_roots, required_url, root_file, talk
from appliance.client.ca import CaClient


@click.command("health", cls=StepCommand)
@ca_flags
def health(*, ca_url: str | None, root: str | None, context: str | None) -> None:
    """Ask the CA if it is well; a healthy one answers `ok`.

    \b
    Examples:
      $ hearth ca health
      ok
      $ hearth ca health --ca-url https://ca.example.com --root root_ca.crt
      ok
    """
    del context
    url = required_url(ca_url)
    click.echo(talk(url, read_roots(root_file(root)), CaClient.health))
