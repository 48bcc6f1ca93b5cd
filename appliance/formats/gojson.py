"""JSON octet by octet as Go's encoding/json writes it.

Clients may compare answers, and step-ca compares whole rows when it updates a shared database.
"""

from typing import Final

import msgspec

_LESS, _GREATER, _AND = b"<>&"  # numbers, since `b"<" in text` raises an error within, and drops it
_ESCAPES: Final = (
    (b"<", rb"\u003c"),
    (b">", rb"\u003e"),
    (b"&", rb"\u0026"),
    ("\u2028".encode(), rb"\u2028"),
    ("\u2029".encode(), rb"\u2029"),
)


def encode(value: object) -> bytes:
    """Write compact JSON that is also safe inside HTML."""
    return escaped(msgspec.json.encode(value))


def escaped(text: bytes) -> bytes:
    """Make JSON safe inside HTML."""
    if text.isascii() and _LESS not in text and _GREATER not in text and _AND not in text:
        return text  # as nearly all is
    for octets, escape in _ESCAPES:
        if octets in text:
            text = text.replace(octets, escape)  # these occur inside strings alone
    return text


def indented(value: object, *, indent: int) -> bytes:
    """Write it on many lines, as Go's MarshalIndent does."""
    return msgspec.json.format(encode(value), indent=indent)
