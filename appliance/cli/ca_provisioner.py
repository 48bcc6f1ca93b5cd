"""`hearth ca provisioner`: what the CA's provisioners are, and the commands that change them."""

from functools import partial

import click

from appliance.cli.command import StepCommand, StepGroup
from appliance.cli.online import ca_flags, read_roots, required_url, root_file, talk
from appliance.client.ca import CaClient
from appliance.formats import gojson

provisioner = StepGroup(
    "provisioner",
    help="See and change who may get certificates from the CA, and how.",
    lazy={
        "add": ("appliance.cli.ca_provisioner_edit:add", "add a provisioner to ca.json"),
        "remove": ("appliance.cli.ca_provisioner_edit:remove", "remove one from ca.json"),
        "update": ("appliance.cli.ca_provisioner_edit:update", "change one in ca.json"),
    },
)


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
    click.echo(gojson.indented(entries, indent=3))


@provisioner.command("jwe-key", cls=StepCommand, short_help="print a provisioner's encrypted key")
@click.argument("kid", metavar="<kid>")
@ca_flags
def jwe_key(*, kid: str, ca_url: str | None, root: str | None, context: str | None) -> None:
    """Print the private key of a JWK provisioner, encrypted, as the CA has it.

    <kid> is the key's id, as `ca provisioner list` shows it.

    \b
    Example:
      $ hearth ca provisioner jwe-key y3jg… | hearth crypto jwe decrypt
    """
    del context
    url = required_url(ca_url)
    key = talk(url, read_roots(root_file(root)), partial(CaClient.encrypted_key, kid=kid))
    click.echo(key)
