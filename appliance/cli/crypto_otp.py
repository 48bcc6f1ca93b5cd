"""`hearth crypto otp`: time-based one-time passwords."""

import secrets
from dataclasses import replace
from typing import Any

import click

from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand, StepGroup, refused
from appliance.cli.files import read_file
from appliance.cli.jose_input import piped
from appliance.cli.prompts import ask
from appliance.formats import timeorduration, totp
from appliance.formats.totp import Totp
from appliance.model.errors import BadRequest, FormatError

otp = StepGroup(
    "otp",
    help=(
        "Make secrets for time-based one-time passwords, and check such passwords.\n\n"
        "\b\nExamples:\n"
        "  $ hearth crypto otp generate --issuer example.com --account joe@example.com > joe.totp\n"
        "  $ hearth crypto otp verify --secret joe.totp"
    ),
)

_NO_QR = "this version draws no QR codes: print the --url, and give it to qrencode"


@otp.command("generate", cls=StepCommand, short_help="make a secret")
@click.option("--issuer", "--iss", "issuer", metavar="<name>", help="Who gives the account.")
@click.option("--account", metavar="<name>", help="The user's account.")
@click.option("--period", type=int, default=30, metavar="<seconds>", help="How long each is good.")
@click.option("--length", "--digits", "length", type=int, default=6, metavar="<digits>")
@click.option("--secret-size", type=int, default=20, metavar="<octets>", help="Of the secret: 20.")
@click.option("--alg", "--algorithm", "alg", default="SHA1", metavar="<algorithm>",
              help="SHA1 (default, all that many apps know), SHA256 or SHA512.")  # fmt: skip
@click.option("--url", is_flag=True, help="Print the URI that apps take in.")
@click.option("-f", "--force", is_flag=True, hidden=True, expose_value=False)
@refused("qr", because=_NO_QR)
def generate(
    *,
    issuer: str | None,
    account: str | None,
    period: int,
    length: int,
    secret_size: int,
    alg: str,
    url: bool,
) -> None:
    """Make a secret and print it in base32, or all of it as an URI.

    \b
    Example:
      $ hearth crypto otp generate --issuer example.com --account joe@example.com --url
    """
    if not issuer or not account:
        raise BadRequest(f"the flag '--{'account' if issuer else 'issuer'}' is required")
    if not 0 < secret_size <= 1024:
        raise BadRequest("a secret has 1 to 1024 octets")
    made = Totp(
        secret=secrets.token_bytes(secret_size), period=period, digits=length, algorithm=alg.upper()
    )
    click.echo(made.uri(issuer, account) if url else totp.secret_text(made.secret))


@otp.command("verify", cls=StepCommand, short_help="check a one-time password")
@click.argument("file", metavar="", required=False)
@click.option("--secret", metavar="<file>", help="The file of the secret, or of its URI.")
@click.option("--period", type=int, metavar="<seconds>", help="How long each is good: 30.")
@click.option("--skew", type=int, default=0, metavar="<number>", help="Periods to be off: 0.")
@click.option("--length", "--digits", "length", type=int, metavar="<digits>", help="6.")
@click.option("--alg", "--algorithm", "alg", metavar="<algorithm>", help="SHA1, SHA256 or SHA512.")
@click.option("--time", "moment", metavar="<time|duration>", help="Check for this time, not now.")
@click.option("--insecure", is_flag=True, hidden=True)
def verify(*, file: str | None, skew: int, insecure: bool, **given: Any) -> None:
    """Check a password, asked for or from standard input: print ok, or fail and exit with 1.

    \b
    Example:
      $ hearth crypto otp verify --secret joe.totp
    """
    name = given["secret"] or file
    if not name:
        raise BadRequest("'crypto otp verify' requires the '--secret' flag")
    if skew < 0 or (skew > 1 and not insecure):
        raise BadRequest("'--skew' values greater than 1 require the '--insecure' flag")
    try:
        found = totp.read(read_file(name).decode("utf-8", "replace"))
        now = SystemClock().now()
        at = timeorduration.moment(given["moment"] or "", now=now) or now
    except FormatError as error:
        raise BadRequest(f"error reading {name}: {error.public}") from error
    asked = {"period": given["period"], "digits": given["length"], "algorithm": given["alg"]}
    found = replace(found, **{key: value for key, value in asked.items() if value is not None})
    content = piped()
    password = ask("Enter Passcode") if content is None else content.decode("utf-8", "replace")
    holds = found.holds(password, at, skew)
    click.echo("ok" if holds else "fail")
    click.get_current_context().exit(0 if holds else 1)
