"""`hearth certificate install|uninstall`: a root in the system's trust store."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from cryptography import x509

from appliance.cli import trust_store
from appliance.cli.command import StepCommand, refused
from appliance.cli.files import read_file
from appliance.formats import inspect_text, pem, x509_fields
from appliance.formats.certificates import UNREADABLE, load
from appliance.issuance import parsed
from appliance.model.errors import BadRequest, FormatError

F = TypeVar("F", bound=Callable[..., Any])

_OTHERS = (
    "this version knows the system's store only; for Java use 'keytool -importcert -cacerts', for "
    "Firefox 'certutil -A -t C,,' or the policy ImportEnterpriseRoots"
)


def _flags(function: F) -> F:
    function = click.option(
        "--prefix", default="", metavar="<name>", help="The name; default: the common name."
    )(function)
    return refused("all", "java", "firefox", "no-system", because=_OTHERS, is_flag=True)(function)


@click.command("install", cls=StepCommand)
@click.argument("crt_file", metavar="<crt-file>")
@_flags
def install(*, crt_file: str, prefix: str) -> None:
    """Make this system trust a root certificate; sudo is used where it is needed.

    \b
    Example:
      $ hearth certificate install root_ca.crt
    """
    root = _root(crt_file)
    install_root(root, prefix)
    click.echo(f"Certificate {crt_file} has been installed.")
    click.echo(_summary(root), nl=False)


@click.command("uninstall", cls=StepCommand)
@click.argument("crt_file", metavar="<crt-file>")
@_flags
def uninstall(*, crt_file: str, prefix: str) -> None:
    """Make this system no longer trust a root certificate that `install` has added.

    \b
    Example:
      $ hearth certificate uninstall root_ca.crt
    """
    root = _root(crt_file)
    trust_store.uninstall(trust_store.find(trust_store.STORES), _name(root, prefix))
    click.echo(f"Certificate {crt_file} has been removed.")
    click.echo(_summary(root), nl=False)


def install_root(root: bytes, prefix: str = "") -> None:
    """Make the system trust a root (DER). Raises BadRequest, NotSupported, Unavailable."""
    trust_store.install(trust_store.find(trust_store.STORES), _name(root, prefix), root)


def _root(name: str) -> bytes:
    """Read a certificate that is a root. Raises BadRequest."""
    try:
        root = pem.certificates(read_file(name))[0]
        if inspect_text.is_self_signed(x509_fields.certificate(root)) and _is_authority(root):
            return root
    except (FormatError, *UNREADABLE) as error:
        raise BadRequest(f"error reading {name}: {error}") from error
    raise BadRequest(f"certificate {name} is not a root CA")


def _is_authority(root: bytes) -> bool:
    try:
        found = load(root).extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return found.value.ca


def _name(root: bytes, prefix: str) -> str:
    """Name it as step does: by prefix or common name, and its serial number."""
    certificate = load(root)
    start = prefix or f"{parsed.parse(root).common_name or 'CA'} "
    return f"{start}{certificate.serial_number}"


def _summary(root: bytes) -> str:
    return inspect_text.certificate_summary(x509_fields.certificate(root))
