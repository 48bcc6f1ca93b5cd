"""ACME's rows: what to write, and how to read it back.

Buckets, keys and values are step-ca's, member by member in its order, since it compares whole rows
when it updates one. What it has no place for is in buckets of our own:

    hearth_acme_former_keys  account ‖ thumbprint → that it had this key
    hearth_acme_expiry    when ‖ bucket ‖ key → what may be forgotten when, and what with it
    hearth_acme_held      account ‖ kind ‖ … → the orders and authorizations of an account

so that no two requests of one account meet at one row, and housekeeping reads only what is old.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

import msgspec

from appliance.formats import gojson
from appliance.formats.timeorduration import parse_time
from appliance.model.acme import (
    AccountStatus,
    AuthorizationStatus,
    ChallengeStatus,
    Identifier,
    IdentifierType,
    OrderStatus,
)
from appliance.model.errors import Broken, FormatError
from appliance.ports.store import CompareAndSwap, Operation, Put, PutIfAbsent, Store

ACCOUNTS: Final = "acme_accounts"
ACCOUNTS_BY_KEY: Final = "acme_keyID_accountID_index"  # thumbprint → account id
AUTHORIZATIONS: Final = "acme_authzs"
CHALLENGES: Final = "acme_challenges"
ORDERS: Final = "acme_orders"
CERTIFICATES: Final = "acme_certs"
CERTIFICATES_BY_SERIAL: Final = "acme_serial_certs_index"
EXTERNAL_KEYS: Final = "acme_external_account_keys"
EXTERNAL_KEYS_BY_REFERENCE: Final = "acme_external_account_keyID_reference_index"
EXTERNAL_KEYS_BY_PROVISIONER: Final = "acme_external_account_keyID_provisionerID_index"
EXPIRY: Final = "hearth_acme_expiry"
FORMER_KEYS: Final = "hearth_acme_former_keys"
HELD: Final = "hearth_acme_held"

_NO_TIME: Final = "0001-01-01T00:00:00Z"  # Go's zero
_SECONDS: Final = 8  # octets of a time in keys
_OFFSET: Final = len("+00:00")
_ALONE: Final = b"1"  # value of an expiry of one row
_MORE: Final = msgspec.json.Decoder(list[tuple[str, str]])


class IdentifierRow(msgspec.Struct, frozen=True):
    """`type` may be of a kind that we do not serve."""

    type: str = ""
    value: str = ""

    @property
    def identifier(self) -> Identifier:
        """Give it as a value. Raises Broken for a type that is not ours."""
        try:
            return Identifier(type=IdentifierType(self.type), value=self.value)
        except ValueError:
            raise Broken("a row has an identifier of an unknown type", detail=self.type) from None


class SubproblemRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 8555 6.7.1."""

    type: str
    detail: str
    identifier: IdentifierRow | None = None


class ProblemRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem as it is stored and shown."""

    type: str
    detail: str
    subproblems: list[SubproblemRow] | None = None


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    """A value of acme_accounts. `key` is a JWK with its thumbprint as `kid`."""

    id: str
    key: dict[str, Any]
    contact: list[str] | None = None
    status: AccountStatus
    location_prefix: str = msgspec.field(name="locationPrefix", default="")
    provisioner_id: str = msgspec.field(name="provisionerID", default="")
    provisioner_name: str = msgspec.field(name="provisionerName", default="")
    created_at: str = msgspec.field(name="createdAt", default=_NO_TIME)
    deactivated_at: str = msgspec.field(name="deactivatedAt", default=_NO_TIME)


class OrderRow(msgspec.Struct, frozen=True):
    """A value of acme_orders."""

    id: str
    account_id: str = msgspec.field(name="accountID")
    provisioner_id: str = msgspec.field(name="provisionerID")
    identifiers: list[IdentifierRow]
    authorization_ids: list[str] = msgspec.field(name="authorizationIDs")
    status: OrderStatus
    not_before: str = msgspec.field(name="notBefore", default=_NO_TIME)
    not_after: str = msgspec.field(name="notAfter", default=_NO_TIME)
    created_at: str = msgspec.field(name="createdAt", default=_NO_TIME)
    expires_at: str = msgspec.field(name="expiresAt", default=_NO_TIME)
    certificate: str = ""
    error: ProblemRow | None = None


class AuthorizationRow(msgspec.Struct, frozen=True):
    """A value of acme_authzs. The identifier of a wildcard is without `*.`."""

    id: str
    account_id: str = msgspec.field(name="accountID")
    identifier: IdentifierRow
    status: AuthorizationStatus
    token: str
    fingerprint: str = ""  # of the attested key
    challenge_ids: list[str] = msgspec.field(name="challengeIDs", default_factory=list)
    wildcard: bool = False
    created_at: str = msgspec.field(name="createdAt", default=_NO_TIME)
    expires_at: str = msgspec.field(name="expiresAt", default=_NO_TIME)
    error: ProblemRow | None = None


class ChallengeRow(msgspec.Struct, frozen=True):
    """A value of acme_challenges. `type` may be of a kind that we do not serve."""

    id: str
    account_id: str = msgspec.field(name="accountID")
    type: str
    status: ChallengeStatus
    token: str
    value: str
    target: str = ""
    validated_at: str = msgspec.field(name="validatedAt", default="")
    created_at: str = msgspec.field(name="createdAt", default=_NO_TIME)
    error: ProblemRow | None = None


class CertificateRow(msgspec.Struct, frozen=True):
    """A value of acme_certs; leaf and intermediates are PEM."""

    id: str
    created_at: str = msgspec.field(name="createdAt")
    account_id: str = msgspec.field(name="accountID")
    order_id: str = msgspec.field(name="orderID")
    leaf: bytes
    intermediates: bytes


class SerialRow(msgspec.Struct, frozen=True):
    """A value of acme_serial_certs_index."""

    serial: str
    certificate_id: str = msgspec.field(name="certificateID")


class ExternalKeyRow(msgspec.Struct, frozen=True):
    """A value of acme_external_account_keys; without its octets once it has bound an account."""

    id: str
    provisioner_id: str = msgspec.field(name="provisionerID")
    reference: str = ""
    account_id: str = msgspec.field(name="accountID", default="")
    key: bytes = b""
    created_at: str = msgspec.field(name="createdAt", default=_NO_TIME)
    bound_at: str = msgspec.field(name="boundAt", default=_NO_TIME)

    @property
    def is_bound(self) -> bool:
        """Say whether it has let an account in."""
        return self.bound_at != _NO_TIME


Row = (
    AccountRow
    | OrderRow
    | AuthorizationRow
    | ChallengeRow
    | CertificateRow
    | SerialRow
    | ExternalKeyRow
)
R = TypeVar("R", bound=Row)

_BUCKETS: Final[Mapping[type, str]] = {
    AccountRow: ACCOUNTS,
    OrderRow: ORDERS,
    AuthorizationRow: AUTHORIZATIONS,
    ChallengeRow: CHALLENGES,
    CertificateRow: CERTIFICATES,
    SerialRow: CERTIFICATES_BY_SERIAL,
    ExternalKeyRow: EXTERNAL_KEYS,
}
_OMITTED: Final[Mapping[type, tuple[bytes, ...]]] = {
    AccountRow: (b',"contact":null', b',"provisionerID":""'),
    OrderRow: (b',"certificate":""', b',"error":null'),
    AuthorizationRow: (b',"fingerprint":""',),
    ChallengeRow: (b',"target":""',),
    ExternalKeyRow: (b',"accountID":""',),
}
"""What is left out where it is empty. No text has these octets in it: its quotes are escaped."""
_DECODED: Final[Mapping[type, Callable[[bytes], Any]]] = {
    each: msgspec.json.Decoder(each).decode for each in _BUCKETS
} | {
    # asked for again and again: whose account it is, and what belongs to orders under way
    each: lru_cache(maxsize=200)(msgspec.json.Decoder(each).decode)
    for each in (AccountRow, OrderRow, AuthorizationRow, ChallengeRow)
}


class Held(msgspec.Struct, Generic[R], frozen=True):
    """A row with its octets: what a change of it is compared with."""

    row: R
    raw: bytes

    def created(self) -> Operation:
        """Add it; the transaction conflicts when its key is taken."""
        return PutIfAbsent(_BUCKETS[type(self.row)], _key(self.row), self.raw)

    def becomes(self, new: "Held[R]") -> Operation:
        """Replace it; the transaction conflicts when somebody else did so meanwhile."""
        return CompareAndSwap(_BUCKETS[type(self.row)], _key(self.row), self.raw, new.raw)

    def changed(self, row: R) -> Operation:
        """Replace it by a row; the transaction conflicts when somebody else did so meanwhile."""
        return self.becomes(encoded(row))

    def removed(self) -> Operation:
        """Remove it; the transaction conflicts when somebody has changed it meanwhile."""
        return CompareAndSwap(_BUCKETS[type(self.row)], _key(self.row), self.raw, None)

    def unchanged(self) -> Operation:
        """Make the transaction conflict when somebody has changed it meanwhile."""
        return self.becomes(self)


# ---- what to write


def created(row: Row) -> Operation:
    """Add a row; the transaction conflicts when its key is taken."""
    return encoded(row).created()


def encoded(row: R) -> Held[R]:
    """Give a row with the octets that it will have."""
    return Held(row, encode(row))


def encode(row: Row) -> bytes:
    """Write a row as step-ca writes it, members that it leaves out included."""
    octets = gojson.encode(row)
    for empty in _OMITTED.get(type(row), ()):
        octets = octets.replace(empty, b"")
    return octets


def expiring(at: datetime, bucket: str, key: str, *more: tuple[str, str]) -> Operation:
    """Note that a row may be forgotten at a time, and with it `more`: buckets and keys."""
    first = seconds(at) + bucket.encode() + b"\0" + key.encode()
    return Put(EXPIRY, first, msgspec.json.encode(more) if more else _ALONE)


def seconds(at: datetime) -> bytes:
    """Write a time so that keys sort by it."""
    return max(0, int(at.timestamp())).to_bytes(_SECONDS)


def read_expiring(key: bytes, value: bytes = _ALONE) -> list[tuple[str, bytes]]:
    """Give buckets and keys of what an expiry is of. Raises Broken."""
    bucket, _, rest = key[_SECONDS:].partition(b"\0")
    try:
        more = () if value == _ALONE else _MORE.decode(value)
    except msgspec.DecodeError as error:
        raise Broken("a row of the database cannot be read", detail=f"{EXPIRY}: {error}") from error
    return [(bucket.decode(), rest), *((each, name.encode()) for each, name in more)]


# ---- reading back


async def find(store: Store, kind: type[R], key: str) -> Held[R] | None:
    """Read a row; None when there is none. Raises Broken for one that is damaged."""
    raw = await store.get(_BUCKETS[kind], key.encode())
    if raw is None:
        return None
    try:
        return Held(_DECODED[kind](raw), raw)
    except msgspec.DecodeError as error:
        raise Broken(
            "a row of the database cannot be read", detail=f"{_BUCKETS[kind]}/{key}: {error}"
        ) from error


def decoded(kind: type[R], raw: bytes) -> R:
    """Read the octets of a row. Raises msgspec.DecodeError."""
    row: R = _DECODED[kind](raw)
    return row


async def former_thumbprints(store: Store, account_id: str) -> tuple[str, ...]:
    """Give those of the keys that an account had before (draft-ietf-acme-dns-persist-02 4.2)."""
    prefix = former_key(account_id, "")
    rows = await store.scan(FORMER_KEYS, start=prefix, stop=prefix + b"\xff")
    return tuple(key[len(prefix) :].decode() for key, _ in rows)


def former_key(account_id: str, thumbprint: str) -> bytes:
    """Give the key of a row that says that an account had a key."""
    return f"{account_id}\0{thumbprint}".encode()


def read_time(text: str) -> datetime:
    """Read a time of a row. Raises Broken."""
    try:
        return parse_time(text)
    except FormatError as error:
        raise Broken("a time in the database cannot be read", detail=text) from error


def write_time(at: datetime) -> str:
    """Write a time as step-ca's rows have it: in UTC, by the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds")[:-_OFFSET] + "Z"


def _key(row: Row) -> bytes:
    return (row.serial if isinstance(row, SerialRow) else row.id).encode()
