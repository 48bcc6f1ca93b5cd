"""One-time tokens: what they claim, and the rules that all of them keep (RFC 7519)."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePublicKey,
)

from appliance.formats import base64url, jwt
from appliance.formats.jwt import UnverifiedToken
from appliance.formats.keys import PublicKey
from appliance.model.errors import FormatError, Unauthorized
from appliance.model.grants import TokenUse

LEEWAY = 60  # seconds by which clocks may differ

_ORDERS = {
    SECP256R1.name: 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    SECP384R1.name: int(
        "ffffffffffffffffffffffffffffffffffffffffffffffff"
        "c7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16
    ),
    SECP521R1.name: int(
        "1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa"
        "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409", 16
    ),
}  # fmt: skip


class Confirmation(msgspec.Struct, frozen=True):
    """`cnf`: what the token is bound to."""

    fingerprint: str | None = msgspec.field(default=None, name="x5rt#S256")


class Claims(msgspec.Struct, frozen=True):
    """The claims that decide something. `null` means absent, as in step-ca."""

    iss: str | None = None
    sub: str | None = None
    aud: str | list[str] | None = None
    exp: float | None = None
    nbf: float | None = None
    iat: float | None = None
    jti: str | None = None
    sans: list[str] | None = None
    cnf: Confirmation | None = None

    @property
    def audience(self) -> Sequence[str]:
        """All of `aud`."""
        return [self.aud] if isinstance(self.aud, str) else self.aud or ()


def read(token: str) -> tuple[UnverifiedToken, Claims]:
    """Take a token apart; nothing of it is true yet. Raises Unauthorized."""
    try:
        parts = jwt.split(token)
        return parts, msgspec.convert(parts.claims, Claims)
    except (FormatError, msgspec.ValidationError) as error:
        raise Unauthorized("the token cannot be read", detail=str(error)) from error


def check_signature(token: UnverifiedToken, key: PublicKey) -> None:
    """Check that the key signed the token, with an algorithm of the key's kind.

    Raises Unauthorized.
    """
    try:
        jwt.verify(token, key, str(token.header.get("alg")))
    except FormatError as error:
        raise Unauthorized("the token is not signed by its key", detail=str(error)) from error


def check_times(claims: Claims, now: datetime) -> None:
    """Hold `exp`, `nbf` and `iat`, each of which may be absent, against the clock.

    Raises Unauthorized.
    """
    seconds = now.timestamp()
    if claims.exp is not None and int(claims.exp) < seconds - LEEWAY:
        raise Unauthorized("the token has expired", detail=f"exp: {_shown(claims.exp)}")
    if claims.nbf is not None and int(claims.nbf) > seconds + LEEWAY:
        raise Unauthorized("the token is not valid yet", detail=f"nbf: {_shown(claims.nbf)}")
    if claims.iat is not None and int(claims.iat) > seconds + LEEWAY:
        raise Unauthorized(
            "the token was issued in the future", detail=f"iat: {_shown(claims.iat)}"
        )


def use(token: UnverifiedToken, claims: Claims, key: PublicKey) -> TokenUse:
    """Say under which key the token is remembered as used: its `jti`, else a hash of it.

    As step-ca hashes it: SHA-256 of the whole text. Only that anyone can turn an ECDSA signature
    into a second one that holds as well, so the hash is taken with the smaller of the two.
    """
    if claims.jti:
        return TokenUse(reuse_key=claims.jti, raw=token.raw)
    text = token.raw
    if isinstance(key, EllipticCurvePublicKey):
        signature = base64url.encode(_smaller(token.signature, _ORDERS[key.curve.name]))
        text = f"{text.rpartition('.')[0]}.{signature}"
    return TokenUse(reuse_key=hashlib.sha256(text.encode()).hexdigest(), raw=token.raw)


def _smaller(signature: bytes, order: int) -> bytes:
    """Take the form with the smaller s of r ‖ s (RFC 7518 section 3.4)."""
    half = len(signature) // 2
    s = int.from_bytes(signature[half:])
    return signature[:half] + min(s, order - s).to_bytes(half)


def _shown(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, ValueError, OSError):
        return repr(seconds)
