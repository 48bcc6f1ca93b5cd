"""`hearth crypto jwt`: JSON Web Tokens (RFC 7519), signed, verified and shown."""

import secrets
from datetime import timedelta
from typing import Any, Final

import click
import msgspec

from appliance.cli import jose_signing
from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand, StepGroup, was_given
from appliance.cli.jose_input import KeyChoice, algorithm_flag, key_flags, line, payload
from appliance.formats import goduration, gojson, jose_keys, jws
from appliance.formats.jose_keys import Asked
from appliance.formats.jws import Message
from appliance.model.errors import BadRequest, FormatError, Unauthorized

jwt = StepGroup(
    "jwt",
    help=(
        "Sign, verify and show JSON Web Tokens.\n\n"
        "\b\nExamples:\n"
        "  $ echo $TOKEN | hearth crypto jwt inspect --insecure\n"
        "  $ echo $TOKEN | hearth crypto jwt verify --key pub.jwk --iss joe@example.com --aud web"
    ),
)

_TOKEN_ID: Final = 32  # octets
_CLAIMS: Final = (
    ("iss", "issuer", "Who issues it."),
    ("sub", "subject", "Whom it is about."),
    ("jti", "jwt-id", "Its id; default: a random one."),
)


def _claim_flags(function: Any) -> Any:
    """Add the flags that are claims."""
    for name, other, text in (
        ("exp", "expiration", "When it ends: seconds since 1970."),
        ("nbf", "not-before", "When it begins: seconds since 1970; default now."),
        ("iat", "issued-at", "When it was issued: seconds since 1970; default now."),
    ):
        function = click.option(
            f"--{name}", f"--{other}", name, type=int, metavar="<seconds>", help=text
        )(function)
    for name, other, text in _CLAIMS:
        function = click.option(
            f"--{name}", f"--{other}", name, default="", metavar="<text>", help=text
        )(function)
    return click.option(
        "--aud", "--audience", "aud", multiple=True, metavar="<audience>", help="For whom it is."
    )(function)


@jwt.command("sign", cls=StepCommand, short_help="make a signed token")
@click.argument("file", metavar="[- | <filename>]", required=False)
@_claim_flags
@click.option(
    "--header", "header", multiple=True, metavar="<key=value>", help="Add this to the header."
)
@click.option("--x5c-insecure", is_flag=True, help="Call the chain's header x5cInsecure.")
@jose_signing.signing_flags
def sign(*, file: str | None, header: tuple[str, ...], x5c_insecure: bool, **given: Any) -> None:
    """Make a signed token of flags, and of claims in JSON from a file or standard input.

    Issuer, audience, subject and expiration must be given, unless --subtle is.

    \b
    Examples:
      $ hearth crypto jwt sign --key priv.jwk --iss joe@example.com --aud https://example.com \\
          --sub auth --exp $(date -d tomorrow +%s)
      $ hearth crypto jwt sign --key priv.jwk --subtle claims.json
    """
    flags = jose_signing.take(given)
    claims = _claims_of(payload(file), file)
    key = jose_signing.signing_key(flags)
    own = _own_claims(given, subtle=flags.subtle)
    extra = {"typ": "JWT"}
    for pair in header:
        name, equals, value = pair.partition("=")
        if not equals:
            raise BadRequest(f"invalid value '{pair}' for flag '--header': write key=value")
        extra[name] = value
    full = jose_signing.headers(flags, key, insecure_chain=x5c_insecure)
    body = gojson.encode(dict(sorted((own | claims).items())))
    click.echo(jws.sign(body, key, full | extra))


@jwt.command("verify", cls=StepCommand, short_help="check a token and show it")
@click.option("--iss", "--issuer", "iss", default="", metavar="<issuer>", help="Who must be it.")
@click.option("--aud", "--audience", "aud", default="", metavar="<audience>", help="Who we are.")
@algorithm_flag("The algorithm, where the key leaves a choice (RSA, oct).")
@key_flags()
@click.option("--password-file", metavar="<file>", help="The password of the key.")
@click.option("--no-exp-check", is_flag=True, hidden=True)
@click.option("--subtle", is_flag=True, hidden=True)
@click.option("--insecure", is_flag=True, hidden=True)
def verify(  # noqa: PLR0913 - step's flags
    *,
    iss: str,
    aud: str,
    alg: str,
    key: str | None,
    jwks: str | None,
    kid: str,
    password_file: str | None,
    no_exp_check: bool,
    subtle: bool,
    insecure: bool,
) -> None:
    """Check the token on standard input: signature, issuer, audience and times; then show it.

    \b
    Examples:
      $ echo $TOKEN | hearth crypto jwt verify --key pub.jwk --iss joe@example.com --aud web
      $ echo $TOKEN | hearth crypto jwt verify --jwks https://example.com/jwks --iss … --aud …
    """
    message = _parsed(line())
    choice = KeyChoice(key=key, jwks=jwks, password_file=password_file)
    named = message.header.get("kid")
    wanted = kid or (named if jwks and isinstance(named, str) else "")
    choice.check(wanted)
    for flag, value in (("iss", iss), ("aud", aud)):
        if not value and not subtle:
            raise BadRequest(f"flag '--{flag}' is required unless the '--subtle' flag is provided")
    if no_exp_check and not insecure:
        raise BadRequest("flag '--no-exp-check' requires the '--insecure' flag")
    asked = Asked(use="sig", algorithm=alg, kid=wanted, subtle=subtle, guess=insecure)
    found = choice.read(asked)
    if not found.algorithm:
        raise BadRequest("flag '--alg' is required with the given key")
    jose_keys.check(found)
    jws.verify(message, found)
    _judge(_claims(message), iss=iss, aud=aud, check_end=not no_exp_check)
    click.echo(_shown(message))


