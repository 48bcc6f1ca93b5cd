"""`hearth kms attest`: what a device states about a key that was made on it."""

import sys
from collections.abc import Sequence
from functools import partial
from typing import Final

import click
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from appliance.cli.command import StepCommand
from appliance.cli.files import read_file
from appliance.cli.kms_flags import chosen, is_file, kms_uri
from appliance.cli.token_keys import token_key
from appliance.cli.token_places import Place, place
from appliance.cli.token_thread import use_token
from appliance.formats import base64url, cbor, pem
from appliance.formats.keys import PrivateKey
from appliance.model.errors import NotSupported
from appliance.ports.keys import KeyManager

_ES256, _EDDSA, _RS256 = -7, -8, -257  # COSE algorithms (RFC 9053 2, RFC 8812 2)
_P256_BITS: Final = 256


@click.command("attest", cls=StepCommand, no_context=True)
@click.argument("uri", metavar="<uri>")
@kms_uri
@click.option(
    "--format",
    "form",
    default="",
    metavar="<format>",
    help="Print an attestation object for ACME's device-attest-01: step or packed.",
)
@click.option("--in", "in_", metavar="<file>", help="What to sign with --format; standard input.")
@click.option("--leaf", is_flag=True, help="Print the key's certificate only.")
def attest(*, uri: str, kms: str | None, form: str, in_: str | None, leaf: bool) -> None:
    """Print the certificates by which a YubiKey vouches that a key was made on it.

    The first names the key, the YubiKey's serial number and firmware, and when the key wants PIN
    and touch; the second is of the YubiKey itself, signed by its maker.

    \b
    Examples:
      $ hearth kms attest 'yubikey:slot-id=82'
      $ echo -n $TOKEN.$THUMBPRINT | hearth kms attest --format step 'yubikey:slot-id=9c'
    """
    form = chosen("format", form, ("", "step", "packed", "tpm"))
    if form == "tpm" or is_file(uri, kms):
        raise NotSupported("only YubiKeys attest keys here: name one as 'yubikey:slot-id=…'")
    where = place(uri, kms)
    chain = use_token(where, partial(_chain, where))
    if form:
        message = read_file(in_) if in_ else sys.stdin.buffer.read()
        statement = _statement(token_key(where), message, chain)
        click.echo(base64url.encode(cbor.encode({"fmt": form, "attStmt": statement})))
        return
    for each in chain[:1] if leaf else chain:
        click.echo(pem.encode("CERTIFICATE", each), nl=False)


async def _chain(where: Place, manager: KeyManager) -> Sequence[bytes]:
    return await manager.attest(where.key)


def _statement(key: PrivateKey, message: bytes, chain: Sequence[bytes]) -> dict[str, object]:
    """Sign the message: whoever attests has the key. The signature is wrapped in CBOR."""
    match key:
        case EllipticCurvePrivateKey():
            if key.key_size != _P256_BITS:
                raise NotSupported(f"attestation objects have no algorithm for {key.curve.name}")
            alg, signature = _ES256, key.sign(message, ECDSA(SHA256()))
        case RSAPrivateKey():
            alg, signature = _RS256, key.sign(message, PKCS1v15(), SHA256())
        case _:
            alg, signature = _EDDSA, key.sign(message)
    return {"alg": alg, "sig": cbor.encode(signature), "x5c": list(chain)}
