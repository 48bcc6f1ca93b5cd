"""`hearth crypto jwk`: JSON Web Keys (RFC 7517), made and looked at."""

import secrets
import sys
from typing import Any, Final

import click
import msgspec

from appliance.cli.command import StepCommand, StepGroup, was_given
from appliance.cli.files import may_write, read_file, write_file
from appliance.cli.jose_input import opened
from appliance.cli.new_keys import Protection, asked_kind, new_password, save_key
from appliance.cli.prompts import say
from appliance.client.csr import generate_key
from appliance.formats import gojson, jose_keys, jwe
from appliance.formats.jose_keys import Asked, JoseKey
from appliance.formats.key_forms import read as read_key
from appliance.model.errors import BadRequest, FormatError

jwk = StepGroup(
    "jwk",
    help=(
        "Make JSON Web Keys, and keep them in sets.\n\n"
        "\b\nExamples:\n"
        "  $ hearth crypto jwk create pub.jwk priv.jwk\n"
        "  $ hearth crypto jwk keyset add keys.json < pub.jwk"
    ),
    lazy={
        "keyset": (
            "appliance.cli.crypto_jwk_keyset:keyset",
            "add, remove, list and find keys in a JWK set",
        )
    },
)

_OCTETS: Final = 32  # of a symmetric key, unless asked otherwise


@jwk.command("create", cls=StepCommand, short_help="make a JWK")
@click.argument("public_file", metavar="<public-jwk-file>")
@click.argument("private_file", metavar="<private-jwk-file>")
@click.option(
    "--kty", "--type", "kty", default="EC", metavar="<type>", help="EC (default), RSA, OKP or oct."
)
@click.option("--size", type=int, metavar="<size>", help="Bits of RSA (2048), octets of oct (32).")
@click.option(
    "--crv",
    "--curve",
    "curve",
    metavar="<curve>",
    help="P-256 (default), P-384 or P-521 of EC, Ed25519 of OKP.",
)
@click.option(
    "--alg",
    "--algorithm",
    "alg",
    default="",
    metavar="<algorithm>",
    help="The algorithm it is for.",
)
@click.option("--use", default="sig", metavar="<use>", help="sig (default) or enc.")
@click.option("--kid", default="", metavar="<kid>", help="Its id; default: its thumbprint.")
@click.option("--from-pem", metavar="<pem-file>", help="Write the key of a PEM, not a new one.")
@click.option("--password-file", metavar="<file>", help="The password to encrypt the key with.")
@click.option("--no-password", is_flag=True, help="Write the key as it is; needs --insecure.")
@click.option("--subtle", is_flag=True, hidden=True)
@click.option("--insecure", is_flag=True, hidden=True)
@click.option("-f", "--force", is_flag=True, help="Overwrite files without asking.")
def create(*, public_file: str, private_file: str, force: bool, **flags: Any) -> None:
    """Make a key, and write its public and its private half as JWK.

    The private half is encrypted (JWE) with a password that is asked for. A symmetric key (oct) is
    in both files, open in the first.

    \b
    Examples:
      $ hearth crypto jwk create pub.jwk priv.jwk
      $ hearth crypto jwk create pub.jwk priv.jwk --kty RSA --size 3072 --use enc
      $ hearth crypto jwk create pub.jwk priv.jwk --from-pem priv.pem
    """
    if public_file == private_file:
        raise BadRequest(
            "positional arguments <public-jwk-file> and <private-jwk-file> cannot be equal"
        )
    protection = Protection(
        **{name: flags[name] for name in ("password_file", "no_password", "insecure")}
    )
    protection.check()
    made = _given(flags) if flags["from_pem"] else _new(flags)
    jose_keys.check(made)
    for file in (public_file, *(() if made.is_public else (private_file,))):
        may_write(file, force=force)
    if not made.is_public:
        save_key(private_file, _private(made, protection))
    write_file(public_file, _text(jose_keys.public(made)), 0o600, force=True)
    say(f"Your public key has been saved in {public_file}.")
    if made.is_public:
        say("Only the public JWK was generated.")
        say("Cannot retrieve a private key from a public one.")
    else:
        say(f"Your private key has been saved in {private_file}.")


