"""What the commands for JOSE read: keys by their flags, messages from standard input or a file."""

import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from appliance.cli.command import refused
from appliance.cli.files import read_file
from appliance.cli.keys import refuse_kms
from appliance.cli.prompts import read_password, say
from appliance.client.downloads import fetch
from appliance.formats import jose_keys
from appliance.formats.jose_keys import Asked, JoseKey
from appliance.formats.keyfile import PasswordNeeded, WrongPassword
from appliance.model.errors import BadRequest, FormatError
from appliance.model.secret import Password

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_KMS = "keys in tokens and clouds come with a later version; name the file of a key"
_TRIES = 3  # at a password that a person types


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChoice:
    """The flags that name a key."""

    key: str | None
    jwks: str | None
    password_file: str | None = None

    def check(self, kid: str) -> None:
        """Refuse what does not go together. Raises BadRequest."""
        if not self.key and not self.jwks:
            raise BadRequest("one of flag '--key' or '--jwks' is required")
        if self.key and self.jwks:
            raise BadRequest("flag '--key' and flag '--jwks' are mutually exclusive")
        if self.jwks and not kid:
            raise BadRequest("flag '--jwks' requires the '--kid' flag")

    def read(self, asked: Asked) -> JoseKey:
        """Read the key. Raises BadRequest."""
        name = self.key or self.jwks or ""
        refuse_kms(name)
        content = fetch(name) if name.lower().startswith("https://") else read_file(name)
        reader = jose_keys.read if self.key else jose_keys.read_from_set
        return opened(
            lambda password: reader(content, name, asked, password), name, self.password_file
        )


def opened(reader: Callable[[Password | None], T], name: str, password_file: str | None) -> T:
    """Read what may be encrypted; a person may err twice. Raises BadRequest."""
    prompt = f"Please enter the password to decrypt {name}"
    try:
        try:
            return reader(None)
        except PasswordNeeded:
            pass
        for _ in range(0 if password_file else _TRIES - 1):
            try:
                return reader(read_password(prompt))
            except WrongPassword as error:
                say(error.public)
        return reader(read_password(prompt, file=password_file))
    except FormatError as error:
        raise BadRequest(f"error reading {name}: {error.public}") from error


def key_flags(*aliases: str) -> Callable[[F], F]:
    """Add --key, also called by its aliases, --jwks and --kid."""

    def decorate(function: F) -> F:
        for option in (
            click.option("--kid", default="", metavar="<kid>", help="The id of the key."),
            click.option("--jwks", metavar="<jwks>", help="A JWK set that has it: a file or URL."),
            click.option("--key", *aliases, "key", metavar="<file>", help="The key: a JWK or PEM."),
        ):
            function = option(function)
        return refused("kms", because=_KMS)(function)

    return decorate


def algorithm_flag(text: str) -> Callable[[F], F]:
    """Add --alg."""
    return click.option("--alg", "--algorithm", "alg", default="", metavar="<algorithm>", help=text)


def line() -> str:
    """Read one line of standard input."""
    return sys.stdin.readline().strip()


def payload(file: str | None) -> bytes:
    """Read a file, or what comes to standard input; nothing is waited for at a terminal."""
    if file is not None:
        return read_file(file)
    return piped() or b""


def piped() -> bytes | None:
    """Give what comes to standard input by a pipe or from a file; None where a person is."""
    status = os.fstat(sys.stdin.fileno())
    if status.st_size == 0 and not stat.S_ISFIFO(status.st_mode):
        return None
    return sys.stdin.buffer.read()
