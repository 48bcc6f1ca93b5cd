"""`hearth ssh inspect`: what an SSH certificate says."""

from datetime import UTC, datetime

import click

from appliance.cli.command import StepCommand
from appliance.cli.files import read_file
from appliance.formats.ssh import authorized, inspection, keys
from appliance.formats.ssh.certificate import SshCertificate
from appliance.formats.ssh.keys import SshPublicKey
from appliance.model.errors import BadRequest, FormatError


@click.command("inspect", cls=StepCommand)
@click.argument("crt_file", metavar="[<crt-file>]", default="-")
@click.option("--format", "form", default="text", metavar="<format>", help="text or json.")
def inspect(crt_file: str, *, form: str) -> None:
    """Show what an SSH certificate says; nothing of it is verified.

    <crt-file> may be `-` for standard input, which is the default.

    \b
    Examples:
      $ hearth ssh inspect id_ecdsa-cert.pub
      $ hearth ssh list --raw jane@example.com | hearth ssh inspect --format json
    """
    if form not in ("text", "json"):
        raise BadRequest(f"invalid value '{form}' for flag '--format'; options are text, json")
    held = _read(read_file(crt_file))
    if not isinstance(held, SshCertificate):
        raise BadRequest(f"{crt_file} is a public key ({held.type}), not an SSH certificate")
    shown = (
        inspection.json(held, local) if form == "json" else inspection.text(held, crt_file, local)
    )
    click.echo(shown, nl=False)


def local(seconds: int) -> datetime:
    """Give a moment in the time zone of the machine."""
    return datetime.fromtimestamp(seconds, UTC).astimezone()


def _read(content: bytes) -> SshPublicKey | SshCertificate:
    """Read a line, or its data alone."""
    try:
        return authorized.read(content)[0]
    except FormatError as error:
        try:
            return authorized.parse(keys.of_base64(content.decode("ascii", "replace").strip()))
        except FormatError:
            raise FormatError(f"error parsing ssh certificate: {error.public}") from error
