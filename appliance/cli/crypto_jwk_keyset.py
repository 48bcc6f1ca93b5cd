"""`hearth crypto jwk keyset`: keys in a JWK set (RFC 7517 section 5), in a file."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from appliance.cli.command import StepCommand, StepGroup
from appliance.cli.crypto_jwk import from_input
from appliance.cli.files import write_file
from appliance.formats import gojson, jose_keys
from appliance.model.errors import BadRequest, FormatError

keyset = StepGroup(
    "keyset",
    help=(
        "Add, remove, list and find keys in a JWK set.\n\n"
        "\b\nExamples:\n"
        "  $ hearth crypto jwk keyset add keys.json < pub.jwk\n"
        "  $ hearth crypto jwk keyset list keys.json"
    ),
)


@keyset.command("add", cls=StepCommand, short_help="add a key to a set")
@click.argument("jwks_file", metavar="<jwks-file>")
def add(*, jwks_file: str) -> None:
    """Add the JWK on standard input to a set; the file is made where there is none.

    \b
    Example:
      $ hearth crypto jwk keyset add keys.json < pub.jwk
    """
    key = jose_keys.members_of(from_input())
    with _locked(jwks_file):
        document = _read(jwks_file)
        document["keys"].append(key)
        _write(jwks_file, document)


@keyset.command("remove", cls=StepCommand, short_help="remove a key from a set")
@click.argument("jwks_file", metavar="<jwks-file>")
@click.option("--kid", default="", metavar="<kid>", help="The id of the key.")
def remove(*, jwks_file: str, kid: str) -> None:
    """Remove the key with an id from a set.

    \b
    Example:
      $ hearth crypto jwk keyset remove keys.json --kid y3jg…
    """
    with _locked(jwks_file):
        document = _read(jwks_file)
        document["keys"] = [key for key in document["keys"] if key.get("kid", "") != kid]
        _write(jwks_file, document)


@keyset.command("list", cls=StepCommand, short_help="print the ids of all keys of a set")
@click.argument("jwks_file", metavar="<jwks-file>")
def list_keys(*, jwks_file: str) -> None:
    """Print the ids of all keys of a set, one a line.

    \b
    Example:
      $ hearth crypto jwk keyset list keys.json
    """
    with _locked(jwks_file):
        for key in _read(jwks_file)["keys"]:
            click.echo(key.get("kid", ""))


@keyset.command("find", cls=StepCommand, short_help="print a key of a set")
@click.argument("jwks_file", metavar="<jwks-file>")
@click.option("--kid", default="", metavar="<kid>", help="The id of the key.")
def find(*, jwks_file: str, kid: str) -> None:
    """Print the key with an id.

    \b
    Example:
      $ hearth crypto jwk keyset find keys.json --kid y3jg…
    """
    with _locked(jwks_file):
        for key in _read(jwks_file)["keys"]:
            if key.get("kid", "") == kid:
                click.echo(gojson.indented(key, indent=2))


@contextlib.contextmanager
def _locked(name: str) -> Iterator[None]:
    """Keep others from changing the file meanwhile; make it where there is none."""
    try:
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadRequest(f"open {name} failed: {(error.strerror or '').lower()}") from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadRequest(f"error reading {name}: file is locked") from error
        yield
    finally:
        os.close(fd)


def _read(name: str) -> dict[str, Any]:
    """Read a set with all that it has; an empty file is an empty set. Raises BadRequest."""
    content = Path(name).read_bytes()
    if not content.strip():
        return {"keys": []}
    try:
        keys = jose_keys.keys_of_set(content)
    except FormatError as error:
        raise BadRequest(f"error reading {name}: {error.public}") from error
    return msgspec.json.decode(content, type=dict[str, Any]) | {"keys": keys}


def _write(name: str, document: dict[str, Any]) -> None:
    write_file(name, gojson.indented(document, indent=2), 0o600, force=True)
