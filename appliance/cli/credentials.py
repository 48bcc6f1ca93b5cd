"""The flags by which a person brings a credential instead of a provisioner's password."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import click

from appliance.cli.files import read_file
from appliance.cli.keys import read_private_key, refuse_kms
from appliance.cli.token_certificates import read_certificates
from appliance.client import credentials
from appliance.client.tokens import SigningKey
from appliance.formats import nebula_keys, nebula_pem, pem
from appliance.formats.nebula import NebulaCertificate
from appliance.formats.ssh import authorized
from appliance.formats.ssh.certificate import SshCertificate
from appliance.model.errors import BadRequest, FormatError

F = TypeVar("F", bound=Callable[..., Any])

_ACCOUNT_TOKEN: Final = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What the person brings: files."""

    x5c_cert: str | None = None
    x5c_key: str | None = None
    x5c_chain: tuple[str, ...] = ()
    x5c_insecure: bool = False
    nebula_cert: str | None = None
    nebula_key: str | None = None
    k8ssa_token_path: str | None = None
    sshpop_cert: str | None = None
    sshpop_key: str | None = None

    @property
    def kind(self) -> str:
        """The type of provisioner that goes with them; empty when there are none."""
        if self.x5c_cert or self.x5c_key:
            return "X5C"
        if self.sshpop_cert or self.sshpop_key:
            return "SSHPOP"
        if self.nebula_cert or self.nebula_key:
            return "Nebula"
        return "K8sSA" if self.k8ssa_token_path else ""


def credential_flags(function: F) -> F:
    """Add the flags of Nebula and Kubernetes, which all commands have that make tokens."""
    for option in (
        click.option(
            "--k8ssa-token-path", metavar="<file>", help="A Kubernetes service account's token."
        ),
        click.option("--nebula-key", metavar="<file>", help="The private key of --nebula-cert."),
        click.option("--nebula-cert", metavar="<file>", help="A Nebula host's certificate."),
    ):
        function = option(function)
    return function


def x5c_flags(function: F) -> F:
    """Add the flags of X5C to a command that issues."""
    for option in (
        click.option(
            "--x5c-chain", multiple=True, metavar="<file>", help="Issuers of --x5c-cert (PEM)."
        ),
        click.option("--x5c-key", metavar="<file>", help="The private key of --x5c-cert."),
        click.option(
            "--x5c-cert",
            metavar="<file>",
            help="A certificate, with its issuers (PEM), to sign by.",
        ),
    ):
        function = option(function)
    return function


def sshpop_flags(function: F) -> F:
    """Add the flags by which the holder of an SSH certificate acts for it."""
    for option in (
        click.option("--sshpop-key", metavar="<file>", help="The private key of --sshpop-cert."),
        click.option("--sshpop-cert", metavar="<file>", help="An SSH certificate to sign by."),
    ):
        function = option(function)
    return function


def signing_key(kind: str, given: Credentials, password_file: str | None) -> SigningKey:
    """Read what signs a token for an X5C, an SSHPOP or a Nebula provisioner.

    Raises BadRequest when a flag is missing, FormatError for files that do not do.
    """
    if kind == "X5C":
        certificate = _required(kind, "x5c-cert", given.x5c_cert)
        key_file = _required(kind, "x5c-key", given.x5c_key)
        chain = [der for name in (certificate, *given.x5c_chain) for der in _certificates(name)]
        key = read_private_key(key_file, password_file=password_file)
        header = "x5cInsecure" if given.x5c_insecure else "x5c"
        return credentials.of_chain(chain, key, header=header)
    if kind == "SSHPOP":
        certificate = _required(kind, "sshpop-cert", given.sshpop_cert)
        key_file = _required(kind, "sshpop-key", given.sshpop_key)
        held = read_ssh_certificate(certificate)
        key = read_private_key(key_file, password_file=password_file)
        return credentials.of_ssh_certificate(held, key)
    certificate = _required(kind, "nebula-cert", given.nebula_cert)
    key_file = _required(kind, "nebula-key", given.nebula_key)
    try:
        host = _nebula_certificate(read_file(certificate))
        return credentials.of_host(host, nebula_keys.read(read_file(key_file)))
    except FormatError as error:
        raise FormatError(f"error reading {certificate} and {key_file}: {error}") from error


def read_ssh_certificate(name: str) -> SshCertificate:
    """Read a file with an SSH certificate. Raises BadRequest, FormatError."""
    refuse_kms(name)
    try:
        found, _ = authorized.read(read_file(name))
    except FormatError as error:
        raise FormatError(f"error reading ssh certificate from {name}: {error.public}") from error
    if not isinstance(found, SshCertificate):
        raise FormatError(f"error reading {name}: it is an SSH key, not an SSH certificate")
    return found


def account_token(given: Credentials) -> str:
    """Read the token of a service account, from where a pod finds it if not told otherwise."""
    return read_file(given.k8ssa_token_path or _ACCOUNT_TOKEN).decode("utf-8", "replace").strip()


def _required(kind: str, flag: str, value: str | None) -> str:
    if not value:
        raise BadRequest(f"provisioner type '{kind}' requires the '--{flag}' flag")
    return value


def _certificates(name: str) -> list[bytes]:
    try:
        return pem.certificates(read_certificates(name))
    except FormatError as error:
        raise FormatError(f"error reading {name}: {error}") from error


def _nebula_certificate(content: bytes) -> NebulaCertificate:
    """Read a certificate in PEM, or as it is in a token."""
    if content.lstrip().startswith(b"-----BEGIN"):
        return nebula_pem.read_pem(content)[0]
    return nebula_pem.read(content)
