"""`hearth certificate verify`: does a certificate lead to a root, and is it not revoked?"""

import ssl

import click

from appliance.cli.certificate_sources import read_roots, server, server_flags
from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand
from appliance.cli.files import read_file
from appliance.cli.revocation_checks import (
    Question,
    check_lists,
    check_responders,
    issuing_certificate,
)
from appliance.formats import pem
from appliance.issuance import paths, revocation_checks
from appliance.model.errors import BadRequest, FormatError, Unauthorized


@click.command("verify", cls=StepCommand)
@click.argument("crt_file", metavar="<crt-file>")
@click.option("--host", metavar="<host>", help="Check that the certificate is for this host.")
@click.option(
    "--issuing-ca",
    metavar="<file>",
    help="The certificate that issued it, where it is not among those given.",
)
@click.option("--verify-ocsp", is_flag=True, help="Ask the OCSP responder that it names.")
@click.option("--ocsp-endpoint", metavar="<url>", help="Ask this responder instead.")
@click.option("--verify-crl", is_flag=True, help="Look it up in the revocation list it names.")
@click.option("--crl-endpoint", metavar="<url>", help="Look it up in this list instead.")
@click.option("-v", "--verbose", is_flag=True, help="Say what was verified.")
@click.option("--insecure", is_flag=True, hidden=True, help="Take lists of any signature.")
@server_flags
def verify(  # noqa: PLR0913 - step's flags
    *,
    crt_file: str,
    host: str | None,
    issuing_ca: str | None,
    verify_ocsp: bool,
    ocsp_endpoint: str | None,
    verify_crl: bool,
    crl_endpoint: str | None,
    verbose: bool,
    insecure: bool,
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
      $ hearth certificate verify internal.crt --roots root_ca.crt --verify-crl --verify-ocsp
    """
    leaf, between = _given(crt_file, servername, roots)
    trust = paths.Trust(roots=read_roots(roots) if roots else _system_roots(), between=between)
    try:
        paths.verify(leaf, trust, now=SystemClock().now(), host=host or "")
    except (Unauthorized, FormatError) as error:
        raise BadRequest(f"failed to verify certificate: {error.public}") from error
    said = ["certificate validated against roots"]
    if host:
        said.append("certificate host name validated")
    if verify_crl or verify_ocsp:
        question = Question(
            certificate=leaf,
            issuer=_issuer(leaf, trust, issuing_ca),
            roots=list(trust.roots) if roots else None,
            verbose=verbose,
            check_signature=not insecure,
        )
        if verify_crl:
            said.append(check_lists(question, crl_endpoint))
        if verify_ocsp:
            said.append(check_responders(question, ocsp_endpoint))
    if verbose:
        for line in (*said, "certificate is valid"):
            click.echo(line)


def _issuer(leaf: bytes, trust: paths.Trust, file: str | None) -> bytes:
    """Find who issued it: what is named, or what the path to the root has gone through."""
    if file:
        return issuing_certificate(file)
    found = revocation_checks.issuer_of(leaf, (*trust.between, *trust.roots))
    if found is None:
        raise BadRequest("the issuing CA is not among the certificates given: use --issuing-ca")
    return found


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
