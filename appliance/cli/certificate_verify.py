"""`hearth certificate verify`: does a certificate lead to a root?"""

import ssl
from typing import Final

import click

from appliance.cli.certificate_sources import read_roots, server, server_flags
from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand, refused
from appliance.cli.files import read_file
from appliance.formats import pem
from appliance.issuance import paths
from appliance.model.errors import BadRequest, FormatError, Unauthorized

_REVOCATION: Final = (
    "checks of CRLs and OCSP come with a later version; without the flag, the path to a root is "
    "verified"
)


@click.command("verify", cls=StepCommand)
@click.argument("crt_file", metavar="<crt-file>")
@click.option("--host", metavar="<host>", help="Check that the certificate is for this host.")
@click.option(
    "--issuing-ca", hidden=True, expose_value=False, help="Has no effect without CRL and OCSP."
)
@click.option("-v", "--verbose", is_flag=True, help="Say what was verified.")
@click.option("--insecure", is_flag=True, hidden=True, expose_value=False)
@refused("verify-ocsp", "verify-crl", because=_REVOCATION, is_flag=True)
@refused("ocsp-endpoint", "crl-endpoint", because=_REVOCATION)
@server_flags
def verify(
    *,
    crt_file: str,
    host: str | None,
    verbose: bool,
    servername: str | None,
    roots: str | None,
) -> None:
    """Check that a certificate leads to a root: those of the system, or --roots.

    <crt-file> is in PEM, its issuers behind it in the same file, or a server: https://host:port.
    Exits with 0 when it holds, and with 1 and the reason when not.

    \b
    Examples:
      $ hearth certificate verify internal.crt --roots root_ca.crt
      $ hearth certificate verify internal.crt --roots root_ca.crt --host internal.example.com
      $ hearth certificate verify https://ca.example.com --roots root_ca.crt
    """
    leaf, between = _given(crt_file, servername, roots)
    trust = paths.Trust(roots=read_roots(roots) if roots else _system_roots(), between=between)
    try:
        paths.verify(leaf, trust, now=SystemClock().now(), host=host or "")
    except (Unauthorized, FormatError) as error:
        raise BadRequest(f"failed to verify certificate: {error.public}") from error
    if verbose:
        click.echo("certificate validated against roots")
        if host:
            click.echo("certificate host name validated")
        click.echo("certificate is valid")


def _given(name: str, servername: str | None, roots: str | None) -> tuple[bytes, list[bytes]]:
    """Give the certificate in question, and what came with it."""
    if asked := server(name, servername=servername, roots=roots):
        leaf, *others = asked.certificates()
        return leaf, others
    try:
        leaf, *others = pem.certificates(read_file(name))
    except FormatError as error:
        raise BadRequest(f"{name} contains no PEM certificate blocks: {error.public}") from error
    return leaf, others


def _system_roots() -> list[bytes]:
    found = ssl.create_default_context().get_ca_certs(binary_form=True)
    if not found:
        raise BadRequest("this system has no bundle of roots: name them with --roots")
    return found
