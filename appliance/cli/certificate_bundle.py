"""`hearth certificate bundle`: a certificate with its issuer behind it, in one file."""

import click

from appliance.cli.command import StepCommand
from appliance.cli.files import read_file, write_file
from appliance.cli.prompts import say
from appliance.formats import pem
from appliance.model.errors import BadRequest, FormatError


@click.command("bundle", cls=StepCommand)
@click.argument("crt_file", metavar="<crt-file>")
@click.argument("ca", metavar="<ca>")
@click.argument("bundle_file", metavar="<bundle-file>")
@click.option("-f", "--force", is_flag=True, help="Overwrite the file without asking.")
def bundle(*, crt_file: str, ca: str, bundle_file: str, force: bool) -> None:
    """Put a certificate and its issuer's into one file, as servers want it.

    The first certificate of each file is taken.

    \b
    Example:
      $ hearth certificate bundle foo.crt intermediate_ca.crt foo-bundle.crt
    """
    both = "".join(pem.encode("CERTIFICATE", _first(name)) for name in (crt_file, ca))
    write_file(bundle_file, both.encode(), 0o600, force=force)
    say(f"Your certificate has been saved in {bundle_file}.")


def _first(name: str) -> bytes:
    try:
        return pem.certificates(read_file(name))[0]
    except FormatError as error:
        raise BadRequest(f"could not parse certificate file '{name}': {error.public}") from error
