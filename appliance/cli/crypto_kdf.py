"""`hearth crypto kdf`: passwords hashed, and compared with a hash."""

import secrets

import click

from appliance.cli.command import StepCommand, StepGroup
from appliance.cli.jose_input import piped
from appliance.cli.prompts import read_password
from appliance.formats import phc
from appliance.model.errors import BadRequest, FormatError, Unauthorized

kdf = StepGroup(
    "kdf",
    help=(
        "Hash passwords, and compare with a hash.\n\n"
        "\b\nExamples:\n"
        "  $ hearth crypto kdf hash --alg argon2id\n"
        "  $ hearth crypto kdf compare '$scrypt$ln=15,r=8,p=1$3TCG…'"
    ),
)


@kdf.command("hash", cls=StepCommand, short_help="hash a password")
@click.argument("given", metavar="[<input>]", required=False)
@click.option(
    "--alg",
    default="scrypt",
    metavar="<algorithm>",
    help="scrypt (default), bcrypt, argon2id or argon2i.",
)
@click.option("--insecure", is_flag=True, hidden=True)
def hash_command(*, given: str | None, alg: str, insecure: bool) -> None:
    """Hash a password, asked for or from standard input, into its string form.

    \b
    Example:
      $ hearth crypto kdf hash --alg argon2id < password.txt
    """
    password = _input(given, "Please enter the password to hash", insecure=insecure)
    click.echo(phc.encode(alg, password, secrets.token_bytes(phc.SALT)))


@kdf.command("compare", cls=StepCommand, short_help="compare a password with a hash")
@click.argument("phc_hash", metavar="<phc-hash>")
@click.argument("given", metavar="[<input>]", required=False)
@click.option("--insecure", is_flag=True, hidden=True)
def compare(*, phc_hash: str, given: str | None, insecure: bool) -> None:
    """Print ok when a password, asked for or from standard input, has this hash; fail when not.

    \b
    Example:
      $ hearth crypto kdf compare '$scrypt$ln=15,r=8,p=1$3TCG…' < password.txt
    """
    password = _input(given, "Please enter the password to compare", insecure=insecure)
    try:
        same = phc.matches(phc_hash, password)
    except FormatError as error:
        raise BadRequest(f"error decoding hash: {error.public}") from error
    if not same:
        raise Unauthorized("fail")
    click.echo("ok")


def _input(given: str | None, prompt: str, *, insecure: bool) -> bytes:
    """Take a password as it is, line end and all, where it is not typed."""
    if given is None:
        content = piped()
        return read_password(prompt, flag="standard input").reveal() if content is None else content
    if not insecure:
        raise BadRequest("positional argument <input> requires the '--insecure' flag")
    return given.encode("utf-8", "surrogateescape")
