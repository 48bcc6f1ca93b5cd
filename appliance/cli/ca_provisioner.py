"""`hearth ca provisioner`: what the CA's provisioners are."""

import json

import click

from appliance.cli.command import StepCommand, StepGroup
from appliance.cli.online import ca_flags, read_roots, required_url, root_file, talk
from appliance.client.ca import CaClient

provisioner = StepGroup("provisioner", help="See who may get certificates from the CA, and how.")


@provisioner.command("list", cls=StepCommand, short_help="list the provisioners of the CA")
@ca_flags
def list_provisioners(*, ca_url: str | None, root: str | None, context: str | None) -> None:
    """Print the provisioners of the CA as a JSON list.

    \b
    Example:
      $ hearth ca provisioner list | jq -r '.[].name'
      jane@example.com
    """
    del context
    url = required_url(ca_url)
    entries = talk(url, read_roots(root_file(root)), CaClient.provisioners)
    click.echo(json.dumps(entries, indent=3, ensure_ascii=False))
