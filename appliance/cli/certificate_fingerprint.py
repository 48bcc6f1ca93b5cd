"""`hearth certificate fingerprint`: the hash by which a certificate is known."""

import hashlib

import click

from appliance.cli.certificate_sources import certificates_or_request, server, server_flags
from appliance.cli.command import StepCommand
from appliance.cli.digest_text import encoding
from appliance.model.errors import BadRequest


@click.command("fingerprint", cls=StepCommand)
@click.argument("crt_file", metavar="[<crt-file>]", default="-")
@click.option("--bundle", is_flag=True, help="Print that of every certificate, numbered.")
@click.option(
    "--format",
    "form",
    default="hex",
    metavar="<format>",
    help="hex, base64, base64-url, base64-raw or base64-url-raw.",
)
@click.option("--sha1", is_flag=True, help="Use SHA-1 instead of SHA-256; requires --insecure.")
@click.option("--insecure", is_flag=True, help="Ask a server even if it is not trusted.")
@server_flags
def fingerprint(
    *,
    crt_file: str,
    bundle: bool,
    form: str,
    sha1: bool,
    insecure: bool,
    servername: str | None,
    roots: str | None,
) -> None:
    """Print the SHA-256 over a certificate or a request.

    \b
    Examples:
      $ hearth certificate fingerprint root_ca.crt
      $ hearth certificate fingerprint --format base64-url-raw internal.csr
      $ hearth certificate fingerprint --bundle https://ca.example.com --roots root_ca.crt
    """
    if sha1 and not insecure:
        raise BadRequest("flag '--sha1' requires the '--insecure' flag")
    encode = encoding(form)
    if asked := server(crt_file, servername=servername, roots=roots, insecure=insecure):
        certificates = list(asked.certificates())
    else:
        certificates, request = certificates_or_request(crt_file)
        certificates += [request] if request is not None else []
    hashed = hashlib.sha1 if sha1 else hashlib.sha256
    for number, octets in enumerate(certificates if bundle else certificates[:1]):
        text = encode(hashed(octets).digest())
        click.echo(f"{number}: {text}" if bundle else text)
