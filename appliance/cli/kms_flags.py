"""What the commands of `hearth kms` share: their flags and how values of flags are read."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.cli.token_places import FILES, on_token
from appliance.formats import pem
from appliance.formats.keys import PublicKey
from appliance.formats.keyuri import scheme_of
from appliance.model.errors import BadRequest

F = TypeVar("F", bound=Callable[..., Any])

_DASHES: Final = re.compile("[-\u2010\u2011\u2012\u2013\u2014]")


def kms_uri(function: F) -> F:
    """Add --kms, as the plugin has it."""
    return click.option("--kms", metavar="<uri>", help="The token, where <uri> names only a key.")(
        function
    )


def chosen(flag: str, value: str, options: Sequence[str]) -> str:
    """Read a flag's value, in capitals or not, with dashes or without. Raises BadRequest."""
    plain = _DASHES.sub("", value).upper()
    for option in options:
        if _DASHES.sub("", option).upper() == plain:
            return option
    raise BadRequest(
        f"invalid value '{value}' for flag '--{flag}'; options are {', '.join(options)}"
    )


def is_file(name: str, kms: str | None) -> bool:
    """Say whether a name means a key in a file (softkms)."""
    if scheme_of(name) not in ("", FILES) and not Path(name).exists():
        return False
    return scheme_of(name) == FILES or not on_token(name, kms)


def public_text(key: PublicKey) -> str:
    """Write a public key as PEM."""
    return pem.encode(
        "PUBLIC KEY", key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
