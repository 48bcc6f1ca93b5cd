"""Reading private keys for a person: the password from a file, or asked for.

A key may be on a token: where no file has its name, and --kms or the name itself says so.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from appliance.cli.files import read_file
from appliance.cli.prompts import read_password
from appliance.cli.token_places import file_of, on_token, place
from appliance.formats.keyfile import PasswordNeeded, load_private_key
from appliance.formats.keys import PrivateKey
from appliance.model.errors import FormatError, NotSupported
from appliance.model.secret import Password

_META: Final = "appliance.cli.kms"
_HELP: Final = "The token that keys named by URIs are on: pkcs11:… or yubikey:…."

F = TypeVar("F", bound=Callable[..., Any])


def kms_flag(function: F) -> F:
    """Add --kms, which counts for all keys that the command reads by their names."""
    return click.option(
        "--kms", metavar="<uri>", help=_HELP, expose_value=False, callback=_remember
    )(function)


def _remember(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    ctx.find_root().meta[_META] = value


def asked_kms() -> str | None:
    """Give what --kms of the running command says."""
    ctx = click.get_current_context(silent=True)
    found = None if ctx is None else ctx.find_root().meta.get(_META)
    return found if isinstance(found, str) and found else None


def read_private_key(
    name: str, *, password_file: str | None = None, kms: str | None = None
) -> PrivateKey:
    """Read a key; ask for its password, or its token's PIN, only if it has one.

    `kms` counts instead of --kms ("" is none). Raises FormatError, BadRequest; for tokens
    Unavailable, NotFound, NotSupported.
    """
    return read_protected_key(name, password_file=password_file, kms=kms)[0]


def read_protected_key(
    name: str, *, password_file: str | None = None, kms: str | None = None
) -> tuple[PrivateKey, Password | None]:
    """Read a key, and give its password with it, if it has one. Raises as read_private_key."""
    kms = asked_kms() if kms is None else kms
    if on_token(name, kms):
        from appliance.cli.token_keys import token_key  # noqa: PLC0415 - it loads drivers

        return token_key(place(name, kms)), None
    name = file_of(name)
    content = read_file(name)
    try:
        try:
            return load_private_key(content, None), None
        except PasswordNeeded:
            password = read_password(
                f"Please enter the password to decrypt {name}", file=password_file
            )
            return load_private_key(content, password), password
    except FormatError as error:
        raise FormatError(f"error reading {name}: {error}") from error


def refuse_kms(name: str) -> None:
    """Say that here a key must be in a file. Raises NotSupported."""
    if on_token(name, None):
        raise NotSupported(
            f"a key on a token ('{name.partition(':')[0]}:') cannot be used for this: "
            "name the file of a key"
        )
