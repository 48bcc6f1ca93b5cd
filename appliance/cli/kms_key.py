"""`hearth kms key`: the public half of a key on a token."""

from functools import partial

import click

from appliance.cli.any_key import read_public
from appliance.cli.command import StepCommand
from appliance.cli.kms_flags import is_file, kms_uri, public_text
from appliance.cli.token_places import Place, file_of, place
from appliance.cli.token_thread import use_token
from appliance.formats.keys import PublicKey
from appliance.ports.keys import KeyManager


@click.command("key", cls=StepCommand, no_context=True)
@click.argument("uri", metavar="<uri>")
@kms_uri
def key(*, uri: str, kms: str | None) -> None:
    """Print the public key of a key on a token. `hearth kms key delete <uri>` destroys the key.

    \b
    Examples:
      $ hearth kms key 'yubikey:slot-id=82'
      $ hearth kms key --kms 'pkcs11:module-path=/usr/lib/softhsm/libsofthsm2.so;token=ca' \\
          'pkcs11:object=root-ca'
      $ hearth kms key delete 'yubikey:slot-id=82'
    """
    if is_file(uri, kms):
        click.echo(public_text(read_public(file_of(uri))), nl=False)
        return
    where = place(uri, kms)
    click.echo(public_text(use_token(where, partial(_found, where))), nl=False)


async def _found(where: Place, manager: KeyManager) -> PublicKey:
    return (await manager.open_signer(where.key)).public_key
