"""What happened, as the log, the console and the journal tell it."""

import enum
from datetime import datetime

from msgspec import Struct


class EventKind(enum.StrEnum):
    """What a certificate authority does that a person wants to see."""

    ISSUED = "issued"
    RENEWED = "renewed"
    REKEYED = "rekeyed"
    REVOKED = "revoked"
    REFUSED = "refused"
    WARNED = "warned"  # it was done, and something about it is not as it should be
    NOTED = "noted"  # of the box itself: a start, a reload, an account, a token, an operator's deed


class Event(Struct, frozen=True, kw_only=True):
    """One thing that happened. Empty fields are not known (a refused request may name nothing)."""

    at: datetime
    kind: EventKind
    operation: str  # sign, renew, rekey, revoke; ssh-sign, ssh-renew, ssh-rekey, ssh-revoke; others
    subject: str = ""  # common name; of an SSH certificate its key id
    sans: tuple[str, ...] = ()  # of an SSH certificate its principals
    provisioner: str = ""  # its name
    provisioner_type: str = ""
    serial: int | None = None
    certificate_type: str = ""  # of SSH: user or host, where that is known
    not_before: datetime | None = None
    not_after: datetime | None = None
    reason: str = ""  # of a refusal or a revocation
    client: str = ""  # address
    request_id: str = ""
    took: float = 0.0  # seconds
    asked_by: str = ""  # by which credential: `token 7c5f…`, `certificate 0x2c…`, `account …`
    replaces: int | None = None  # the serial number of what was renewed or rekeyed
    fingerprint: str = ""  # SHA-256 of the certificate, in hexadecimal
    steps: tuple[tuple[str, float], ...] = ()  # seconds of each
    journaled: bool = False  # written with what it tells

    @property
    def is_ssh(self) -> bool:
        """Say whether it is about an SSH certificate."""
        return self.operation.startswith("ssh-")


class NumberedEvent(Struct, frozen=True, kw_only=True):
    """An event with its place in the ring: numbers rise by one; gaps are dropped ones."""

    number: int
    event: Event
