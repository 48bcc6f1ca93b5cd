"""Whose a token is, as its claims tell: what a client asks for with it depends on that."""

import enum
from collections.abc import Sequence
from typing import Final

from appliance.formats import names
from appliance.formats.jwt import UnverifiedToken

K8SSA_ISSUER: Final = "kubernetes/serviceaccount"
_CLOUDS: Final = ("google", "amazon", "xms_mirid")
_IDENTITY: Final = ("aud", "iss", "sub", "exp", "iat")


class TokenKind(enum.Enum):
    """The kinds that clients tell apart."""

    PROVISIONER = enum.auto()  # of `ca token`: it says what it is for
    IDENTITY = enum.auto()  # of an OpenID Connect provider: who somebody is
    K8SSA = enum.auto()  # of a service account in Kubernetes
    CLOUD = enum.auto()  # of a machine in a cloud
    UNKNOWN = enum.auto()


def kind_of_token(token: UnverifiedToken) -> TokenKind:
    """Tell a token's kind by step's rule."""
    claims = token.claims
    if any(claims.get(name) for name in _CLOUDS):
        return TokenKind.CLOUD
    if claims.get("iss") == K8SSA_ISSUER:
        return TokenKind.K8SSA
    if claims.get("sha") or claims.get("sans"):
        return TokenKind.PROVISIONER
    return TokenKind.IDENTITY if all(map(claims.get, _IDENTITY)) else TokenKind.UNKNOWN


def requested(token: UnverifiedToken, subject: str, sans: Sequence[str]) -> tuple[str, list[str]]:
    """Give the common name and the names for the signing request that goes with a token.

    A provisioner's token names them itself. With an identity token they are the person's own, when
    `subject` is their email address, else what was asked for: the CA decides.
    """
    claims = token.claims
    match kind_of_token(token):
        case TokenKind.IDENTITY:
            if sans:
                return subject, list(sans)
            email = claims.get("email")
            if not isinstance(email, str) or email.lower() != subject.lower():
                return subject, [subject]
            person = names.identifier(str(claims["iss"]), str(claims["sub"]))
            return str(claims["sub"]), [email, *([person.value] if person else [])]
        case TokenKind.K8SSA:
            return subject, list(sans)
        case _:
            named = claims.get("sans")
            own = [str(name) for name in named] if isinstance(named, list) else []
            return str(claims.get("sub", "")), [*sans, *own]
