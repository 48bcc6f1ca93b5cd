"""`hearth ssh fingerprint`: the hash by which an SSH key is known."""

import click

from appliance.cli.command import StepCommand
from appliance.cli.digest_text import encoding
from appliance.cli.files import read_file
from appliance.formats.ssh import authorized, inspection
from appliance.formats.ssh.certificate import SshCertificate
from appliance.model.errors import BadRequest, FormatError


@click.command("fingerprint", cls=StepCommand)
@click.argument("file", metavar="[<file>]", default="-")
@click.option(
    "--format",
    "form",
    default="base64-raw",
    metavar="<format>",
    help="hex, base64, base64-url, base64-raw or base64-url-raw.",
)
@click.option("--certificate", is_flag=True, help="Hash all of a certificate, not its key alone.")
def fingerprint(file: str, *, form: str, certificate: bool) -> None:
    """Print the SHA-256 fingerprint of an SSH public key, or of a certificate's.

    \b
    Examples:
      $ hearth ssh fingerprint id_ecdsa.pub
      $ hearth ssh fingerprint id_ecdsa-cert.pub --certificate
    """
    encode = encoding(form)
    try:
        held, comment = authorized.read(read_file(file))
    except FormatError as error:
        raise FormatError(f"error parsing public key: {error.public}") from error
    if certificate and not isinstance(held, SshCertificate):
        raise BadRequest(f"{file} is a public key, not an SSH certificate: leave --certificate out")
    click.echo(inspection.summary(held, comment, encode=encode, whole=certificate))