@jwk.command("public", cls=StepCommand, short_help="print the public half of a JWK")
def public() -> None:
    """Print the public half of the JWK on standard input.

    \b
    Example:
      $ cat priv.jwk | hearth crypto jwk public
    """
    click.echo(_text(jose_keys.public(from_input())))


@jwk.command("thumbprint", cls=StepCommand, short_help="print the thumbprint of a JWK")
def thumbprint() -> None:
    """Print the thumbprint (RFC 7638, SHA-256) of the JWK on standard input.

    \b
    Example:
      $ cat pub.jwk | hearth crypto jwk thumbprint
    """
    click.echo(jose_keys.thumbprint(from_input()))


def from_input() -> JoseKey:
    """Read a JWK from standard input, encrypted or not. Raises BadRequest."""
    content = sys.stdin.buffer.read()
    plain = opened(
        lambda password: jose_keys.decrypted(content, password), "your private JWK", None
    )
    try:
        return jose_keys.of_members(msgspec.json.decode(plain, type=dict[str, Any]))
    except (msgspec.MsgspecError, FormatError) as error:
        reason = error.public if isinstance(error, FormatError) else "unsupported format"
        raise BadRequest(f"error reading JWK: {reason}") from error


def _new(flags: dict[str, Any]) -> JoseKey:
    """Make a key as asked. Raises BadRequest."""
    if flags["kty"] == "OKP" and flags["use"] == "enc":
        raise BadRequest("invalid algorithm: Ed25519 cannot be used for encryption")
    made: JoseKey
    if flags["kty"] == "oct":
        made = JoseKey(key=secrets.token_bytes(_octets(flags)), kid=flags["kid"])
    else:
        kind = asked_kind(flags["kty"], flags["curve"], flags["size"], insecure=flags["insecure"])
        made = JoseKey(key=generate_key(kind))
    return _described(made, flags)


def _octets(flags: dict[str, Any]) -> int:
    if flags["curve"] is not None:
        raise BadRequest("flag '--crv' is incompatible with '--kty oct'")
    size: int = _OCTETS if flags["size"] is None else flags["size"]
    if size < 16 and not flags["insecure"]:
        raise BadRequest("flag '--size' requires at least 16 unless '--insecure' flag is provided")
    if size <= 0:
        raise BadRequest("flag '--size' must be greater than 0")
    return size


def _given(flags: dict[str, Any]) -> JoseKey:
    """Read the key of --from-pem. Raises BadRequest."""
    name = flags["from_pem"]
    for flag in ("size", "curve"):
        if was_given(flag):
            raise BadRequest(f"flag '--from-pem' is incompatible with '--{flag}'")
    content = read_file(name)
    key = opened(lambda password: read_key(content, password), name, None)
    return _described(JoseKey(key=key), flags)


def _described(key: JoseKey, flags: dict[str, Any]) -> JoseKey:
    """Say what the key is for, and give it its id."""
    kid = flags["kid"]
    if not kid and not isinstance(key.key, bytes):  # a hash of a symmetric key would tell of it
        kid = jose_keys.thumbprint(key)
    asked = Asked(use=flags["use"], algorithm=flags["alg"])
    return jose_keys.described(key, asked, kid=kid)


def _private(key: JoseKey, protection: Protection) -> bytes:
    if protection.no_password:
        return _text(key)
    password = new_password(
        "Please enter the password to encrypt the private JWK", file=protection.password_file
    )
    octets = gojson.encode(jose_keys.members_of(key))
    return jwe.to_json(
        jwe.encrypt(octets, password, entropy=secrets.token_bytes(jwe.ENTROPY))
    ).encode()


def _text(key: JoseKey) -> bytes:
    return gojson.indented(jose_keys.members_of(key), indent=2)
