"""`hearth crypto key sign|verify`: bare signatures over messages."""

import base64
import binascii

import click

from appliance.cli.any_key import read_public
from appliance.cli.command import StepCommand
from appliance.cli.files import read_file
from appliance.cli.keys import read_private_key
from appliance.formats import message_signatures
from appliance.formats.keys import PrivateKey
from appliance.model.errors import BadRequest, Unauthorized

_ALGORITHMS = "sha256 (default), sha1, sha224, sha384, sha512, sha512-224, sha512-256 or md5."


@click.command("sign", cls=StepCommand)
@click.argument("file", metavar="[<file>]", default="-")
@click.option("--key", required=True, metavar="<key-file>", help="The private key.")
@click.option("--alg", default="", metavar="<algorithm>", help=f"For RSA: {_ALGORITHMS}")
@click.option("--pss", is_flag=True, help="For RSA: use PSS, not PKCS #1 v1.5.")
@click.option("--raw", is_flag=True, help="Print the signature as it is, not in base64.")
@click.option("--password-file", metavar="<file>", help="The password of the key.")
def sign(*, file: str, key: str, alg: str, pss: bool, raw: bool, password_file: str | None) -> None:
    """Sign a message, of a file or standard input, and print the signature in base64.

    \b
    Examples:
      $ hearth crypto key sign --key priv.pem message.txt
      $ cat message.txt | hearth crypto key sign --key rsa.pem --alg sha512 --pss
    """
    digest = message_signatures.digest_of(alg)
    message = read_file(file)
    private: PrivateKey = read_private_key(key, password_file=password_file)
    signature = message_signatures.sign(private, message, digest, pss=pss)
    if raw:
        click.echo(signature, nl=False)
    else:
        click.echo(base64.b64encode(signature))


@click.command("verify", cls=StepCommand)
@click.argument("file", metavar="[<file>]", default="-")
@click.option("--key", required=True, metavar="<key-file>", help="The public key.")
@click.option(
    "--signature", "--sig", "signature", required=True, metavar="<base64>", help="The signature."
)
@click.option("--alg", default="", metavar="<algorithm>", help=f"For RSA: {_ALGORITHMS}")
@click.option("--pss", is_flag=True, help="For RSA: it is PSS, not PKCS #1 v1.5.")
def verify(*, file: str, key: str, signature: str, alg: str, pss: bool) -> None:
    """Check the signature of a message: print true, or fail with false.

    \b
    Example:
      $ hearth crypto key verify --key pub.pem --signature MEUCIQ… message.txt
      true
    """
    digest = message_signatures.digest_of(alg)
    try:
        octets = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(f"error decoding base64 signature: {error}") from error
    message = read_file(file)
    if not message_signatures.holds(read_public(key), message, octets, digest, pss=pss):
        raise Unauthorized("false")
    click.echo("true")
