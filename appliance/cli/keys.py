"""Reading private keys for a person: the password from a file, or asked for."""

import re

from appliance.cli.files import read_file
from appliance.cli.prompts import read_password
from appliance.formats.keyfile import PasswordNeeded, load_private_key
from appliance.formats.keys import PrivateKey
from appliance.model.errors import FormatError, NotSupported
from appliance.model.secret import Password

_KMS = re.compile(r"(?:yubikey|pkcs11|tpmkms|cloudkms|awskms|azurekms|capi|mackms|sshagentkms):")


def read_private_key(name: str, *, password_file: str | None = None) -> PrivateKey:
    """Read a key; ask for its password only if it has one. Raises FormatError, BadRequest."""
    return read_protected_key(name, password_file=password_file)[0]


def read_protected_key(
    name: str, *, password_file: str | None = None
) -> tuple[PrivateKey, Password | None]:
    """Read a key, and give its password with it, if it has one. Raises as read_private_key."""
    refuse_kms(name)
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
    """Say that a key in a token or in a cloud is not for this version. Raises NotSupported."""
    if _KMS.match(name):
        raise NotSupported(
            f"'{name.partition(':')[0]}:' keys are not supported yet: name the file of a key"
        )
