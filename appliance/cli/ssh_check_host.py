"""`hearth ssh check-host`: whether a host has a certificate, in the exit code."""

from typing import Any

import click

from appliance.cli.command import StepCommand
from appliance.cli.online import read_roots, required_url, root_file, talk
from appliance.cli.ssh_flags import ssh_ca_flags
from appliance.client.ssh import hosts


@click.command("check-host", cls=StepCommand)
@click.argument("hostname", metavar="<hostname>")
@click.option("-v", "--verbose", is_flag=True, help="Print true or false.")
@ssh_ca_flags
def check_host(hostname: str, *, verbose: bool, **flags: Any) -> None:
    """Say by the exit code if a host ever got a certificate.

    0 when it did, 1 when it did not or the CA cannot be asked. SSH's configuration asks this of
    every host, to know which ones the CA speaks for.

    \b
    Example:
      $ hearth ssh check-host --verbose internal.example.com
      true
    """
    url = required_url(flags["ca_url"])
    exists = talk(
        url,
        read_roots(root_file(flags["root"])),
        lambda ca: hosts.has_certificate(ca.connection, hostname),
    )
    if verbose:
        click.echo(str(exists).lower())
    raise click.exceptions.Exit(0 if exists else 1)
