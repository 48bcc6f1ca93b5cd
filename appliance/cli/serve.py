"""`hearth serve`, which is also what the program does when it is called `step-ca`."""

import os
import socket
import sys
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from appliance.cli.command import StepCommand, refused
from appliance.cli.prompts import read_password
from appliance.config.addresses import split_address
from appliance.config.loading import ConfigNotFound, ConfigUnreadable
from appliance.config.location import find
from appliance.config.settings import KeyPlace, Settings
from appliance.model.errors import BadRequest, FormatError, HearthError
from appliance.model.secret import Password
from appliance.model.ssh import CertificateType
from appliance.operator.ring import EventRing
from appliance.server import passwords
from appliance.server.keys import pins_in_credentials, pins_missing, token_name
from appliance.server.launch import Launch, Network
from appliance.server.reloading import configured
from appliance.server.run import run_headless
from appliance.upstream.dns_probe import server_address

if TYPE_CHECKING:
    from appliance.cli.consoles import AttachedConsoles

_MISUSED: Final = 1
_FAILED: Final = 2
_PORT: Final = click.IntRange(0, 65535)


@click.command("serve", cls=StepCommand, no_context=True)
@click.argument("config", metavar="[<config>]", required=False)
@click.option("--password-file", metavar="<file>", help="The password of the intermediate's key.")
@click.option("--address", metavar="<host:port>", help="Listen here, not where ca.json says.")
@click.option("--context", metavar="<name>", help="The context whose CA is meant.")
@click.option("--pidfile", metavar="<file>", help="Keep the process's number in this file.")
@click.option("--quiet", is_flag=True, help="Do not tell at start what is served.")
@click.option("--console", is_flag=True, help="Show the console on this terminal.")
@click.option("--ssh-host-password-file", metavar="<file>", help="That of the SSH host key.")
@click.option("--ssh-user-password-file", metavar="<file>", help="That of the SSH user key.")
@click.option("--resolver", metavar="<address>", help="Ask this DNS server for ACME's challenges.")
@click.option("--acme-http-port", type=_PORT, help="The port of http-01; not 80, for tests.")
@click.option("--acme-tls-port", type=_PORT, help="The port of tls-alpn-01; not 443, for tests.")
@click.option("--acme-strict-fqdn", is_flag=True, help="Look ACME's names up without a suffix.")
@click.option("--insecure", is_flag=True, help="Allow the two flags that are for tests.")
@refused("issuer-password-file", because="registration authorities are not supported yet")
@refused("token", because="linking to smallstep's hosted service is not supported")
def serve(
    *,
    config: str | None,
    password_file: str | None,
    address: str | None,
    context: str | None,
    pidfile: str | None,
    quiet: bool,
    console: bool,
    insecure: bool,
    **others: object,
) -> int:
    """Run the certificate authority that <config> describes, until SIGTERM or Ctrl-C.

    Without <config>, config/ca.json of the step path is meant. The password of an encrypted key
    comes from --password-file, else from the systemd credential `hearth-password` (or `password`),
    else from `password` in ca.json, else from the terminal. SSH keys have the same password, or
    one of their own: in a file, or as credential `hearth-ssh-host-password` or
    `hearth-ssh-user-password`.

    SIGHUP reads the configuration again and changes to it without losing a request; one that is
    wrong changes nothing. A second SIGTERM does not wait for requests.

    \b
    Exit codes: 0 after a stop, 1 for a wrong command line or no configuration, 2 for a
    configuration, key, port or database that cannot be used.

    \b
    Examples:
      $ hearth serve
      $ hearth serve /etc/step-ca/config/ca.json --password-file /etc/step-ca/password.txt
      $ hearth serve --address 127.0.0.1:0 --quiet
    """
    network = _network(insecure=insecure, **others)
    launch = replace(_launch(config, address, context, pidfile, quiet=quiet), network=network)
    try:
        launch = _with_passwords(
            launch,
            Path(password_file) if password_file else None,
            _ssh_files(others),
        )
        if console:
            from appliance.cli.console import run_with_console  # noqa: PLC0415

            return run_with_console(launch)
        return run_headless(launch, ring=EventRing(), consoles=_consoles)
    except (ConfigNotFound, ConfigUnreadable) as error:
        _tell(error)
        click.echo(
            "If there is no certificate authority yet, `hearth ca init` makes one.", err=True
        )
        return _MISUSED
    except HearthError as error:
        _tell(error)
        return _FAILED


