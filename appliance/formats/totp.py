"""Time-based one-time passwords (RFC 6238 over RFC 4226), and the URIs that apps take in."""

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

from appliance.model.errors import BadRequest, FormatError

ALGORITHMS: Final = ("SHA1", "SHA256", "SHA512")
_MOST_DIGITS: Final = 10  # of a number of 31 bits
_MOST_SKEW: Final = 1000  # periods tried before and after


@dataclass(frozen=True, slots=True, kw_only=True)
class Totp:
    """A secret and how passwords come of it. `period` is in seconds."""

    secret: bytes
    period: int = 30
    digits: int = 6
    algorithm: str = "SHA1"

    def __post_init__(self) -> None:
        if self.algorithm.upper() not in ALGORITHMS:
            options = ", ".join(ALGORITHMS)
            raise BadRequest(f"invalid value '{self.algorithm}' for the algorithm; use {options}")
        if not 1 <= self.digits <= _MOST_DIGITS or self.period < 1:
            raise BadRequest("a one-time password has 1 to 10 digits, and a period of a second up")

    def __repr__(self) -> str:
        """Show nothing of the secret."""
        return f"Totp({self.algorithm}, {self.digits} digits, {self.period} s)"

    def password(self, counter: int) -> str:
        """Give the password of one period (RFC 4226 section 5.3)."""
        digest = hmac.digest(self.secret, counter.to_bytes(8), self.algorithm.lower())
        offset = digest[-1] & 15
        number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF
        return str(number % 10**self.digits).zfill(self.digits)

    def holds(self, password: str, at: datetime, skew: int = 0) -> bool:
        """Tell if a password is that of a moment, or of up to `skew` periods off."""
        now = int(at.timestamp()) // self.period
        periods = range(max(now - min(skew, _MOST_SKEW), 0), now + min(skew, _MOST_SKEW) + 1)
        return any(hmac.compare_digest(self.password(each), password.strip()) for each in periods)

    def uri(self, issuer: str, account: str) -> str:
        """Write what apps read from a QR code."""
        name = f"{quote(issuer, safe='')}:{quote(account, safe='@')}"
        fields = {
            "algorithm": self.algorithm.upper(),
            "digits": str(self.digits),
            "issuer": quote(issuer, safe=""),
            "period": str(self.period),
            "secret": secret_text(self.secret),
        }
        query = "&".join(f"{key}={value}" for key, value in fields.items())
        return f"otpauth://totp/{name}?{query}"


def secret_text(secret: bytes) -> str:
    """Write a secret in base32 without padding."""
    return base64.b32encode(secret).decode().rstrip("=")


def read(text: str) -> Totp:
    """Read a secret in base32, or an otpauth URI with more. Raises FormatError, BadRequest."""
    text = text.strip()
    if not text.startswith("otpauth://"):
        return Totp(secret=_secret(text))
    fields = {name: values[0] for name, values in parse_qs(urlsplit(text).query).items()}
    try:
        period, digits = int(fields.get("period", "30")), int(fields.get("digits", "6"))
    except ValueError:
        raise FormatError("an otpauth URI whose period or digits are no numbers") from None
    return Totp(
        secret=_secret(fields.get("secret", "")),
        period=period,
        digits=digits,
        algorithm=fields.get("algorithm", "SHA1"),
    )


def _secret(text: str) -> bytes:
    bare = text.strip().upper()
    try:
        return base64.b32decode(bare + "=" * (-len(bare) % 8))
    except (binascii.Error, ValueError):
        raise FormatError("a secret that is not base32") from None
