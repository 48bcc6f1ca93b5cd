"""`hearth ssh revoke`."""

from typing import Any

import click

from appliance.cli.ca_revoke import reason_code
from appliance.cli.command import StepCommand
from appliance.cli.credentials import read_ssh_certificate, sshpop_flags
from appliance.cli.prompts import say
from appliance.cli.ssh_flags import (
    provisioner_flags,
    ssh_ca_flags,
    template_flags,
    token_flag,
    which_ca,
)
from appliance.cli.ssh_issuing import make_token, with_token
from appliance.client.ca import CaClient
from appliance.client.ssh import requests
from appliance.client.ssh.requests import SshRevokeOrder
from appliance.model.errors import BadRequest


@click.command("revoke", cls=StepCommand)
@click.argument("serial", metavar="[<serial-number>]", required=False)
@click.option("--reason", metavar="<string>", help="Why, in words.")
@click.option(
    "--reasonCode",
    "reason_code",
    metavar="<code>",
    help="Why, as 0 to 10 or a name such as KeyCompromise: see 'ca revoke'.",
)
@click.option("--password-file", metavar="<file>", help="As --provisioner-password-file.")
@sshpop_flags
@token_flag
@provisioner_flags
@template_flags
@ssh_ca_flags
def revoke(serial: str | None, **flags: Any) -> None:
    """Revoke an SSH certificate: it cannot be renewed any more.

    With a serial number a token of a provisioner is needed, and made on the way (its password is
    asked for) unless --token brings one. With --sshpop-cert and --sshpop-key the certificate
    revokes itself.

    \b
    Examples:
      $ hearth ssh revoke 3997477584487736496
      $ hearth ssh revoke --sshpop-cert id_ecdsa-cert.pub --sshpop-key id_ecdsa
      $ hearth ssh revoke 3997477584487736496 --reason "laptop lost" --reasonCode KeyCompromise
    """
    code = reason_code(flags["reason_code"] or "")
    number = _number(serial) if serial else _own_number(flags)
    ca = which_ca(flags)
    token = make_token(ca, str(number), "revoke")
    wanted = SshRevokeOrder(
        serial=number, token=token.raw, reason_code=code, reason=flags["reason"] or ""
    )

    async def ask(client: CaClient) -> None:
        await requests.revoke(client.connection, wanted)

    with_token(ca, token, ask)
    say(f"SSH Certificate with Serial Number {number} has been revoked.")


def _number(text: str) -> int:
    """Read a serial number as `ssh inspect` shows it. Raises BadRequest."""
    if not text.isascii() or not text.isdecimal() or int(text) >= 2**64:
        raise BadRequest(
            f"'{text}' is not the serial number of an SSH certificate: 'ssh inspect' shows it"
        )
    return int(text)


def _own_number(flags: dict[str, Any]) -> int:
    """Give that of --sshpop-cert. Raises BadRequest, FormatError."""
    if not flags["sshpop_cert"] or not flags["sshpop_key"]:
        raise BadRequest(
            "--sshpop-cert and --sshpop-key must be supplied if serial number is not supplied as "
            "first argument"
        )
    return read_ssh_certificate(flags["sshpop_cert"]).serial
