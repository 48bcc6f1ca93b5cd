"""`hearth kms delete`, which is `hearth kms key delete` too: the end of a key."""

from functools import partial

import click

from appliance.cli.command import StepCommand
from appliance.cli.kms_flags import is_file, kms_uri
from appliance.cli.token_places import Place, place
from appliance.cli.token_thread import use_token
from appliance.model.errors import BadRequest
from appliance.ports.keys import KeyManager


@click.command("delete", cls=StepCommand, no_context=True)
@click.argument("uri", metavar="<uri>")
@kms_uri
def delete(*, uri: str, kms: str | None) -> None:
    """Destroy a key on a token, without asking: there is no way back.

    YubiKeys can do that from firmware 5.7 on; `hearth kms create --force` makes another key in its
    place on all of them. A certificate beside it stays: `hearth kms certificate delete`.

    \b
    Example:
      $ hearth kms delete --kms 'pkcs11:module-path=/usr/lib/softhsm/libsofthsm2.so;token=ca' \\
          'pkcs11:id=7331;object=root-ca'
    """
    if is_file(uri, kms):
        raise BadRequest(f"{uri} is a file: remove it as one")
    where = place(uri, kms)
    use_token(where, partial(_gone, where))


async def _gone(where: Place, manager: KeyManager) -> None:
    await manager.delete_key(where.key)
