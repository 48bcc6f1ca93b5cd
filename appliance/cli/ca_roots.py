"""`hearth ca root`, `roots` and `federation`: fetching the certificates to trust."""

from collections.abc import Awaitable, Callable

import click
import trio

from appliance.cli.command import StepCommand
from appliance.cli.files import write_file
from appliance.cli.online import (
    ca_flags,
    read_roots,
    required,
    required_url,
    root_file,
    talk,
)
from appliance.cli.prompts import say
from appliance.client.ca import CaClient, fetch_root
from appliance.formats import pem

_force = click.option("-f", "--force", is_flag=True, help="Overwrite files without asking.")


@click.command("root", cls=StepCommand)
@click.argument("file", metavar="[<root-file>]", required=False)
@_force
@click.option("--fingerprint", metavar="<fingerprint>", help="The SHA-256 of the root, in hex.")
@click.option("--ca-url", metavar="<uri>", help="The URL of the CA.")
@click.option("--context", metavar="<name>", help="The context to use.")
def root(
    *,
    file: str | None,
    force: bool,
    fingerprint: str | None,
    ca_url: str | None,
    context: str | None,
) -> None:
    """Fetch the root certificate and check it against its fingerprint.

    The root goes to <root-file>, or to standard output without one.

    \b
    Examples:
      $ hearth ca root root_ca.crt --ca-url https://ca.example.com --fingerprint d9d0…5097
      The root certificate has been saved in root_ca.crt.
      $ hearth ca root > root_ca.crt
    """  # fmt: skip
    del context
    url = required_url(ca_url)
    if not fingerprint or not fingerprint.strip():
        raise required("fingerprint")
    found = trio.run(fetch_root, url, fingerprint)
    _deliver((found,), file, force=force, what="root certificate")


@click.command("roots", cls=StepCommand)
@click.argument("file", metavar="[<roots-file>]", required=False)
@_force
@ca_flags
def roots(
    *, file: str | None, force: bool, ca_url: str | None, root: str | None, context: str | None
) -> None:
    """Fetch all root certificates of the CA.

    They go to <roots-file> (PEM), or to standard output without one.

    \b
    Examples:
      $ hearth ca roots roots.pem
      The root certificate bundle has been saved in roots.pem.
      $ hearth ca roots --ca-url https://ca.example.com --root root_ca.crt
    """
    del context
    _bundle(CaClient.roots, ca_url, root, file, force=force, what="root certificate bundle")


@click.command("federation", cls=StepCommand)
@click.argument("file", metavar="[<federation-file>]", required=False)
@_force
@ca_flags
def federation(
    *, file: str | None, force: bool, ca_url: str | None, root: str | None, context: str | None
) -> None:
    """Fetch the root certificates of the CA and of those federated with it.

    They go to <federation-file> (PEM), or to standard output without one.

    \b
    Example:
      $ hearth ca federation federation.pem
      The federation certificate bundle has been saved in federation.pem.
    """
    del context
    what = "federation certificate bundle"
    _bundle(CaClient.federation, ca_url, root, file, force=force, what=what)


def _bundle(
    call: Callable[[CaClient], Awaitable[tuple[bytes, ...]]],
    ca_url: str | None,
    root: str | None,
    file: str | None,
    *,
    force: bool,
    what: str,
) -> None:
    """Fetch certificates over a connection that is trusted already."""
    url = required_url(ca_url)
    _deliver(talk(url, read_roots(root_file(root)), call), file, force=force, what=what)


def _deliver(found: tuple[bytes, ...], file: str | None, *, force: bool, what: str) -> None:
    """Write certificates to the file or to standard output."""
    text = "".join(pem.encode("CERTIFICATE", der) for der in found)
    if file is None:
        click.echo(text, nl=False)
        return
    write_file(file, text.encode(), 0o600, force=force)
    say(f"The {what} has been saved in {file}.")
