"""Which challenges an identifier is offered, and what each expects to see."""

import base64
import hashlib
from collections.abc import Collection, Mapping
from typing import Final

from appliance.formats import base64url
from appliance.model.acme import ChallengeType, Identifier, IdentifierType

_OF_TYPE: Final[Mapping[IdentifierType, tuple[ChallengeType, ...]]] = {
    IdentifierType.DNS: (
        ChallengeType.DNS_01,
        ChallengeType.HTTP_01,
        ChallengeType.TLS_ALPN_01,
        ChallengeType.DNS_ACCOUNT_01,
        ChallengeType.DNS_PERSIST_01,
    ),
    IdentifierType.IP: (ChallengeType.HTTP_01, ChallengeType.TLS_ALPN_01),
    IdentifierType.PERMANENT: (ChallengeType.DEVICE_ATTEST_01,),
}
_OF_WILDCARDS: Final = (  # RFC 8555 8.3: a server can speak for itself alone
    ChallengeType.DNS_01,
    ChallengeType.DNS_ACCOUNT_01,
    ChallengeType.DNS_PERSIST_01,
)
_OF_DOMAINS: Final = (  # with all below; a lasting record would have to say so
    ChallengeType.DNS_01,
    ChallengeType.DNS_ACCOUNT_01,
)


def offered(
    identifier: Identifier, enabled: Collection[ChallengeType], *, below: bool = False
) -> tuple[ChallengeType, ...]:
    """Give those that can prove an identifier, of the ones that are enabled, in step-ca's order.

    `below`: and all subdomains of it, for which a server cannot speak either.
    """
    one = _OF_WILDCARDS if identifier.is_wildcard else _OF_TYPE[identifier.type]
    possible = _OF_DOMAINS if below else one
    return tuple(each for each in possible if each in enabled)


def key_authorization(token: str, thumbprint: str) -> str:
    """Join a challenge's token and its account's key (RFC 8555 8.1)."""
    return f"{token}.{thumbprint}"


def digest(authorization: str) -> bytes:
    """Hash a key authorization, as dns-01 and tls-alpn-01 show it."""
    return hashlib.sha256(authorization.encode()).digest()


def text_record(authorization: str) -> str:
    """Give the TXT record of dns-01 (RFC 8555 8.4)."""
    return base64url.encode(digest(authorization))


def account_label(account_url: str) -> str:
    """Give the label that dns-account-01 puts before `_acme-challenge`.

    draft-ietf-acme-dns-account-label-02 3.2: of an account's URL, so that CAs and machines that
    prove one name do not meet at one record.
    """
    first = hashlib.sha256(account_url.encode()).digest()[:10]
    return f"_{base64.b32encode(first).decode().lower()}"
