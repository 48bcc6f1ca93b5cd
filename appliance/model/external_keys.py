"""Keys for external account binding (RFC 8555 7.3.4), as whoever operates the CA sees them."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalKey:
    """A key that lets one new ACME account in; its secret is not among what is shown.

    `names` are the patterns of what its account may order; none: anything. After `not_after` it
    binds no account any more.
    """

    id: str
    provisioner: str  # its name
    reference: str = ""
    created_at: datetime
    bound_at: datetime | None = None
    account: str = ""  # the one that it let in
    names: tuple[str, ...] = ()
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalKeyOrder:
    """A wish for a new key."""

    provisioner: str
    reference: str = ""
    names: tuple[str, ...] = ()
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExternalKey:
    """A new key with its secret, which is shown this once."""

    key: ExternalKey
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalKeyQuery:
    """Which keys of a provisioner: the one with a reference, or all. `cursor` is a page's."""

    provisioner: str
    reference: str = ""
    cursor: str = ""
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalKeyPage:
    """Some keys, the oldest first; `cursor` is empty on the last page."""

    keys: tuple[ExternalKey, ...]
    cursor: str
