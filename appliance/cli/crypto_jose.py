"""`hearth crypto jose format`: the other form of a signed or encrypted message."""

import sys

import click
import msgspec

from appliance.cli.command import StepCommand, StepGroup
from appliance.formats import jwe, jws
from appliance.model.errors import BadRequest, FormatError

jose = StepGroup(
    "jose",
    help=(
        "Turn JOSE messages from one form to the other.\n\n"
        "\b\nExample:\n"
        "  $ echo $TOKEN | hearth crypto jose format"
    ),
)


@jose.command("format", cls=StepCommand, short_help="swap compact form and JSON")
def convert() -> None:
    """Read a JWT, JWS or JWE, and print its compact form as JSON, or its JSON in compact form.

    \b
    Example:
      $ echo $TOKEN | hearth crypto jose format
    """
    text = "".join(sys.stdin.read().split())
    try:
        click.echo(_swapped(text))
    except FormatError as error:
        raise BadRequest(f"error parsing data: {error.public}") from error


def _swapped(text: str) -> str:
    is_json = text.startswith("{")
    if jwe.is_encrypted(text):
        return jwe.compact(text) if is_json else jwe.to_json(text, indent=None)
    parts = jws.parts(text)
    if is_json:
        return ".".join(parts)
    members = {"payload": parts[1], "protected": parts[0], "signature": parts[2]}
    return msgspec.json.encode(members).decode()
