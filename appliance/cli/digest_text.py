"""How a digest is written out: --format of the commands that print fingerprints."""

import base64
from collections.abc import Callable, Mapping
from typing import Final

from appliance.model.errors import BadRequest, NotSupported

Encoding = Callable[[bytes], str]


def encoding(form: str) -> Encoding:
    """Give what writes a digest in this form. Raises BadRequest, NotSupported."""
    wanted = form.strip().lower()
    if wanted in ("emoji", "emojisum"):
        raise NotSupported("fingerprints in emoji are not supported: use --format hex")
    if wanted not in _ENCODINGS:
        raise BadRequest(
            f"error parsing fingerprint format: '{form}' is not a valid fingerprint format"
        )
    return _ENCODINGS[wanted]


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _base64_url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode()


_ENCODINGS: Final[Mapping[str, Encoding]] = {
    "hex": bytes.hex,
    "base64": _base64,
    "base64-url": _base64_url,
    "base64url": _base64_url,
    "base64-raw": lambda octets: _base64(octets).rstrip("="),
    "base64raw": lambda octets: _base64(octets).rstrip("="),
    "base64-url-raw": lambda octets: _base64_url(octets).rstrip("="),
    "base64url-raw": lambda octets: _base64_url(octets).rstrip("="),
    "base64urlraw": lambda octets: _base64_url(octets).rstrip("="),
}
