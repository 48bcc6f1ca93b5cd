"""Reading a key of any form for a person: the password from a file, or asked for."""

from appliance.cli.files import read_file
from appliance.cli.keys import refuse_kms
from appliance.cli.prompts import read_password, say
from appliance.formats import key_forms
from appliance.formats.key_forms import AnyKey
from appliance.formats.keyfile import PasswordNeeded, WrongPassword
from appliance.formats.keys import PublicKey
from appliance.model.errors import BadRequest, FormatError

_TRIES = 3  # at a password that a person types


def read_any(name: str, *, password_file: str | None = None) -> AnyKey:
    """Read the key in a file, or standard input for `-`. Raises BadRequest."""
    refuse_kms(name)
    return of_content(read_file(name), name, password_file=password_file)


def of_content(content: bytes, name: str, *, password_file: str | None = None) -> AnyKey:
    """Read a key; ask for its password only if it has one. Raises BadRequest."""
    shown = "the key" if name == "-" else name
    try:
        try:
            return key_forms.read(content)
        except PasswordNeeded:
            return _opened(content, shown, password_file)
    except FormatError as error:
        raise BadRequest(f"error reading {shown}: {error.public}") from error


def read_public(name: str, *, password_file: str | None = None) -> PublicKey:
    """Read a public key, or the public half of what there is. Raises BadRequest."""
    return key_forms.public_half(read_any(name, password_file=password_file))


def _opened(content: bytes, shown: str, password_file: str | None) -> AnyKey:
    """Open with the password of the file, or with what a person types, who may err twice."""
    prompt = f"Please enter the password to decrypt {shown}"
    for _ in range(0 if password_file else _TRIES - 1):
        try:
            return key_forms.read(content, read_password(prompt))
        except WrongPassword as error:
            say(error.public)
    return key_forms.read(content, read_password(prompt, file=password_file))
