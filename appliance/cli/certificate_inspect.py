"""`hearth certificate inspect`: what a certificate or a request says."""

import click

from appliance.cli.certificate_sources import certificates_or_request, server, server_flags
from appliance.cli.command import StepCommand
from appliance.formats import inspect_json, inspect_text, pem, x509_fields
from appliance.model.errors import BadRequest


@click.command("inspect", cls=StepCommand)
@click.argument("crt_file", metavar="[<crt-file>]", default="-")
@click.option("--format", "form", default="text", metavar="<format>", help="text, json or pem.")
@click.option("--bundle", is_flag=True, help="Show every certificate, not the first one only.")
@click.option("--short", is_flag=True, help="Show a few lines with what matters.")
@click.option(
    "--insecure", is_flag=True, help="Show what a server sends even if it is not trusted."
)
@server_flags
def inspect(
    *,
    crt_file: str,
    form: str,
    bundle: bool,
    short: bool,
    insecure: bool,
    servername: str | None,
    roots: str | None,
) -> None:
    """Show what a certificate or a request says; nothing of it is verified.

    <crt-file> is a file in PEM or DER, `-` for standard input, or a server: https://host:port,
    also tls://, smtps:// and ldaps://.

    \b
    Examples:
      $ hearth certificate inspect internal.crt --short
      $ hearth certificate inspect internal.csr --format json
      $ hearth certificate inspect --bundle https://ca.example.com --roots root_ca.crt
    """
    if form not in ("text", "json", "pem"):
        raise BadRequest(f"invalid value '{form}' for flag '--format'; options are text, json, pem")
    if short and form != "text":
        raise BadRequest(f"flag '--short' is incompatible with '--format {form}'")
    request = None
    if asked := server(crt_file, servername=servername, roots=roots, insecure=insecure):
        certificates = list(asked.certificates())
    else:
        certificates, request = certificates_or_request(crt_file)
    if request is not None:
        click.echo(_request(request, "short" if short else form), nl=False)
    else:
        chosen = certificates if bundle else certificates[:1]
        click.echo(_certificates(chosen, "short" if short else form), nl=False)


def _certificates(octets: list[bytes], form: str) -> str:
    if form == "pem":
        return "".join(pem.encode("CERTIFICATE", each) for each in octets)
    every = [x509_fields.certificate(each) for each in octets]
    if form == "json":
        objects = [inspect_json.certificate_object(each) for each in every]
        return inspect_json.render(objects[0] if len(objects) == 1 else objects)
    show = inspect_text.certificate_summary if form == "short" else inspect_text.certificate_text
    return "".join(map(show, every))


def _request(octets: bytes, form: str) -> str:
    if form == "pem":
        return pem.encode("CERTIFICATE REQUEST", octets)
    fields = x509_fields.request(octets)
    if form == "json":
        return inspect_json.render(inspect_json.request_object(fields))
    show = inspect_text.request_summary if form == "short" else inspect_text.request_text
    return show(fields)
