"""`hearth crypto jws`: JSON Web Signatures (RFC 7515) over any payload."""

from typing import Any

import click

from appliance.cli import jose_signing
from appliance.cli.command import StepCommand, StepGroup, was_given
from appliance.cli.jose_input import KeyChoice, algorithm_flag, key_flags, line, payload
from appliance.formats import jose_keys
from appliance.formats import jws as signatures
from appliance.formats.jose_keys import Asked
from appliance.formats.jws import Message
from appliance.model.errors import BadRequest, FormatError

jws = StepGroup(
    "jws",
    help=(
        "Sign, verify and show messages by JSON Web Signature.\n\n"
        "\b\nExamples:\n"
        "  $ hearth crypto jws sign --key priv.jwk message.txt > message.jws\n"
        "  $ hearth crypto jws verify --key pub.jwk < message.jws"
    ),
)


@jws.command("sign", cls=StepCommand, short_help="sign a message")
@click.argument("file", metavar="[- | <filename>]", required=False)
@click.option("--jku", metavar="<jwk-url>", help="Say where the keys are found.")
@click.option("--jwk", is_flag=True, help="Put the public key into the header.")
@click.option("--typ", "--type", "typ", metavar="<type>", help="The media type of the whole.")
@click.option("--cty", "--content-type", "cty", metavar="<type>", help="That of the message.")
@jose_signing.signing_flags
def sign(
    *,
    file: str | None,
    jku: str | None,
    jwk: bool,
    typ: str | None,
    cty: str | None,
    **given: Any,
) -> None:
    """Sign a message, of a file or standard input.

    \b
    Examples:
      $ hearth crypto jws sign --key priv.jwk message.txt
      $ cat message.txt | hearth crypto jws sign --key rsa.pem --alg PS256
    """
    flags = jose_signing.take(given)
    for kind, certificate in (("x5c", flags.x5c_cert), ("x5t", flags.x5t_cert)):
        if certificate and was_given("jwk"):
            raise BadRequest(f"flag '--{kind}-cert' and flag '--jwk' are mutually exclusive")
    message = payload(file)
    key = jose_signing.signing_key(flags)
    header = jose_signing.headers(flags, key)
    asked = {"typ": typ, "cty": cty, "jku": jku}
    header |= {name: value for name, value in asked.items() if value is not None}
    if jwk:
        if isinstance(key.key, bytes):
            raise BadRequest("flag '--jwk' would publish the symmetric key")
        header["jwk"] = jose_keys.members_of(jose_keys.public(key))
    click.echo(signatures.sign(message, key, header))


@jws.command("verify", cls=StepCommand, short_help="check a signed message and print it")
@algorithm_flag("The algorithm, where the key leaves a choice (RSA, oct).")
@key_flags()
@click.option("--json", "as_json", is_flag=True, help="Show header and signature, too.")
@click.option("--insecure", is_flag=True, hidden=True)
def verify(
    *, alg: str, key: str | None, jwks: str | None, kid: str, as_json: bool, insecure: bool
) -> None:
    """Check the signed message on standard input, and print what was signed.

    \b
    Example:
      $ hearth crypto jws verify --key pub.jwk < message.jws
    """
    message = _parsed(line())
    named = message.header.get("kid")
    wanted = kid or (named if jwks and isinstance(named, str) else "")
    choice = KeyChoice(key=key, jwks=jwks)
    choice.check(wanted)
    found = choice.read(Asked(use="sig", algorithm=alg, kid=wanted, guess=insecure))
    if not found.algorithm:
        raise BadRequest("flag '--alg' is required with the given key")
    jose_keys.check(found)
    signatures.verify(message, found)
    _show(message, as_json=as_json)


@jws.command("inspect", cls=StepCommand, short_help="show a message without verifying it")
@click.option("--json", "as_json", is_flag=True, help="Show header and signature, too.")
@click.option("--insecure", is_flag=True, hidden=True)
def inspect(*, as_json: bool, insecure: bool) -> None:
    """Print what was signed, without verifying anything: needs --insecure.

    \b
    Example:
      $ hearth crypto jws inspect --insecure --json < message.jws
    """
    if not insecure:
        raise BadRequest("'crypto jws inspect' requires the '--insecure' flag")
    _show(_parsed(line()), as_json=as_json)


def _parsed(text: str) -> Message:
    try:
        return signatures.split(text)
    except FormatError as error:
        raise BadRequest(f"error parsing token: {error.public}") from error


def _show(message: Message, *, as_json: bool) -> None:
    if as_json:
        click.echo(signatures.shown(message, payload_is_json=False))
    else:
        click.echo(message.payload, nl=False)
