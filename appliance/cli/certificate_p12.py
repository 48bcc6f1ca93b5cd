"""`hearth certificate p12`: a certificate and its key in one file, or certificates to trust."""

import click

from appliance.cli.certificate_sources import certificates_of
from appliance.cli.command import StepCommand
from appliance.cli.files import may_write, read_file, write_file
from appliance.cli.keys import read_private_key
from appliance.cli.new_keys import new_password
from appliance.cli.prompts import say
from appliance.formats import pkcs12
from appliance.model.errors import BadRequest, FormatError
from appliance.model.secret import Password


@click.command("p12", cls=StepCommand)
@click.argument("p12_file", metavar="<p12-path>")
@click.argument("crt_file", metavar="[<crt-path>]", required=False)
@click.argument("key_file", metavar="[<key-path>]", required=False)
@click.option("--ca", multiple=True, metavar="<file>", help="Add these certificates, too.")
@click.option("--password-file", metavar="<file>", help="The password to encrypt with.")
@click.option("--no-password", is_flag=True, help="Do not encrypt; needs --insecure.")
@click.option(
    "--legacy", is_flag=True, help="Encrypt for old readers, by SHA-1 and Triple DES: weak."
)
@click.option("-f", "--force", is_flag=True, help="Overwrite the file without asking.")
@click.option("--insecure", is_flag=True, help="Allow --no-password.")
def p12(  # noqa: PLR0913 - step's flags
    *,
    p12_file: str,
    crt_file: str | None,
    key_file: str | None,
    ca: tuple[str, ...],
    password_file: str | None,
    no_password: bool,
    legacy: bool,
    force: bool,
    insecure: bool,
) -> None:
    """Put a certificate and its key into a .p12 file (PKCS #12), as Windows and Java want them.

    With --ca alone it becomes a store of certificates to trust.

    \b
    Examples:
      $ hearth certificate p12 foo.p12 foo.crt foo.key
      $ hearth certificate p12 foo.p12 foo.crt foo.key --ca intermediate_ca.crt
      $ hearth certificate p12 trust.p12 --ca root_ca.crt
    """
    if crt_file and not key_file:
        raise BadRequest("missing positional argument <key-path>")
    if not crt_file and not ca:
        raise BadRequest("flag '--ca' must be provided when no <crt-path> and <key-path> are")
    if no_password and password_file:
        raise BadRequest("flag '--no-password' is incompatible with '--password-file'")
    if no_password and not insecure:
        raise BadRequest("flag '--no-password' requires the '--insecure' flag")
    others = [each for name in ca for each in _certificates(name)]
    chain = _certificates(crt_file) if crt_file else []
    key = read_private_key(key_file) if key_file else None
    may_write(p12_file, force=force)
    password = None if no_password else _password(password_file)
    content = (
        pkcs12.trust_store(others, password, legacy=legacy)
        if key is None
        else pkcs12.identity_store(key, [*chain, *others], password, legacy=legacy)
    )
    write_file(p12_file, content, 0o600, force=True)
    say(f"Your .p12 bundle has been saved as {p12_file}.")


def _certificates(name: str) -> list[bytes]:
    try:
        return certificates_of(read_file(name))
    except FormatError as error:
        raise BadRequest(f"error reading certificate {name}: {error.public}") from error


def _password(file: str | None) -> Password:
    return new_password("Please enter a password to encrypt the .p12 file", file=file)
