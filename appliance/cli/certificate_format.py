"""`hearth certificate format`: PEM to DER, and DER to PEM."""

import stat
from pathlib import Path

import click

from appliance.cli.command import StepCommand
from appliance.cli.files import read_file, write_file
from appliance.cli.prompts import say
from appliance.formats import pem, x509_fields
from appliance.model.errors import BadRequest, FormatError


@click.command("format", cls=StepCommand)
@click.argument("crt_file", metavar="[<crt-file>]", default="-")
@click.option("--out", metavar="<file>", help="Write to this file instead of standard output.")
@click.option("-f", "--force", is_flag=True, help="Overwrite the file without asking.")
def convert(crt_file: str, *, out: str | None, force: bool) -> None:
    """Turn a certificate or a request from PEM into DER, or from DER into PEM.

    \b
    Examples:
      $ hearth certificate format internal.crt --out internal.der
      $ hearth certificate format internal.der
    """
    converted = _converted(read_file(crt_file))
    if not out:
        click.echo(converted, nl=False)
        return
    write_file(out, converted, _mode(crt_file), force=force)
    say(f"Your certificate has been saved in {out}")


def _converted(content: bytes) -> bytes:
    if pem.BEGIN in content:
        for block in pem.blocks(content):
            if block.label == "CERTIFICATE":
                return x509_fields.certificate(block.der).raw
            if block.label == "CERTIFICATE REQUEST":
                return x509_fields.request(block.der).raw
        raise BadRequest("error decoding certificate: invalid PEM block")
    try:
        return pem.encode("CERTIFICATE", x509_fields.certificate(content).raw).encode()
    except FormatError:
        pass
    try:
        return pem.encode("CERTIFICATE REQUEST", x509_fields.request(content).raw).encode()
    except FormatError:
        raise BadRequest("error parsing DER format certificate or certificate request") from None


def _mode(name: str) -> int:
    """Give the new file the mode of the old one."""
    try:
        return stat.S_IMODE(Path(name).stat().st_mode) if name != "-" else 0o600
    except OSError:
        return 0o600
