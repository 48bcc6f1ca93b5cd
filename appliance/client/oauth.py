"""OAuth 2.0 and OpenID Connect as a client without a secret place speaks them: pure values.

A log-in is proven to be ours in three ways: `state` ties the answer to this process, PKCE
(RFC 7636) the code to it, and `nonce` the identity token to this log-in.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from appliance.formats import base64url, jwt
from appliance.formats.names import classify
from appliance.model.errors import BadRequest, Unauthorized
from appliance.model.names import SanKind

DEFAULT_SCOPE: Final = "openid email"
OUT_OF_BAND: Final = "urn:ietf:wg:oauth:2.0:oob"
SECRET_OCTETS: Final = 32  # of state, nonce and verifier each


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where a provider's parts are; empty where it has none."""

    authorization: str = ""
    device: str = ""
    token: str = ""


KNOWN: Final[Mapping[str, Endpoints]] = {
    "google": Endpoints(
        authorization="https://accounts.google.com/o/oauth2/v2/auth",
        device="https://oauth2.googleapis.com/device/code",
        token="https://www.googleapis.com/oauth2/v4/token",  # noqa: S106 - a URL
    ),
    "github": Endpoints(
        authorization="https://github.com/login/oauth/authorize",
        device="https://github.com/login/device/code",
        token="https://github.com/login/oauth/access_token",  # noqa: S106 - a URL
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Who we are to the provider, and what we ask of it."""

    client_id: str
    client_secret: str = field(default="", repr=False)
    scope: str = DEFAULT_SCOPE
    prompt: str = ""
    login_hint: str = ""
    parameters: Sequence[tuple[str, str]] = ()  # further ones of the authorization request


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What only this process knows of one log-in."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @classmethod
    def of(cls, entropy: bytes) -> "Proof":
        """Make them of three times SECRET_OCTETS fresh random octets."""
        parts = [entropy[i * SECRET_OCTETS : (i + 1) * SECRET_OCTETS] for i in range(3)]
        state, verifier = base64url.encode(parts[0]), base64url.encode(parts[2])
        return cls(state=state, nonce=parts[1].hex(), verifier=verifier)

    @property
    def challenge(self) -> str:
        """The verifier as the provider sees it beforehand (RFC 7636 section 4.2, S256)."""
        return base64url.encode(hashlib.sha256(self.verifier.encode()).digest())


class Tokens(msgspec.Struct, omit_defaults=False):
    """What a token endpoint answers, in step's order."""

    access_token: str = ""
    id_token: str = ""
    refresh_token: str = ""
    expires_in: int = 0
    token_type: str = ""
    error: str = ""
    error_description: str = ""
    scope: str = ""

    def shown(self) -> dict[str, object]:
        """Give the members that step prints: the last three only where there is something."""
        members = msgspec.structs.asdict(self)
        optional = ("error", "error_description", "scope")
        return {name: value for name, value in members.items() if value or name not in optional}


class DeviceCode(msgspec.Struct):
    """What a device authorization endpoint answers (RFC 8628 section 3.2)."""

    device_code: str = ""
    user_code: str = ""
    verification_uri: str = ""
    verification_url: str = ""  # Google's name for it
    verification_uri_complete: str = ""
    expires_in: int = 0
    interval: int = 0
    error: str = ""
    error_description: str = ""


def authorization_url(endpoint: str, who: Registration, proof: Proof, redirect: str) -> str:
    """Give the URL to open in a browser. Raises BadRequest for an endpoint not fit for that."""
    checked_endpoint(endpoint, "authorization_endpoint")
    parameters = [
        ("client_id", who.client_id),
        ("redirect_uri", redirect),
        ("response_type", "code"),
        ("code_challenge_method", "S256"),
        ("code_challenge", proof.challenge),
        ("scope", who.scope),
        *([("prompt", who.prompt)] if who.prompt else []),
        ("state", proof.state),
        ("nonce", proof.nonce),
        *([("login_hint", who.login_hint)] if who.login_hint else []),
        *who.parameters,
    ]
    parts = urlsplit(endpoint)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *parameters]
    return urlunsplit(parts._replace(query=urlencode(sorted(query, key=lambda pair: pair[0]))))


def code_form(who: Registration, proof: Proof, code: str, redirect: str) -> dict[str, str]:
    """Give the request that makes tokens of a code."""
    return {
        "code": code,
        "client_id": who.client_id,
        "client_secret": who.client_secret,
        "redirect_uri": redirect,
        "grant_type": "authorization_code",
        "code_verifier": proof.verifier,
    }


def check_nonce(tokens: Tokens, nonce: str) -> None:
    """Refuse the identity token of another log-in (OpenID Connect Core, 3.1.3.7).

    Raises Unauthorized, FormatError.
    """
    if not tokens.id_token:
        return
    named = jwt.split(tokens.id_token).claims.get("nonce")
    if named not in (None, nonce):
        raise Unauthorized("the provider's identity token is of another log-in: please try again")


def checked_endpoint(url: str, name: str) -> str:
    """Let a URL pass that secrets may go to: https, or this machine. Raises BadRequest."""
    if not url:
        raise BadRequest(f"the provider has no {name}: this way of logging in is not its")
    if not is_safe(url):
        raise BadRequest(f"the provider's {name} is not an https URL: {url}")
    return url


def is_safe(url: str) -> bool:
    """Tell if nobody on the way can read along: https, or http on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "http":
        return host == "localhost" or is_loopback(host)
    return parts.scheme == "https" and bool(host)


def is_loopback(host: str) -> bool:
    """Tell if an address is one of this machine's own."""
    san = classify(host)
    return san.kind is SanKind.IP and (san.value == "::1" or san.value.startswith("127."))


def parameters_of(pairs: Sequence[str], flag: str) -> list[tuple[str, str]]:
    """Read `key=value` pairs; a key alone has an empty value. Raises BadRequest."""
    found = []
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not name:
            raise BadRequest(f"invalid value '{pair}' for flag '--{flag}'; write it as key=value")
        found.append((name, value))
    return found


def discovery_of(provider: str) -> str:
    """Give the place of a provider's discovery document. Raises BadRequest."""
    if not is_safe(provider):
        raise BadRequest(
            f"invalid value '{provider}' for flag '--provider'; use google, github or an https URL"
        )
    parts = urlsplit(provider)
    well_known = "/.well-known/openid-configuration"
    if well_known in parts.path:
        return provider
    path = "/".join(part for part in parts.path.split("/") if part)
    return urlunsplit(parts._replace(path=(f"/{path}" if path else "") + well_known))


def refused(tokens: Tokens | DeviceCode, doing: str) -> Unauthorized:
    """Say why a provider did not give what was asked for."""
    said = ": ".join(part for part in (tokens.error, tokens.error_description) if part)
    return Unauthorized(f"{doing}: {said}")