def _consoles() -> "AttachedConsoles":
    from appliance.cli.consoles import AttachedConsoles  # noqa: PLC0415 - it brings asyncio

    return AttachedConsoles()


def _network(*, insecure: bool, **others: object) -> Network:
    """Say how ACME's targets are asked. Raises BadRequest as step-ca does."""
    for name in ("acme_http_port", "acme_tls_port"):
        if others[name] and not insecure:
            raise BadRequest(f"flag '{_flag(name)}' requires the '--insecure' flag")
    resolver = str(others["resolver"] or "")
    try:
        server = server_address(resolver, _looked_up) if resolver else None
    except FormatError as error:
        raise BadRequest(f"flag '--resolver': {error.public}") from None
    return Network(
        resolver=server,
        http_port=int(str(others["acme_http_port"] or 80)),
        tls_port=int(str(others["acme_tls_port"] or 443)),
        fully_qualified=bool(others["acme_strict_fqdn"]),
    )


def _looked_up(host: str) -> str:
    """Find the address of a resolver that is given by name."""
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)[0][4][0])
    except (OSError, UnicodeError):
        raise FormatError(f"'{host}' cannot be looked up") from None


def _launch(
    config: str | None,
    address: str | None,
    context: str | None,
    pidfile: str | None,
    *,
    quiet: bool,
) -> Launch:
    if os.environ.get("STEP_CA_TOKEN"):
        raise BadRequest("STEP_CA_TOKEN is set: linking to a hosted service is not supported")
    location = find(os.environ, context=context or os.environ.get("STEP_CA_CONTEXT") or None)
    if address:
        try:
            split_address(address)
        except FormatError as error:
            raise BadRequest(f"flag '--address': {error.public}") from None
    quiet_too = os.environ.get("STEP_CA_QUIET", "").lower() in ("1", "t", "true")
    return Launch(
        file=Path(config) if config else location.ca_json,
        context=location.context.name if location.context else "",
        address=address or "",
        quiet=quiet or quiet_too,
        pid_file=Path(pidfile) if pidfile else None,
    )


def _with_passwords(
    launch: Launch, file: Path | None, ssh_files: Mapping[CertificateType, Path | None]
) -> Launch:
    """Find the passwords before anything is begun, asking for them where there is a terminal."""
    settings = configured(launch)
    for each in (file, *ssh_files.values()):
        if each is not None and (exposed := passwords.exposure(each)):
            click.echo(f"warning: {exposed}", err=True)
    password = passwords.given(file, os.environ)
    for_ssh = dict(passwords.given_for_ssh(ssh_files, os.environ))
    if passwords.is_missing(settings, password):
        password = _asked(settings.key)
    for kind, key in passwords.missing_for_ssh(settings, for_ssh, password).items():
        for_ssh[kind] = _asked(key)
    return replace(launch, password=password, ssh_passwords=for_ssh, pins=_pins(settings))


def _pins(settings: Settings) -> Mapping[str, Password]:
    """Find the PINs of tokens that ca.json does not tell.

    Without a terminal, or an answer, the server starts and waits for `hearth token unlock`.
    """
    found = dict(pins_in_credentials(settings, os.environ))
    for token in pins_missing(settings, found) if sys.stdin.isatty() else ():
        question = f"Please enter the PIN of the token {token.uri} (empty: later)"
        if pin := read_password(question):
            found[token_name(token)] = pin
    return found


def _ssh_files(flags: Mapping[str, object]) -> Mapping[CertificateType, Path | None]:
    names = {kind: flags[f"ssh_{kind.label}_password_file"] for kind in CertificateType}
    return {kind: Path(str(name)) if name else None for kind, name in names.items()}


def _asked(key: KeyPlace) -> Password:
    return read_password(f"Please enter the password to decrypt {key}")


def _tell(error: HearthError) -> None:
    if os.environ.get("STEPDEBUG") == "1":
        traceback.print_exception(error)
    click.echo(str(error), err=True)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
