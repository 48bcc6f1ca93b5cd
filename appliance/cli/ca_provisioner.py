"""`hearth ca provisioner`: what the CA's provisioners are, and the commands that change them."""

from functools import partial

import click

from appliance.cli.command import StepCommand, StepGroup
from appliance.cli.online import ca_flags, read_roots, required_url, root_file, talk
from appliance.cli.reach import offline_flags
from appliance.client.ca import CaClient
from appliance.formats import gojson

provisioner = StepGroup(
    "provisioner",
    help="See and change who may get certificates from the CA, and how.",
    lazy={
        "add": ("appliance.cli.ca_provisioner_edit:add", "add a provisioner to ca.json"),
        "disable": ("appliance.cli.ca_provisioner_edit:disable", "have one issue nothing"),
        "enable": ("appliance.cli.ca_provisioner_edit:enable", "have it issue again"),
        "remove": ("appliance.cli.ca_provisioner_edit:remove", "remove one from ca.json"),
        "update": ("appliance.cli.ca_provisioner_edit:update", "change one in ca.json"),
        "webhook": ("appliance.cli.ca_provisioner_webhook:webhook", "change its webhooks"),
    },
)


@provisioner.command("list", cls=StepCommand, short_help="list the provisioners of the CA")
@offline_flags
@ca_flags
def list_provisioners(
    *,
    offline: bool,
    ca_config: str | None,
    ca_url: str | None,
    root: str | None,
    context: str | None,
) -> None:
    """Print the provisioners of the CA as a JSON list; with --offline, those of a ca.json.

    \b
    Examples:
      $ hearth ca provisioner list | jq -r '.[].name'
      jane@example.com
      $ hearth ca provisioner list --offline
    """
    del context
    if offline:
        # Reading ca.json takes much of the server along.
        from appliance.cli.ca_json import provisioners  # noqa: PLC0415

        click.echo(gojson.indented(provisioners(ca_config), indent=3))
        return
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
