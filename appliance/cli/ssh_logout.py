"""`hearth ssh logout`: certificates out of the SSH agent."""

from typing import Any

import click

from appliance.cli.command import StepCommand
from appliance.cli.ssh_agent import with_agent
from appliance.cli.ssh_flags import ssh_ca_flags, which_ca
from appliance.cli.ssh_issuing import authorities
from appliance.client.ssh.agent import Agent, KeyTest, is_certificate, signed_by


@click.command("logout", cls=StepCommand)
@click.argument("subject", metavar="[<identity>]", required=False)
@click.option("--identity", metavar="<identity>", help="The same as <identity>, for defaults.json.")
@click.option(
    "--all", "everything", is_flag=True, help="Remove any key, not the CA's certificates only."
)
@ssh_ca_flags
def logout(subject: str | None, **flags: Any) -> None:
    """Remove certificates of the CA from the SSH agent: all, or those of one identity.

    Where the CA cannot be asked for its keys, every certificate is taken for its own.

    \b
    Examples:
      $ hearth ssh logout
      $ hearth ssh logout jane@example.com
      $ hearth ssh logout --all
    """
    everything: bool = flags["everything"]
    named = subject or flags["identity"] or ""
    with_agent(Agent.keys)  # to say first that there is none
    if everything and not subject:
        with_agent(Agent.remove_all)
        click.echo("All identities removed.")
        return
    test: KeyTest | None = None
    if not everything:
        known = authorities(which_ca(flags))
        test = signed_by(known.user) if known and known.user else is_certificate
    found = with_agent(lambda agent: _remove(agent, named, test))
    told = "Identity removed" if found else "Identity not found"
    if found and everything:
        told = "All identities removed"
    click.echo(f"{told}: {named}" if named else f"{told}.")


async def _remove(agent: Agent, comment: str, test: KeyTest | None) -> bool:
    """Remove the keys that fit, and say whether there were any."""
    removed = False
    for key in await agent.keys():
        if (comment and key.comment != comment) or (test is not None and not test(key)):
            continue
        await agent.remove(key)
        removed = True
    return removed
