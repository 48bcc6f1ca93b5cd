"""`hearth crypto change-pass`: another password for a private key in PEM or JWK form, or none."""

import secrets
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

import click
import msgspec

from appliance.cli.command import StepCommand
from appliance.cli.files import may_write, read_file, write_file
from appliance.cli.new_keys import Protection, new_password
from appliance.cli.prompts import read_password, say
from appliance.formats import jwe, jwk, keyfile, pem
from appliance.model.errors import BadRequest, FormatError
from appliance.model.secret import Password

T = TypeVar("T")

_TRIES: Final = 3  # at a password that a person types


@click.command("change-pass", cls=StepCommand)
@click.argument("key_file", metavar="<key-file>")
@click.option("--password-file", metavar="<file>", help="The password that the key has now.")
@click.option("--new-password-file", metavar="<file>", help="The password that it is to get.")
@click.option(
    "--out", "--output-file", "out", metavar="<file>", help="Write here, not to <key-file>."
)
@click.option("--no-password", is_flag=True, help="Write the key as it is; needs --insecure.")
@click.option("--insecure", is_flag=True, help="Allow --no-password.")
@click.option("-f", "--force", is_flag=True, help="Overwrite the file without asking.")
def change_pass(*, key_file: str, out: str | None, force: bool, **flags: Any) -> None:
    """Change the password of a private key, in PEM or as a JWK.

    \b
    Examples:
      $ hearth crypto change-pass intermediate_ca_key
      $ hearth crypto change-pass foo.key --out bar.key
      $ hearth crypto change-pass foo.key --no-password --insecure
    """
    protection = Protection(
        password_file=flags["new_password_file"],
        no_password=flags["no_password"],
        insecure=flags["insecure"],
    )
    if protection.no_password and not protection.insecure:
        raise BadRequest("flag '--no-password' requires the '--insecure' flag")
    content = read_file(key_file)
    target = out or key_file
    try:
        if content.startswith(pem.BEGIN):
            changed = _pem(content, key_file, flags["password_file"], target, protection)
        else:
            changed = _jwk(content, key_file, flags["password_file"], protection)
    except FormatError as error:
        raise BadRequest(f"error reading {key_file}: {error.public}") from error
    may_write(target, force=force)
    write_file(target, changed, 0o600, force=True)
    say(f"Your key has been saved in {target}.")


def _pem(
    content: bytes, name: str, password_file: str | None, target: str, protection: Protection
) -> bytes:
    """Write a key in PEM anew."""
    key = (
        _opened(name, password_file, partial(keyfile.load_private_key, content))
        if keyfile.is_encrypted(content)
        else keyfile.load_private_key(content, None)
    )
    if protection.no_password:
        return keyfile.dump_private_key(key, None)
    password = _fresh(f"Please enter the password to encrypt {target}", protection)
    return keyfile.dump_private_key(key, password, entropy=secrets.token_bytes(keyfile.ENTROPY))


def _jwk(content: bytes, name: str, password_file: str | None, protection: Protection) -> bytes:
    """Write a JWK anew: JSON indented by two, or a JWE in its JSON form."""
    text = content.decode("utf-8", "replace")
    plain = (
        _opened(name, password_file, partial(jwe.decrypt, text))
        if jwe.is_encrypted(text)
        else content
    )
    try:
        members = msgspec.json.decode(plain, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise FormatError("neither a PEM nor a JWK with a private key") from None
    private = jwk.private_key(members)
    members.setdefault("alg", jwk.algorithm(private))
    octets = msgspec.json.encode(members)
    if protection.no_password:
        return msgspec.json.format(octets, indent=2)
    password = _fresh("Please enter the password to encrypt the private JWK", protection)
    sealed = jwe.encrypt(
        octets, password, entropy=secrets.token_bytes(jwe.ENTROPY), content_type=""
    )
    return jwe.to_json(sealed).encode()


def _opened(name: str, password_file: str | None, open_with: Callable[[Password], T]) -> T:
    """Open with the password of the file, or with what a person types, who may err twice."""
    prompt = f"Please enter the password to decrypt {name}"
    for _ in range(0 if password_file else _TRIES - 1):
        try:
            return open_with(read_password(prompt))
        except keyfile.WrongPassword as error:
            say(error.public)
    return open_with(read_password(prompt, file=password_file))


def _fresh(prompt: str, protection: Protection) -> Password:
    return new_password(prompt, file=protection.password_file, flag="--new-password-file")
