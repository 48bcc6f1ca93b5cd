"""`hearth ssh krl`: the list of revoked certificates, put where sshd looks for it."""

from pathlib import Path

import click

from appliance.cli.command import StepCommand
from appliance.cli.files import write_file
from appliance.cli.online import ca_flags, read_roots, required_url, root_file
from appliance.cli.prompts import say
from appliance.client.downloads import fetch
from appliance.formats.ssh import krl as revocation_list
from appliance.model.errors import Broken, FormatError

_MODE = 0o644  # sshd reads it as whoever logs in


@click.command("krl", cls=StepCommand)
@click.option(
    "--out", "file", metavar="<file>",
    help="Write it to this file, as a whole and only if it differs, instead of to standard output.",
)  # fmt: skip
@ca_flags
def krl(*, file: str | None, ca_url: str | None, root: str | None, context: str | None) -> None:
    """Fetch the list of revoked SSH certificates (KRL) from the CA.

    sshd refuses what its RevokedKeys file lists, and everybody when that file is missing or cut
    off: so fetch it once before sshd_config names it, and then every few minutes. What is not a
    list, or cannot be fetched, leaves the file as it was.

    \b
    Examples:
      $ hearth ssh krl --out /etc/ssh/revoked.krl
      The revocation list has been saved in /etc/ssh/revoked.krl.
      $ ssh-keygen -Q -f /etc/ssh/revoked.krl id_ecdsa-cert.pub
    """
    del context
    url = required_url(ca_url)
    octets = fetch(f"{url.rstrip('/')}/1.0/ssh/krl", roots=read_roots(root_file(root)))
    try:
        revocation_list.parse(octets)
    except FormatError as error:
        raise Broken(f"the CA sent what is no revocation list: {error.public}") from error
    if file is None:
        click.echo(octets, nl=False)
    elif _holds(file, octets):
        say(f"{file} has the newest revocation list already.")
    else:
        write_file(file, octets, _MODE, force=True)
        say(f"The revocation list has been saved in {file}.")


def _holds(file: str, octets: bytes) -> bool:
    try:
        return Path(file).read_bytes() == octets
    except OSError:
        return False
