"""Password hashes as step writes them: scrypt, Argon2i and Argon2id in the PHC form, and bcrypt."""

import base64
import binascii
import hmac
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.kdf.argon2 import Argon2i, Argon2id
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from appliance.formats import bcrypt_hashes
from appliance.model.errors import BadRequest, FormatError

SALT: Final = 16  # octets of fresh randomness for a hash
_LENGTH: Final = 32  # octets of a hash
_VERSION: Final = 19  # of Argon2 (RFC 9106)
_ARGON2: Final = ("argon2i", "argon2id")
_USUAL: Final = {
    "scrypt": "ln=15,r=8,p=1",
    "argon2i": "m=32768,t=3,p=4",
    "argon2id": "m=65536,t=1,p=4",
}
_BOUNDS: Final = {  # least, most, and what holds when it is not said
    "ln": (1, 20, 16), "r": (1, 32, 8), "m": (8, 1 << 22, 12), "t": (1, 128, 3), "p": (1, 32, 1),
}  # fmt: skip


def encode(method: str, password: bytes, salt: bytes) -> str:
    """Hash a password. Raises BadRequest, and FormatError for one that is too long for bcrypt."""
    if method == "bcrypt":
        return bcrypt_hashes.encode(password, salt)
    if method not in _USUAL:
        raise BadRequest(f"invalid value '{method}' for flag '--alg'; options are {_names()}")
    parameters = _USUAL[method]
    derived = _derive(method, _parameters(parameters), password, salt, _LENGTH)
    version = f"$v={_VERSION}" if method in _ARGON2 else ""
    return f"${method}{version}${parameters}${_base64(salt)}${_base64(derived)}"


def matches(text: str, password: bytes) -> bool:
    """Tell if a password has this hash. Raises FormatError."""
    text = text.strip()
    parts = text.split("$")
    if parts[0] or len(parts) < 2:
        raise FormatError("cannot decode password hash: it must begin with '$'")
    method = parts[1]
    if method in ("2a", "2b", "2y"):
        return bcrypt_hashes.matches(text, password)
    if method not in _USUAL:
        raise FormatError(f"invalid or unsupported hash method with id '{method[:40]}'")
    if len(parts) == 6 and _parameters(parts.pop(2), known=("v",)).get("v") != _VERSION:
        raise FormatError("a hash of another version of Argon2")
    if len(parts) != 5:
        raise FormatError("cannot decode password hash: it has too many or too few parts")
    salt, derived = _octets(parts[3]), _octets(parts[4])
    if not derived:
        raise FormatError("cannot decode password hash: it is empty")
    found = _derive(method, _parameters(parts[2]), password, salt, len(derived))
    return hmac.compare_digest(found, derived)


def _derive(
    method: str, parameters: dict[str, int], password: bytes, salt: bytes, length: int
) -> bytes:
    chosen = {name: parameters.get(name, usual) for name, (_, _, usual) in _BOUNDS.items()}
    try:
        if method == "scrypt":
            kdf = Scrypt(
                salt=salt, length=length, n=1 << chosen["ln"], r=chosen["r"], p=chosen["p"]
            )
            return kdf.derive(password)
        argon2 = Argon2i if method == "argon2i" else Argon2id
        return argon2(
            salt=salt,
            length=length,
            iterations=chosen["t"],
            lanes=chosen["p"],
            memory_cost=chosen["m"],
        ).derive(password)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise FormatError(f"a hash that cannot be computed: {error}") from error


def _parameters(text: str, known: tuple[str, ...] = tuple(_BOUNDS)) -> dict[str, int]:
    """Read `name=number,…` within the bounds. Raises FormatError."""
    found: dict[str, int] = {}
    for pair in text.split(","):
        name, _, value = pair.partition("=")
        least, most, _ = _BOUNDS.get(name, (0, 1 << 16, 0))
        if name not in known or not value.isdigit() or not least <= int(value[:12]) <= most:
            raise FormatError(f"invalid parameter {pair[:40]!r} of a password hash")
        found[name] = int(value)
    return found


def _names() -> str:
    return ", ".join(("bcrypt", *_USUAL))


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode().rstrip("=")


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise FormatError("a password hash that is not base64") from None
