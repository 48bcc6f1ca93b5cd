"""Password hashes by bcrypt, in the Modular Crypt Format: `$2a$cost$salt+hash`."""

import base64
import hmac
import re
import string
from typing import Final

import bcrypt

from appliance.model.errors import FormatError

SALT: Final = 16  # octets of fresh randomness for a hash
_COST: Final = 10  # as step and Go have it
_LONGEST: Final = 72  # octets of a password that count
_DEAREST: Final = 16  # of a hash that somebody hands in: seconds, not hours
_FORM: Final = re.compile(r"\$2[aby]?\$(\d\d)\$[./A-Za-z0-9]{53}")
_USUAL: Final = string.ascii_uppercase + string.ascii_lowercase + string.digits
_ALPHABET: Final = bytes.maketrans(f"{_USUAL}+/".encode(), f"./{_USUAL}".encode())


def encode(password: bytes, salt: bytes) -> str:
    """Hash a password with SALT octets of randomness. Raises FormatError for a long one."""
    if len(password) > _LONGEST:
        raise FormatError(f"bcrypt: password length exceeds {_LONGEST} bytes")
    spelt = _spelt(salt)
    return bcrypt.hashpw(password, b"$2a$%d$%s" % (_COST, spelt)).decode("ascii")


def matches(text: str, password: bytes) -> bool:
    """Tell if a password has this hash. Raises FormatError for what is none."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise FormatError("cannot decode password hash: it is not one of bcrypt")
    if int(found[1]) > _DEAREST:
        raise FormatError(f"a password hash of cost {found[1]}: {_DEAREST} is the most")
    known = text.encode("ascii")
    if len(password) > _LONGEST:
        return False
    try:
        return hmac.compare_digest(bcrypt.hashpw(password, known), known)
    except ValueError as error:
        raise FormatError("cannot decode password hash: bcrypt refuses it") from error


def _spelt(salt: bytes) -> bytes:
    """Write octets in bcrypt's own alphabet, without padding."""
    return base64.b64encode(salt).rstrip(b"=").translate(_ALPHABET)
