"""Making keys and writing them for a person: which kind, and under which password."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from appliance.cli.files import write_file
from appliance.cli.prompts import read_password, say
from appliance.client.csr import KeyKind, key_kind
from appliance.formats import keyfile
from appliance.formats.keys import PrivateKey
from appliance.model.errors import BadRequest
from appliance.model.secret import Password

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """How a key is to be written: under the password of a file, or of a person, or under none."""

    password_file: str | None
    no_password: bool
    insecure: bool

    def check(self) -> None:
        """Refuse what does not go together. Raises BadRequest."""
        if self.no_password and self.password_file:
            raise BadRequest("flag '--no-password' is incompatible with 'password-file'")
        if self.no_password and not self.insecure:
            raise BadRequest("flag '--no-password' requires the '--insecure' flag")


def kind_flags(function: F) -> F:
    """Add the flags that choose what key to make."""
    for option in (
        click.option("--size", type=int, metavar="<size>", help="The bits of an RSA key: 2048."),
        click.option(
            "--crv",
            "--curve",
            "curve",
            metavar="<curve>",
            help="The curve: P-256 (default), P-384 or P-521 of EC, Ed25519 of OKP.",
        ),
        click.option("--kty", metavar="<kty>", help="The kind of key: EC (default), RSA or OKP."),
    ):
        function = option(function)
    return function


def asked_kind(kty: str | None, curve: str | None, size: int | None, *, insecure: bool) -> KeyKind:
    """Read the flags that choose what key to make. Raises BadRequest."""
    return key_kind(kty, curve, size, insecure=insecure)


def new_password(prompt: str, *, file: str | None, flag: str = "--password-file") -> Password:
    """Get a password to encrypt with; an empty one would leave the key open. Raises BadRequest."""
    while not (password := read_password(prompt, file=file, flag=flag)):
        if file:
            raise BadRequest(
                f"{file} holds no password: use --no-password --insecure to write an open key"
            )
        say("The password must not be empty.")
    return password


def protected(key: PrivateKey, protection: Protection) -> bytes:
    """Write a key as PEM, in step's forms, asking for the password if need be."""
    if protection.no_password:
        return keyfile.dump_private_key(key, None)
    password = new_password(
        "Please enter the password to encrypt the private key", file=protection.password_file
    )
    return keyfile.dump_private_key(key, password, entropy=secrets.token_bytes(keyfile.ENTROPY))


def save_key(file: str, content: bytes) -> None:
    """Put a key where only its owner reads it."""
    write_file(file, content, 0o600, force=True)
