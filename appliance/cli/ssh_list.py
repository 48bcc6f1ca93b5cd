"""`hearth ssh list`: what the SSH agent holds."""

import click

from appliance.cli.command import StepCommand
from appliance.cli.ssh_agent import with_agent
from appliance.client.ssh.agent import Agent
from appliance.formats.ssh import authorized, inspection


@click.command("list", cls=StepCommand)
@click.argument("subject", metavar="[<subject>]", required=False)
@click.option("--raw", is_flag=True, help="Print the keys, not their fingerprints.")
def list_keys(subject: str | None, *, raw: bool) -> None:
    """List the keys and certificates in the SSH agent, or those of one comment.

    \b
    Examples:
      $ hearth ssh list
      $ hearth ssh list --raw jane@example.com | hearth ssh inspect
    """
    keys = with_agent(Agent.keys)
    if not keys:
        click.echo("The agent has no identities.")
        return
    for key in keys:
        if subject is not None and key.comment != subject:
            continue
        click.echo(key.line if raw else inspection.summary(authorized.parse(key.blob), key.comment))
