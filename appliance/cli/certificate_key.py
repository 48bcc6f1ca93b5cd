"""`hearth certificate key`: the public key of a certificate or a request."""

import click

from appliance.cli.any_key import read_public
from appliance.cli.command import StepCommand
from appliance.cli.files import write_file
from appliance.cli.prompts import say
from appliance.formats import keyfile


@click.command("key", cls=StepCommand)
@click.argument("crt_file", metavar="<crt-file>")
@click.option(
    "--out", "--output-file", "out", metavar="<file>", help="Write here, not to standard output."
)
@click.option("-f", "--force", is_flag=True, help="Overwrite the file without asking.")
def key(*, crt_file: str, out: str | None, force: bool) -> None:
    """Print the public key of a certificate or a request, in PEM.

    \b
    Examples:
      $ hearth certificate key internal.crt
      $ hearth certificate key internal.csr --out internal.pub
    """
    text = keyfile.dump_public_key(read_public(crt_file))
    if not out:
        click.echo(text, nl=False)
        return
    write_file(out, text, 0o600, force=force)
    say(f"The public key has been saved in {out}.")
