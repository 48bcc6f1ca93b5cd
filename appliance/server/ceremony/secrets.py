"""Secrets of a ceremony: made for a person to write down, and kept in memory only."""

import base64
import string
from collections.abc import Callable, Mapping
from typing import Final, final

from appliance.model.secret import Password
from appliance.ports.credentials import Credential

Octets = Callable[[int], bytes]
_DIGITS: Final = 8
_FEWEST: Final = 4  # different digits: YubiKeys of 5.7 refuse some PINs with fewer
_GROUP: Final = 4
_BASE32: Final = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", string.digits + "ABCDEFGHJKMNPQRSTVWXYZ"
)
_MISREAD: Final = str.maketrans("OIL", "011")


@final
class Secrets:
    """All that are known now, by their names, such as "PIN of YubiKey 123"."""

    def __init__(self, known: Mapping[str, Password] = {}) -> None:
        self._known = dict(known)

    def get(self, name: str) -> Password | None:
        """Give one that is known."""
        return self._known.get(name)

    def learn(self, name: str, secret: Password) -> None:
        """Keep one."""
        self._known[name] = secret

    def forget(self, name: str) -> None:
        """Forget one that was wrong."""
        self._known.pop(name, None)

    def revealed(self) -> dict[str, str]:
        """Give all of them, to be sealed."""
        return {name: secret.reveal().decode() for name, secret in sorted(self._known.items())}


def named(credential: Credential, token: str) -> str:
    """Name a secret of a token."""
    return f"{credential} of {token}"


def password_of(what: str) -> str:
    """Name the password of a file, or of a provisioner."""
    return f"password of {what}"


def made(credential: Credential, octets: Octets, management_key_octets: int) -> str:
    """Make a PIN or PUK of eight digits, or a management key in hexadecimal."""
    if credential is Credential.MANAGEMENT_KEY:
        return octets(management_key_octets).hex()
    while True:
        digits = _digits(octets)
        if len(set(digits)) >= _FEWEST:
            return digits


def passphrase(octets: bytes) -> str:
    """Write octets so that a person can copy them: Crockford's base 32, in groups of four."""
    text = base64.b32encode(octets).decode().rstrip("=").translate(_BASE32)
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def as_typed(text: str) -> str:
    """Read what was copied by hand: case, spaces and dashes do not count, nor does O for 0."""
    plain = "".join(text.upper().replace("-", " ").split()).translate(_MISREAD)
    return "-".join(plain[at : at + _GROUP] for at in range(0, len(plain), _GROUP))


def _digits(octets: Octets) -> str:
    digits = ""
    while len(digits) < _DIGITS:
        digits += "".join(str(octet % 10) for octet in octets(_DIGITS) if octet < 250)
    return digits[:_DIGITS]
