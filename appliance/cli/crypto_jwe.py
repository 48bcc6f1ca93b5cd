"""`hearth crypto jwe`: messages encrypted and decrypted by JSON Web Encryption (RFC 7516)."""

import secrets
import sys
from dataclasses import replace

import click

from appliance.cli.command import StepCommand, StepGroup
from appliance.cli.jose_input import KeyChoice, algorithm_flag, key_flags, opened
from appliance.cli.new_keys import new_password
from appliance.formats import jose_keys, jwe_recipients
from appliance.formats import jwe as encryption
from appliance.formats.jose_keys import Asked
from appliance.formats.keyfile import PasswordNeeded
from appliance.model.errors import BadRequest, FormatError, NotSupported
from appliance.model.secret import Password

jwe = StepGroup(
    "jwe",
    help=(
        "Encrypt and decrypt messages by JSON Web Encryption.\n\n"
        "\b\nExamples:\n"
        "  $ echo A message | hearth crypto jwe encrypt --key pub.jwk > message.jwe\n"
        "  $ hearth crypto jwe decrypt --key priv.jwk < message.jwe"
    ),
)

_SHARED_WORD = "PBES2-"  # how the names of those with a password begin
_OUR_WAY = "PBES2-HS256+A128KW"


@jwe.command("encrypt", cls=StepCommand, short_help="encrypt a message")
@algorithm_flag("RSA-OAEP-256, ECDH-ES, A256GCMKW, dir, …; default: that of the key.")
@click.option(
    "--enc",
    "--encryption-algorithm",
    "enc",
    default="A256GCM",
    metavar="<algorithm>",
    help="A256GCM (default), A128GCM, A192GCM, A128CBC-HS256, A192CBC-HS384 or A256CBC-HS512.",
)
@key_flags()
@click.option("--typ", "--type", "typ", metavar="<type>", help="The media type of the whole.")
@click.option("--cty", "--content-type", "cty", metavar="<type>", help="That of the message.")
@click.option("--subtle", is_flag=True, hidden=True)
def encrypt(
    *,
    alg: str,
    enc: str,
    key: str | None,
    jwks: str | None,
    kid: str,
    typ: str | None,
    cty: str | None,
    subtle: bool,
) -> None:
    """Encrypt what comes to standard input, to a public key, a symmetric one, or by a password.

    With --alg PBES2-HS256+A128KW a password is asked for.

    \b
    Examples:
      $ echo A message | hearth crypto jwe encrypt --key pub.jwk
      $ echo A message | hearth crypto jwe encrypt --alg PBES2-HS256+A128KW
    """
    message = sys.stdin.buffer.read()
    if enc not in jwe_recipients.CONTENT_KEYS:
        options = ", ".join(jwe_recipients.CONTENT_KEYS)
        raise BadRequest(f"invalid value '{enc}' for flag '--enc'; options are {options}")
    if alg.startswith(_SHARED_WORD):
        made = _by_password(message, alg, enc, key=key, jwks=jwks, header=typ or cty or kid)
    else:
        choice = KeyChoice(key=key, jwks=jwks)
        choice.check(kid)
        found = jose_keys.public(
            choice.read(Asked(use="enc", algorithm=alg, kid=kid, subtle=subtle))
        )
        if found.use == "sig":
            raise BadRequest(
                "invalid jwk use: found 'sig' (signature), expecting 'enc' (encryption)"
            )
        jose_keys.check(replace(found, use="enc"))
        header = {"kid": kid or found.kid, "typ": typ, "cty": cty}
        stated = {name: value for name, value in header.items() if value}
        made = jwe_recipients.encrypt(message, found, enc, stated, secrets.token_bytes)
    click.echo(encryption.to_json(made, indent=None))


@jwe.command("decrypt", cls=StepCommand, short_help="decrypt a message")
@key_flags()
@click.option("--password-file", metavar="<file>", help="The password of the message.")
def decrypt(*, key: str | None, jwks: str | None, kid: str, password_file: str | None) -> None:
    """Decrypt the message on standard input, with a private key, a symmetric one or a password.

    \b
    Examples:
      $ hearth crypto jwe decrypt --key priv.jwk < message.jwe
      $ hearth ca provisioner jwe-key y3jg… | hearth crypto jwe decrypt
    """
    text = sys.stdin.read()
    try:
        _, header = encryption.parsed(text)
    except FormatError as error:
        raise BadRequest(f"error parsing data: {error.public}") from error
    algorithm = str(header.get("alg", ""))
    if algorithm.startswith(_SHARED_WORD):
        for flag, value in (("key", key), ("jwks", jwks)):
            if value:
                raise BadRequest(
                    f"flag '--{flag}' cannot be used with JWE algorithm '{algorithm[:30]}'"
                )
        plain = opened(lambda password: _open(text, password), "the message", password_file)
    else:
        choice = KeyChoice(key=key, jwks=jwks, password_file=password_file)
        choice.check(kid)
        found = choice.read(Asked(use="enc", kid=kid))
        if found.is_public:
            raise BadRequest("cannot use a public key for decryption")
        if found.use == "sig":
            raise BadRequest(
                "invalid jwk use: found 'sig' (signature), expecting 'enc' (encryption)"
            )
        try:
            plain = jwe_recipients.decrypt(text, found)
        except FormatError as error:
            raise BadRequest(f"error decrypting data: {error.public}") from error
    click.echo(plain, nl=False)


def _open(text: str, password: Password | None) -> bytes:
    if password is None:
        raise PasswordNeeded
    return encryption.decrypt(text, password)


def _by_password(
    message: bytes, alg: str, enc: str, *, key: str | None, jwks: str | None, header: str | None
) -> str:
    """Encrypt by a password, in the one way that step's own files are. Raises BadRequest."""
    for flag, value in (("key", key), ("jwks", jwks)):
        if value:
            raise BadRequest(f"flag '--alg {alg}' and flag '--{flag}' are mutually exclusive")
    if alg != _OUR_WAY or enc != "A256GCM" or header:
        raise NotSupported(
            f"by a password, this version encrypts with '--alg {_OUR_WAY} --enc A256GCM' and "
            "no other header only"
        )
    password = new_password(
        "Please enter the password to encrypt the content encryption key", file=None
    )
    entropy = secrets.token_bytes(encryption.ENTROPY)
    return encryption.encrypt(message, password, entropy=entropy, content_type="")
