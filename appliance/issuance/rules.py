"""What a request must be like to get what its grant allows: binding, names, key.

In the order in which step-ca judges them, since the first fault is the one that is told.
"""

import base64
import hmac
from collections.abc import Collection

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from appliance.formats.keys import PublicKey
from appliance.issuance.grants import Grant, NameRule
from appliance.issuance.requests import SigningRequest
from appliance.model.errors import Forbidden
from appliance.model.names import San, SanKind

_SMALLEST_RSA_OCTETS = 256
_PLURALS = {
    SanKind.DNS: "DNS names",
    SanKind.EMAIL: "email addresses",
    SanKind.IP: "IP addresses",
    SanKind.URI: "URIs",
}
_ORDER = (SanKind.DNS, SanKind.EMAIL, SanKind.IP, SanKind.URI)


def permit(request: SigningRequest, grant: Grant) -> None:
    """Let the request pass, or raise Forbidden with the first thing that is not granted."""
    _check_binding(request, grant)
    _check_common_name(request, grant)
    check_key(request.public_key)
    match grant.name_rule:
        case NameRule.EXACT:
            _check_names(request.sans, grant.sans)
        case NameRule.WITHIN:
            check_within(request.sans, grant.sans_within)
        case NameRule.ANY:
            pass


def check_key(public_key: PublicKey) -> None:
    """Refuse weak keys: RSA below 2048 bits (CA/Browser Forum BR 6.1.5). Raises Forbidden."""
    if not isinstance(public_key, RSAPublicKey):
        return
    if (public_key.key_size + 7) // 8 < _SMALLEST_RSA_OCTETS:
        raise Forbidden(
            f"certificate request RSA key must be at least {8 * _SMALLEST_RSA_OCTETS} bits "
            f"({_SMALLEST_RSA_OCTETS} bytes)"
        )


def _check_binding(request: SigningRequest, grant: Grant) -> None:
    """Hold the request against the `cnf` claim of the token (the form of RFC 7800)."""
    bound = grant.csr_fingerprint
    if bound is not None and not hmac.compare_digest(bound, request.fingerprint):
        shown = base64.urlsafe_b64encode(bound).decode().rstrip("=")
        raise Forbidden(f'certificate request fingerprint does not match "{shown}"')


def _check_common_name(request: SigningRequest, grant: Grant) -> None:
    name = request.common_name
    if name and grant.common_names is not None and name not in grant.common_names:
        allowed = " ".join(grant.common_names)
        raise Forbidden(
            "certificate request does not contain the valid common name - "
            f"got {name}, want [{allowed}]"
        )


def _check_names(asked: tuple[San, ...], granted: tuple[San, ...]) -> None:
    """Take each kind for itself: names of it must be all that are granted, or none."""
    if not asked or asked == granted:
        return
    for kind in _ORDER:
        got = [san.value for san in asked if san.kind is kind]
        want = [san.value for san in granted if san.kind is kind]
        if got and set(got) != set(want):
            raise Forbidden(
                f"certificate request does not contain the valid {_PLURALS[kind]} - "
                f"got [{' '.join(got)}], want [{' '.join(want)}]"
            )


def check_within(asked: Collection[San], granted: Collection[San]) -> None:
    """Let names pass each of which is granted. Raises Forbidden for the first kind with others."""
    foreign = {san.kind for san in asked if san not in granted}
    for kind in _ORDER:
        if kind in foreign:
            got = " ".join(san.value for san in asked if san.kind is kind)
            want = " ".join(san.value for san in granted if san.kind is kind)
            raise Forbidden(
                f"certificate request contains {_PLURALS[kind]} that are not granted - "
                f"got [{got}], want [{want}]"
            )
