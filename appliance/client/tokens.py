"""The one-time tokens by which a client asks a CA for something; pure but for the key's use.

Times and the random token id are arguments.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from appliance.client.identity import Identity
from appliance.formats import goduration, jwk, jwt, xeddsa
from appliance.formats.keys import PrivateKey
from appliance.model.errors import BadRequest

TOKEN_ID_OCTETS: Final = 32
ENTROPY_OCTETS: Final = xeddsa.ENTROPY
_DEFAULT_VALIDITY: Final = timedelta(minutes=5)
_SHORTEST: Final = timedelta(seconds=10)
_LONGEST: Final = timedelta(hours=1)
_LONGEST_DELAY: Final = timedelta(minutes=30)
_RENEWER: Final = "step-ca-client/1.0"  # the issuer that a CA expects in a renewal token


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A private key, under the name by which the CA knows it, if it is a provisioner's."""

    key: PrivateKey | X25519PrivateKey
    kid: str
    algorithm: str = ""  # a JWK may name one; else it follows from the key
    headers: Mapping[str, Any] = field(default_factory=dict)  # certificates that go with the key


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When a token holds."""

    issued_at: datetime
    not_before: datetime
    expires: datetime

    def claims(self) -> dict[str, int]:
        """Write it as RFC 7519 4.1 has it: whole seconds since 1970."""
        return {
            "exp": int(self.expires.timestamp()),
            "iat": int(self.issued_at.timestamp()),
            "nbf": int(self.not_before.timestamp()),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """What a token says. Fields that are None leave their claim out."""

    subject: str
    audience: str
    issuer: str
    window: Window
    root_fingerprint: str = ""
    sans: Sequence[str] | None = None
    confirmation: str = ""  # base64url of the SHA-256 of the only CSR or SSH key that it is for
    user: Mapping[str, Any] | None = None
    ssh: Mapping[str, Any] | None = None  # what an SSH certificate is to be


def window(
    now: datetime, not_before: datetime | None = None, not_after: datetime | None = None
) -> Window:
    """Check when a token is to hold: five minutes from now unless asked otherwise.

    Raises BadRequest when it would begin too late, or be too short or too long.
    """
    begin = not_before or now
    end = not_after or begin + _DEFAULT_VALIDITY
    if begin - now > _LONGEST_DELAY:
        raise BadRequest(
            f"requested validity delay is too long: {_shown(begin - now)}, "
            f"at most {_shown(_LONGEST_DELAY)} are allowed"
        )
    if end - begin < _SHORTEST:
        raise BadRequest(
            f"requested token validity is too short: {_shown(end - begin)}, "
            f"at least {_shown(_SHORTEST)} are needed"
        )
    if end - begin > _LONGEST:
        raise BadRequest(
            f"requested token validity is too long: {_shown(end - begin)}, "
            f"at most {_shown(_LONGEST)} are allowed"
        )
    return Window(issued_at=now, not_before=begin, expires=end)


def audience(url: str, operation: str) -> str:
    """Name the operation (`sign`, `renew`, `ssh/sign` …) of the CA as the token's audience."""
    return f"{url}/1.0/{operation}"


def one_time_token(
    request: TokenRequest, key: SigningKey, *, token_id: bytes, entropy: bytes
) -> str:
    """Make a provisioner's token.

    `token_id` and `entropy` are TOKEN_ID_OCTETS and ENTROPY_OCTETS fresh random octets.
    """
    claims: dict[str, Any] = {
        "aud": request.audience,
        "iss": request.issuer,
        "jti": token_id.hex(),
        "sub": request.subject,
        **request.window.claims(),
    }
    if request.root_fingerprint:
        claims["sha"] = request.root_fingerprint
    if request.sans is not None:
        claims["sans"] = list(request.sans)
    if request.confirmation:
        claims["cnf"] = {"x5rt#S256": request.confirmation}
    if request.user is not None:
        claims["user"] = dict(request.user)
    if request.ssh is not None:
        claims["step"] = {"ssh": dict(request.ssh)}
    headers = {**key.headers, "kid": key.kid}
    if key.algorithm:
        headers["alg"] = key.algorithm
    return jwt.sign(dict(sorted(claims.items())), key.key, headers, entropy=entropy)


def renewal_token(identity: Identity, *, audience: str, now: datetime, token_id: bytes) -> str:
    """Make the token that renews a certificate, signed by its own key."""
    claims: dict[str, Any] = {
        "aud": audience,
        "iss": _RENEWER,
        "jti": token_id.hex(),
        "sub": identity.leaf.common_name,
        **window(now).claims(),
    }
    chain = [base64.b64encode(der).decode() for der in identity.chain]
    kid = jwk.thumbprint(jwk.public_members(identity.key.public_key()))
    return jwt.sign(dict(sorted(claims.items())), identity.key, {"kid": kid, "x5cInsecure": chain})


def _shown(duration: timedelta) -> str:
    return goduration.format_duration(duration)
