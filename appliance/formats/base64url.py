"""Base64 as JOSE writes it: the URL alphabet, no padding (RFC 7515 section 2)."""

import binascii

from appliance.model.errors import FormatError

_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")  # the other alphabet becomes what is in none
_TO_URL = bytes.maketrans(b"+/", b"-_")
_PADDING = (b"", b"===", b"==", b"=")
# The last character of a text that is no multiple of four long has bits to spare, which are zero.
_LAST = (b"", b"", b"AQgw", b"AEIMQUYcgkosw048")


def encode(octets: bytes) -> str:
    """Write octets as base64url without padding."""
    text = binascii.b2a_base64(octets, newline=False)
    return text.rstrip(b"=").translate(_TO_URL).decode("ascii")


def decode(text: str | bytes) -> bytes:
    """Read base64url; only the one canonical spelling of the octets is accepted.

    A second spelling (padding, the other alphabet, stray bits at the end) would let one signed
    token appear as two different texts. Raises FormatError.
    """
    try:
        given = text.encode("ascii") if isinstance(text, str) else text
        rest = len(given) % 4
        padded = given.translate(_TO_STANDARD) + _PADDING[rest]
        octets = binascii.a2b_base64(padded, strict_mode=True)
    except ValueError:
        raise FormatError("not base64url") from None
    if rest and given[-1] not in _LAST[rest]:
        raise FormatError("not base64url in its canonical form")
    return octets
