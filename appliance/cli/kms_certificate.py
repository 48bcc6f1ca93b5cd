"""`hearth kms certificate`: certificates on tokens."""

from functools import partial

import click

from appliance.cli.certificate_sources import certificates_of
from appliance.cli.command import StepCommand
from appliance.cli.files import read_file
from appliance.cli.kms_flags import is_file, kms_uri
from appliance.cli.token_places import Place, place
from appliance.cli.token_thread import use_token
from appliance.formats import pem
from appliance.model.errors import BadRequest, FormatError
from appliance.ports.keys import KeyManager


@click.command("certificate", cls=StepCommand, no_context=True)
@click.argument("uri", metavar="<uri>")
@kms_uri
@click.option("--import", "imported", metavar="<file>", help="Keep this certificate on the token.")
@click.option("--bundle", is_flag=True, help="Print a chain; a token keeps one certificate a key.")
def certificate(*, uri: str, kms: str | None, imported: str | None, bundle: bool) -> None:
    """Print the certificate that a token keeps; with --import, keep one there, and print it.

    `hearth kms certificate copy <file> <uri>` keeps one, too, and `hearth kms certificate delete
    <uri>` removes one.

    \b
    Examples:
      $ hearth kms certificate 'yubikey:slot-id=82'
      $ hearth kms certificate --import root_ca.crt 'yubikey:slot-id=82'
    """
    if bundle:
        raise BadRequest(f"--bundle is not compatible with '{uri}': it keeps single certificates")
    where = _place(uri, kms)
    new = _first(imported) if imported else None
    _show(use_token(where, partial(_kept, where, new)))


@click.command("copy", cls=StepCommand, no_context=True)
@click.argument("source", metavar="<src>")
@click.argument("target", metavar="<dst-uri>")
@kms_uri
def copy(*, source: str, target: str, kms: str | None) -> None:
    """Copy a certificate from a file, or from a token, onto a token, and print it.

    \b
    Example:
      $ hearth kms certificate copy root_ca.crt 'yubikey:slot-id=82'
    """
    if is_file(source, None):
        found = _first(source)
    else:
        origin = place(source, None)
        found = use_token(origin, partial(_kept, origin, None))
    where = _place(target, kms)
    _show(use_token(where, partial(_kept, where, found)))


@click.command("delete", cls=StepCommand, no_context=True)
@click.argument("uri", metavar="<uri>")
@kms_uri
def delete(*, uri: str, kms: str | None) -> None:
    """Remove a certificate from a token. The key beside it stays.

    \b
    Example:
      $ hearth kms certificate delete 'yubikey:slot-id=82'
    """
    where = _place(uri, kms)
    use_token(where, partial(_removed, where))


def _place(uri: str, kms: str | None) -> Place:
    if is_file(uri, kms):
        raise BadRequest(f"{uri} is no certificate on a token: a file is used as it is")
    return place(uri, kms)


def _first(name: str) -> bytes:
    try:
        found = certificates_of(read_file(name))
    except FormatError as error:
        raise BadRequest(f"error decoding {name}: {error.public}") from error
    return found[0]


def _show(der: bytes) -> None:
    click.echo(pem.encode("CERTIFICATE", der), nl=False)


async def _kept(where: Place, new: bytes | None, manager: KeyManager) -> bytes:
    if new is not None:
        await manager.store_certificate(where.key, new)
    return await manager.load_certificate(where.key)


async def _removed(where: Place, manager: KeyManager) -> None:
    await manager.delete_certificate(where.key)