@jwt.command("inspect", cls=StepCommand, short_help="show a token without verifying it")
@click.option("--insecure", is_flag=True, hidden=True)
def inspect(*, insecure: bool) -> None:
    """Show the token on standard input, without verifying anything: needs --insecure.

    \b
    Example:
      $ echo $TOKEN | hearth crypto jwt inspect --insecure
    """
    if not insecure:
        raise BadRequest("'crypto jwt inspect' requires the '--insecure' flag")
    click.echo(_shown(_parsed(line())))


def _parsed(text: str) -> Message:
    try:
        return jws.split(text)
    except FormatError as error:
        raise BadRequest(f"error parsing token: {error.public}") from error


def _shown(message: Message) -> bytes:
    try:
        return jws.shown(message, payload_is_json=True)
    except FormatError as error:
        raise BadRequest(f"error parsing token: {error.public}") from error


def _claims_of(content: bytes, file: str | None) -> dict[str, Any]:
    """Read claims to be signed; nothing is no claims. Raises BadRequest."""
    if not content.strip() and file is None:
        return {}
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        source = "STDIN" if file in (None, "-") else file
        raise BadRequest(f"error decoding JSON from {source}: {error}") from error


def _own_claims(given: dict[str, Any], *, subtle: bool) -> dict[str, Any]:
    """Give the claims of flags; times and id have defaults. Raises BadRequest."""
    moment = int(SystemClock().now().timestamp())
    if not subtle:
        _require(given, moment)
    jti = given["jti"]
    if not jti:
        jti = secrets.token_hex(_TOKEN_ID if not was_given("jti") else 20)
    audience = given["aud"]
    claims = {
        "iss": given["iss"],
        "sub": given["sub"],
        "aud": audience[0] if len(audience) == 1 else list(audience),
        "exp": given["exp"],
        "nbf": given["nbf"] or moment,
        "iat": given["iat"] or moment,
        "jti": jti,
    }
    return {name: value for name, value in claims.items() if value}


def _require(given: dict[str, Any], moment: int) -> None:
    for name in ("iss", "aud", "sub", "exp"):
        if not given[name]:
            raise BadRequest(f"flag '--{name}' is required unless '--subtle' is used")
    if given["exp"] < moment:
        raise BadRequest("flag '--exp' must be in the future unless '--subtle' is used")


def _claims(message: Message) -> dict[str, Any]:
    try:
        return msgspec.json.decode(message.payload, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        raise BadRequest("claim verify failed: the payload is not a JSON object") from None


def _judge(claims: dict[str, Any], *, iss: str, aud: str, check_end: bool) -> None:
    """Say all that is wrong with verified claims. Raises Unauthorized, BadRequest."""
    now, wrong = SystemClock().now().timestamp(), []
    audiences = claims.get("aud", [])
    audiences = audiences if isinstance(audiences, list) else [audiences]
    if iss and claims.get("iss") != iss:
        wrong.append("invalid issuer claim (iss)")
    if aud and aud not in audiences:
        wrong.append("invalid audience claim (aud)")
    times = {name: claims[name] for name in ("nbf", "exp") if claims.get(name) is not None}
    if not all(isinstance(each, int | float) for each in times.values()):
        raise BadRequest("claim verify failed: nbf and exp must be numbers")
    if "nbf" in times and now < times["nbf"]:
        wrong.append("token not valid yet (nbf)")
    if check_end and "exp" in times and now > times["exp"]:
        ago = goduration.format_duration(timedelta(seconds=round(now - times["exp"], 3)))
        wrong.append(f"token is expired by {ago} (exp)")
    if wrong:
        raise Unauthorized(f"validation failed: {', '.join(wrong)}")
