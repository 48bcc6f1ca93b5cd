"""`hearth ssh renew`: a host's certificate again."""

from typing import Any

import click

from appliance.cli.command import StepCommand
from appliance.cli.credentials import read_ssh_certificate
from appliance.cli.files import NewFile, may_write, write_together
from appliance.cli.prompts import selected
from appliance.cli.ssh_flags import force_flag, provisioner_flags, ssh_ca_flags, which_ca
from appliance.cli.ssh_issuing import make_token, public_line, save_renewed_identity, with_token
from appliance.client.ca import CaClient
from appliance.client.ssh import requests
from appliance.client.ssh.requests import SshIssued


@click.command("renew", cls=StepCommand)
@click.argument("crt_file", metavar="<ssh-cert>")
@click.argument("key_file", metavar="<ssh-key>")
@click.option(
    "--out", "--output-file", "out", metavar="<file>", help="Where to; default <ssh-cert>."
)
@click.option("--password-file", metavar="<file>", help="The password of <ssh-key>.")
@click.option("--sshpop-cert", hidden=True, expose_value=False)
@click.option("--sshpop-key", hidden=True, expose_value=False)
@provisioner_flags
@force_flag
@ssh_ca_flags
def renew(crt_file: str, key_file: str, **flags: Any) -> None:
    """Renew an SSH certificate of a host: same key, same names, new dates.

    Its own key asks for it; certificates of users are not renewed, they log in again.

    \b
    Examples:
      $ hearth ssh renew -f ssh_host_ecdsa_key-cert.pub ssh_host_ecdsa_key
      $ hearth ssh renew --out new-cert.pub ssh_host_ecdsa_key-cert.pub ssh_host_ecdsa_key
    """
    held = read_ssh_certificate(crt_file)
    out = flags["out"] or crt_file
    may_write(out, force=flags["force"])
    ca = which_ca(flags | {"sshpop_cert": crt_file, "sshpop_key": key_file})
    token = make_token(ca, str(held.serial), "renew")

    async def ask(client: CaClient) -> SshIssued:
        return await requests.renew(client.connection, token.raw, held.key)

    issued = with_token(ca, token, ask)
    line = public_line(issued.certificate, held.key_id)
    write_together([NewFile(path=out, data=line, mode=0o644)])
    save_renewed_identity(issued.identity)
    selected("Certificate", out)
