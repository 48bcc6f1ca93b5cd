"""`hearth certificate needs-renewal`: an answer for scripts, in the exit code.

0: it is due; 1: it is not; 2: there is no such file; 255: anything else.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click

from appliance.cli.certificate_sources import certificates_of, server, server_flags
from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand
from appliance.cli.files import read_file
from appliance.cli.prompts import say
from appliance.formats import goduration, x509_fields
from appliance.formats.x509_fields import CertificateFields
from appliance.model.errors import BadRequest, FormatError, HearthError

_DUE, _NOT_DUE, _NO_FILE, _FAILED = 0, 1, 2, 255
_DEFAULT_PERCENT: Final = 66


class _Answering(StepCommand):
    """A command whose every failure has a code of its own."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Turn what is wrong with the command line into that code."""
        try:
            return super().make_context(*args, **kwargs)
        except click.ClickException as error:
            say(error.format_message())
        except HearthError as error:
            say(str(error))
        raise click.exceptions.Exit(_FAILED)

    def invoke(self, ctx: click.Context) -> Any:
        """Turn what goes wrong on the way into that code."""
        try:
            return super().invoke(ctx)
        except HearthError as error:
            say(str(error))
            raise click.exceptions.Exit(_FAILED) from error


@click.command("needs-renewal", cls=_Answering)
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
            raise click.exceptions.Exit(_NO_FILE)
        try:
            given = certificates_of(read_file(crt_file))
        except FormatError as error:
            raise BadRequest(f"error parsing {crt_file}: {error.public}") from error
    is_due, now = _threshold(expires_in or f"{_DEFAULT_PERCENT}%"), SystemClock().now()
    chosen = given if bundle else given[:1]
    due = any(is_due(x509_fields.certificate(each), now) for each in chosen)
    if verbose and due:
        click.echo("certificate needs renewal")
    elif verbose:
        say("certificate does not need renewal")
    raise click.exceptions.Exit(_DUE if due else _NOT_DUE)


def _threshold(text: str) -> Callable[[CertificateFields, datetime], bool]:
    """Read --expires-in. Raises BadRequest."""
    invalid = f"invalid value '{text}' for flag '--expires-in'"
    if text.endswith("%"):
        try:
            percent = int(text[:-1])
        except ValueError:
            raise BadRequest(invalid) from None
        if not 0 <= percent <= 100:
            raise BadRequest(f"{invalid}; value must be in range 0-100%")
        return lambda fields, now: _used(fields, now) >= percent
    try:
        left = goduration.parse(text)
    except FormatError:
        raise BadRequest(f"{invalid}; write 75% or 1h15m") from None
    return lambda fields, now: fields.not_after - now <= left


def _used(fields: CertificateFields, now: datetime) -> int:
    """Say how many percent of its life are over, below zero before it begins."""
    length = fields.not_after - fields.not_before
    if length <= timedelta():
        return 100
    return int((1 - (fields.not_after - now) / length) * 100)
