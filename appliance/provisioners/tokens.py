"""One-time tokens: what they claim, and the rules that all of them keep (RFC 7519)."""

import binascii
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
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from appliance.formats import base64url, jwt
from appliance.formats.jwt import UnverifiedToken
from appliance.formats.keys import PublicKey
from appliance.model.errors import FormatError, Unauthorized
from appliance.model.grants import TokenUse
from appliance.provisioners.audiences import Audience

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
    email: str | None = None
    sans: list[str] | None = None
    cnf: Confirmation | None = None

    @property
    def audience(self) -> Sequence[str]:
        """All of `aud`."""
        return [self.aud] if isinstance(self.aud, str) else self.aud or ()


def read(token: str) -> tuple[UnverifiedToken, Claims]:
    """Take a token apart; nothing of it is true yet. Raises Unauthorized.

    White space in it is passed over: tokens from files end in a newline.
    """
    try:
        parts = jwt.split("".join(token.split()))
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


def check_claims(claims: Claims, issuer: str, audience: Audience | None, now: datetime) -> str:
    """Hold issuer, times, audience and subject against what they must be; give the subject.

    Without an audience, any will do. Raises Unauthorized.
    """
    if claims.iss != issuer:
        raise Unauthorized("the token has another issuer", detail=f"iss: {claims.iss}")
    check_times(claims, now)
    if audience is not None:
        audience.check(claims.audience)
    if not claims.sub:
        raise Unauthorized("the token has no subject")
    return claims.sub


def bound_to(claims: Claims) -> bytes | None:
    """Give the CSR's fingerprint; one that cannot be read is one that no CSR has."""
    if claims.cnf is None or not claims.cnf.fingerprint:
        return None
    try:
        return base64url.decode(claims.cnf.fingerprint)
    except FormatError:
        return b""


def certificates(token: UnverifiedToken, header: str) -> list[bytes]:
    """Give the certificates (DER) in a header, the leaf first. Raises Unauthorized."""
    listed = token.header.get(header)
    if not isinstance(listed, list) or not listed:
        raise Unauthorized("the token brings no certificate", detail=f"no {header}")
    try:
        return [binascii.a2b_base64(each, strict_mode=True) for each in listed]
    except (ValueError, TypeError):
        raise Unauthorized("the certificates of the token are not base64") from None


def use(token: UnverifiedToken, claims: Claims, key: PublicKey | X25519PublicKey) -> TokenUse:
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
