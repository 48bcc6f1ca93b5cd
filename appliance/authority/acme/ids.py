"""Names that nobody can guess: of resources, of tokens, in the form in which step-ca has them."""

from typing import Final

from appliance.ports.chance import Chance

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH: Final = 32
_FAIR: Final = 256 - 256 % len(_ALPHABET)
_LETTERS: Final = bytes(ord(_ALPHABET[octet % len(_ALPHABET)]) for octet in range(256))
_UNFAIR: Final = bytes(range(_FAIR, 256))
_DRAWN: Final = _LENGTH + 12  # octets, so that hardly ever too many of them are unfair


def new_id(chance: Chance) -> str:
    """Draw 32 letters and digits, each as likely as the other (RFC 8555 8: 128 bits at least)."""
    found = ""
    while len(found) < _LENGTH:
        found += chance.octets(_DRAWN).translate(_LETTERS, _UNFAIR).decode()
    return found[:_LENGTH]
