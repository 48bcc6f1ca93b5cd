"""`hearth ssh needs-renewal`: an answer for scripts, in the exit code.

0: it is due; 1: it is not; 2: there is no such file; 255: anything else.
"""

from datetime import datetime
from pathlib import Path

import click

from appliance.cli.answering import DUE, NO_FILE, NOT_DUE, Answering, Threshold, threshold
from appliance.cli.clock import SystemClock
from appliance.cli.files import read_file
from appliance.cli.prompts import say
from appliance.formats.ssh import authorized
from appliance.formats.ssh.certificate import FOREVER, SshCertificate
from appliance.model.errors import BadRequest, FormatError


@click.command("needs-renewal", cls=Answering)
@click.argument("crt_file", metavar="[<crt-file>]", default="-")
@click.option(
    "--expires-in",
    metavar="<percent|duration>",
    help="Due when so much of its life is over (75%), or when so little is left (1h15m). "
    "66% by default.",
)
@click.option("-v", "--verbose", is_flag=True, help="Say it in words as well.")
def needs_renewal(crt_file: str, *, expires_in: str | None, verbose: bool) -> None:
    """Say by the exit code if an SSH certificate is due for renewal.

    0 when it is due, 1 when it is not, 2 when there is no such file, 255 for any other error.

    \b
    Examples:
      $ hearth ssh needs-renewal ssh_host_ecdsa_key-cert.pub && echo due
      $ hearth ssh needs-renewal ssh_host_ecdsa_key-cert.pub --expires-in 1h15m
    """
    if crt_file != "-" and not Path(crt_file).exists():
        say(f"stat {crt_file}: no such file or directory")
        raise click.exceptions.Exit(NO_FILE)
    try:
        held, _ = authorized.read(read_file(crt_file))
    except FormatError as error:
        raise BadRequest(f"error parsing ssh certificate: {error.public}") from error
    if not isinstance(held, SshCertificate):
        raise BadRequest(f"{crt_file} is a public key, not an SSH certificate")
    due = _is_due(held, threshold(expires_in), SystemClock().now())
    if verbose and due:
        click.echo("certificate needs renewal")
    elif verbose:
        say("certificate does not need renewal")
    raise click.exceptions.Exit(DUE if due else NOT_DUE)


def _is_due(held: SshCertificate, limit: Threshold, now: datetime) -> bool:
    """Say if so much of its life is over; of what never ends, nothing ever is."""
    if held.valid_before == FOREVER:
        return limit.percent == 0
    return limit.is_reached(held.valid_after, held.valid_before, now.timestamp())
