"""Issued certificates as the inventory lists them."""

import enum
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct


class CertificateState(enum.StrEnum):
    """Where a certificate is in its life, at a given time."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class CertificateKind(enum.StrEnum):
    """What is listed together; serial numbers are of one kind alone."""

    X509 = "x509"
    SSH = "ssh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """As recorded. `reason_code` is RFC 5280 5.3.1's, 0 to 10."""

    at: datetime
    reason_code: int
    reason: str
    provisioner_id: str = ""  # who allowed it
    means: str = ""  # by what: `token …`, `ACME`, `the certificate itself`; empty: not known


class Origin(Struct, frozen=True, kw_only=True):
    """How a certificate came about."""

    operation: str  # sign, renew, rekey; ssh-sign, ssh-renew, ssh-rekey
    client: str = ""  # the address that asked
    asked_by: str = ""  # by which credential: `token 7c5f…`, `certificate 0x2c…`, `account …`
    replaces: int | None = None  # the serial number of what was renewed or rekeyed


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSummary:
    """One line of the inventory."""

    serial: int
    subject: str  # of an SSH certificate its key id
    sans: tuple[str, ...]  # of an SSH certificate its principals
    provisioner: str
    provisioner_type: str
    not_before: datetime
    not_after: datetime
    issued_at: datetime
    state: CertificateState
    revocation: Revocation | None = None
    kind: CertificateKind = CertificateKind.X509
    certificate_type: str = ""  # of SSH: user or host


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateDetail:
    """One certificate with its bytes."""

    summary: CertificateSummary
    der: bytes  # of an SSH certificate what it is on the wire
    origin: Origin | None = None  # None: not known, as of certificates of an older database
    before: tuple[int, ...] = ()  # what it was renewed from, and that from, the first one first
    renewed_by: tuple[int, ...] = ()  # the newest last


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateQuery:
    """What to list, newest first unless expiry bounds are given (then soonest expiry first).

    `issued_after` and `issued_before`, as the bounds of expiry, are from the first moment on until
    before the second. `principal` is a principal of an SSH certificate, not its key id. `name`
    matches a whole DNS name, IP, email or URI of the certificate, or its common name (with
    SSH: a principal or the key id), and `*.example.com` any name below. `serial` is what a serial
    number begins with: decimal digits, or hexadecimal after `0x`, with colons, or with letters in
    it. `word` is what a name, or what follows a dot in it, begins with: for a search as one types;
    of more names than can be gathered in a moment, not all are found. `cursor` is what the page
    before ended with.
    """

    name: str = ""
    serial: str = ""
    provisioner: str = ""
    state: CertificateState | None = None
    expires_before: datetime | None = None
    expires_after: datetime | None = None
    limit: int = 100
    cursor: str = ""
    kind: CertificateKind = CertificateKind.X509
    principal: str = ""
    word: str = ""
    issued_after: datetime | None = None
    issued_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificatePage:
    """Some certificates, and where to go on; an empty cursor says that this was the last page."""

    certificates: tuple[CertificateSummary, ...]
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionerCounts:
    """How many certificates one provisioner granted, by their state."""

    provisioner: str  # its name; empty: not known
    active: int = 0
    expired: int = 0
    revoked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateCounts:
    """How many certificates of a kind there are, as of a moment."""

    kind: CertificateKind
    counted_at: datetime
    provisioners: tuple[ProvisionerCounts, ...]  # by name

    def total(self, state: CertificateState) -> int:
        """Give how many are in a state, whoever granted them."""
        return sum(getattr(each, state.value) for each in self.provisioners)
