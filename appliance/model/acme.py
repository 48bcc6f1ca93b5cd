"""ACME as values: identifiers, statuses and problems (RFC 8555 sections 6.7 and 7.1)."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from appliance.model.errors import HearthError

ERROR_PREFIX: Final = "urn:ietf:params:acme:error:"


class IdentifierType(enum.StrEnum):
    """What can be ordered: RFC 8555 9.7.7, RFC 8738, draft-acme-device-attest."""

    DNS = "dns"
    IP = "ip"
    PERMANENT = "permanent-identifier"


class Identifier(Struct, frozen=True, kw_only=True, order=True, gc=False):
    """A name to be authorized. `value` of a wildcard is without `*.` in authorizations alone."""

    type: IdentifierType
    value: str

    @property
    def is_wildcard(self) -> bool:
        """Say whether it stands for all names one label below."""
        return self.type is IdentifierType.DNS and self.value.startswith("*.")


class ChallengeType(enum.StrEnum):
    """Ways to prove control; the spelling is the wire's."""

    HTTP_01 = "http-01"
    DNS_01 = "dns-01"
    TLS_ALPN_01 = "tls-alpn-01"
    DEVICE_ATTEST_01 = "device-attest-01"
    DNS_ACCOUNT_01 = "dns-account-01"
    DNS_PERSIST_01 = "dns-persist-01"


class AccountStatus(enum.StrEnum):
    """RFC 8555 7.1.2."""

    VALID = "valid"
    DEACTIVATED = "deactivated"
    REVOKED = "revoked"


class OrderStatus(enum.StrEnum):
    """RFC 8555 7.1.3."""

    PENDING = "pending"
    READY = "ready"
    PROCESSING = "processing"
    VALID = "valid"
    INVALID = "invalid"


class AuthorizationStatus(enum.StrEnum):
    """RFC 8555 7.1.4."""

    PENDING = "pending"
    VALID = "valid"
    INVALID = "invalid"
    DEACTIVATED = "deactivated"
    EXPIRED = "expired"
    REVOKED = "revoked"


class ChallengeStatus(enum.StrEnum):
    """RFC 8555 8."""

    PENDING = "pending"
    PROCESSING = "processing"
    VALID = "valid"
    INVALID = "invalid"


class ProblemType(enum.Enum):
    """Problem types: their name below ERROR_PREFIX, and the HTTP status that goes with them."""

    ACCOUNT_DOES_NOT_EXIST = ("accountDoesNotExist", 400)
    ALREADY_REPLACED = ("alreadyReplaced", 409)  # RFC 9773 section 5
    ALREADY_REVOKED = ("alreadyRevoked", 400)
    BAD_ATTESTATION_STATEMENT = ("badAttestationStatement", 400)
    BAD_CSR = ("badCSR", 400)
    BAD_NONCE = ("badNonce", 400)
    BAD_PUBLIC_KEY = ("badPublicKey", 400)
    BAD_REVOCATION_REASON = ("badRevocationReason", 400)
    BAD_SIGNATURE_ALGORITHM = ("badSignatureAlgorithm", 400)
    CAA = ("caa", 403)
    COMPOUND = ("compound", 400)
    CONFLICT = ("malformed", 409)  # there is no type of its own, and none may be made up (6.7)
    CONNECTION = ("connection", 400)
    DNS = ("dns", 400)
    EXTERNAL_ACCOUNT_REQUIRED = ("externalAccountRequired", 400)
    INCORRECT_RESPONSE = ("incorrectResponse", 400)
    INVALID_CONTACT = ("invalidContact", 400)
    INVALID_PROFILE = ("invalidProfile", 400)  # draft-ietf-acme-profiles section 6
    MALFORMED = ("malformed", 400)
    ORDER_NOT_READY = ("orderNotReady", 403)
    RATE_LIMITED = ("rateLimited", 429)
    REJECTED_IDENTIFIER = ("rejectedIdentifier", 400)
    SERVER_INTERNAL = ("serverInternal", 500)
    TLS = ("tls", 400)
    UNAUTHORIZED = ("unauthorized", 401)
    UNSUPPORTED_CONTACT = ("unsupportedContact", 400)
    UNSUPPORTED_IDENTIFIER = ("unsupportedIdentifier", 400)
    USER_ACTION_REQUIRED = ("userActionRequired", 403)

    def __init__(self, label: str, status: int) -> None:
        self.label = label
        self.status = status

    @property
    def urn(self) -> str:
        """Give the type as problem documents have it."""
        return ERROR_PREFIX + self.label


@dataclass(frozen=True, slots=True, kw_only=True)
class Subproblem:
    """What is wrong with one of several (RFC 8555 6.7.1). `type` is a whole URN."""

    type: str
    detail: str
    identifier: Identifier | None = None


class AcmeError(HearthError):
    """A problem that is told to an ACME client. `public` is the document's detail.

    `status` is the HTTP status where it is not the type's own, `instance` the URL that a person
    should visit (userActionRequired).
    """

    def __init__(
        self,
        type: ProblemType,  # noqa: A002 - the word of RFC 7807
        public: str,
        *,
        detail: str = "",
        subproblems: Sequence[Subproblem] = (),
        status: int | None = None,
        instance: str = "",
    ) -> None:
        super().__init__(public, detail=detail)
        self.type = type
        self.instance = instance
        self.subproblems = tuple(subproblems)
        self.status = type.status if status is None else status


def malformed(public: str) -> AcmeError:
    """Make the problem of a request that is not as it must be."""
    return AcmeError(ProblemType.MALFORMED, public)


def unauthorized(public: str, *, status: int | None = None) -> AcmeError:
    """Make the problem of a client that may not."""
    return AcmeError(ProblemType.UNAUTHORIZED, public, status=status)
