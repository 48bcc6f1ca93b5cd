"""`hearth certificate needs-renewal`: an answer for scripts, in the exit code.

0: it is due; 1: it is not; 2: there is no such file; 255: anything else.
"""

from pathlib import Path

import click

from appliance.cli.answering import DUE, NO_FILE, NOT_DUE, Answering, threshold
from appliance.cli.certificate_sources import certificates_of, server, server_flags
from appliance.cli.clock import SystemClock
from appliance.cli.files import read_file
from appliance.cli.prompts import say
from appliance.formats import x509_fields
from appliance.model.errors import BadRequest, FormatError


@click.command("needs-renewal", cls=Answering)
@click.argument("crt_file", metavar="<cert-file or hostname>")
@click.option(
    "--expires-in",
    metavar="<percent|duration>",
    help="Due when so much of its life is over (75%), or when so little is left (1h15m). "
    "66% by default.",
)
@click.option("--bundle", is_flag=True, help="Ask for every certificate, not the first one only.")
@click.option("-v", "--verbose", is_flag=True, help="Say it in words as well.")
@server_flags
def needs_renewal(
    *,
    crt_file: str,
    expires_in: str | None,
    bundle: bool,
    verbose: bool,
    servername: str | None,
    roots: str | None,
) -> None:
    """Say by the exit code if a certificate is due for renewal.

    0 when it is due, 1 when it is not, 2 when there is no such file, 255 for any other error.

    \b
    Examples:
      $ hearth certificate needs-renewal internal.crt && hearth ca renew internal.crt internal.key
      $ hearth certificate needs-renewal internal.crt --expires-in 1h15m
      $ hearth certificate needs-renewal https://ca.example.com --roots root_ca.crt
    """
    if asked := server(crt_file, servername=servername, roots=roots):
        given = list(asked.certificates())
    else:
        if not Path(crt_file).exists():
            say(f"stat {crt_file}: no such file or directory")
            raise click.exceptions.Exit(NO_FILE)
        try:
            given = certificates_of(read_file(crt_file))
        except FormatError as error:
            raise BadRequest(f"error parsing {crt_file}: {error.public}") from error
    limit, now = threshold(expires_in), SystemClock().now().timestamp()
    lives = [
        (fields.not_before.timestamp(), fields.not_after.timestamp())
        for fields in map(x509_fields.certificate, given if bundle else given[:1])
    ]
    due = any(limit.is_reached(begin, end, now) for begin, end in lives)
    if verbose and due:
        click.echo("certificate needs renewal")
    elif verbose:
        say("certificate does not need renewal")
    raise click.exceptions.Exit(DUE if due else NOT_DUE)
