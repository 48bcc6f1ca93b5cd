"""Certificates for commands from files, or from the tokens that keep them beside their keys."""

from functools import partial

from appliance.cli.files import read_file
from appliance.cli.keys import asked_kms
from appliance.cli.token_places import Place, on_token, place
from appliance.formats import pem
from appliance.ports.keys import KeyManager


def read_certificates(name: str) -> bytes:
    """Read a file, or a certificate on a token as PEM. Raises BadRequest, NotFound, Unavailable."""
    if not on_token(name, asked_kms()):
        return read_file(name)
    from appliance.cli.token_thread import use_token  # noqa: PLC0415 - it loads drivers

    where = place(name, asked_kms())
    return pem.encode("CERTIFICATE", use_token(where, partial(_loaded, where))).encode()


async def _loaded(where: Place, manager: KeyManager) -> bytes:
    return await manager.load_certificate(where.key)
