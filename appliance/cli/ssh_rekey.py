"""`hearth ssh rekey`: a host's certificate again, for a new key."""

from typing import Any

import click

from appliance.cli.command import StepCommand
from appliance.cli.credentials import read_ssh_certificate
from appliance.cli.files import NewFile, may_write, write_together
from appliance.cli.new_keys import Protection
from appliance.cli.prompts import selected
from appliance.cli.ssh_flags import force_flag, provisioner_flags, ssh_ca_flags, which_ca
from appliance.cli.ssh_issuing import (
    make_token,
    public_line,
    save_renewed_identity,
    sealed_key,
    with_token,
)
from appliance.client.ca import CaClient
from appliance.client.csr import KeyKind, generate_key
from appliance.client.ssh import requests
from appliance.client.ssh.requests import SshIssued
from appliance.formats.ssh import keys


@click.command("rekey", cls=StepCommand)
@click.argument("crt_file", metavar="<ssh-cert>")
@click.argument("key_file", metavar="<ssh-key>")
@click.option("--out", metavar="<file>", help="The new key; default <ssh-key>.")
@click.option("--password-file", metavar="<file>", help="The password to encrypt the new key with.")
@click.option("--no-password", is_flag=True, help="Do not encrypt the key; requires --insecure.")
@click.option("--insecure", is_flag=True, help="Allow an open key.")
@click.option("--sshpop-cert", hidden=True, expose_value=False)
@click.option("--sshpop-key", hidden=True, expose_value=False)
@provisioner_flags
@force_flag
@ssh_ca_flags
def rekey(crt_file: str, key_file: str, **flags: Any) -> None:
    """Renew an SSH certificate of a host for a new key: same names, new dates.

    Key and certificate overwrite <ssh-key>, <ssh-key>.pub and <ssh-cert>; or they go to --out,
    with .pub and -cert.pub behind its name.

    \b
    Examples:
      $ hearth ssh rekey ssh_host_ecdsa_key-cert.pub ssh_host_ecdsa_key --no-password --insecure
      $ hearth ssh rekey --out new_key ssh_host_ecdsa_key-cert.pub ssh_host_ecdsa_key
    """
    protection = Protection(
        password_file=flags["password_file"],
        no_password=flags["no_password"],
        insecure=flags["insecure"],
    )
    protection.check()
    held = read_ssh_certificate(crt_file)
    new_key = flags["out"] or key_file
    new_public, new_crt = f"{new_key}.pub", f"{new_key}-cert.pub" if flags["out"] else crt_file
    for file in (new_key, new_public, new_crt):
        may_write(file, force=flags["force"])
    ca = which_ca(flags | {"sshpop_cert": crt_file, "sshpop_key": key_file})
    token = make_token(ca, str(held.serial), "rekey")
    key = generate_key(KeyKind(kty="EC", curve="P-256"))
    public_key = keys.of_key(key.public_key())
    text = sealed_key(key, protection)

    async def ask(client: CaClient) -> SshIssued:
        return await requests.rekey(client.connection, token.raw, public_key)

    issued = with_token(ca, token, ask)
    write_together(
        [
            NewFile(path=new_key, data=text, mode=0o600),
            NewFile(path=new_public, data=public_line(public_key, held.key_id), mode=0o644),
            NewFile(path=new_crt, data=public_line(issued.certificate, held.key_id), mode=0o644),
        ]
    )
    save_renewed_identity(issued.identity)
    selected("Private Key", new_key)
    selected("Public Key", new_public)
    selected("Certificate", new_crt)
