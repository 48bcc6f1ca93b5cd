"""The journal of events: entries that are chained, so that none can be changed unseen."""

from dataclasses import dataclass
from datetime import datetime

from appliance.model.events import Event, EventKind


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One entry as it is stored: `body` is JSON, `previous` the hash of the entry before it."""

    number: int
    previous: bytes
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEvent:
    """What an entry tells. `checkpoint`: entries up to this `number:hash` have been removed."""

    number: int
    event: Event
    checkpoint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalQuery:
    """Which entries to give; empty fields select nothing.

    Oldest first from behind the number `after`, or with `newest_first` back from before the number
    `before` (0: from the end). Of nothing new, the answer waits up to `wait` seconds. `name` is a
    whole subject, name or principal, or `*.example.com`.
    """

    kinds: tuple[EventKind, ...] = ()
    operation: str = ""
    name: str = ""
    provisioner: str = ""
    client: str = ""
    serial: str = ""  # what a serial number begins with, as of CertificateQuery
    since: datetime | None = None
    until: datetime | None = None
    after: int = 0
    before: int = 0
    newest_first: bool = False
    limit: int = 100
    wait: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPage:
    """Some entries. `reached` is the number to go on from; `complete` says that none is left."""

    entries: tuple[JournalEntry, ...]
    reached: int
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEvents:
    """A JournalPage as it can be read; entries that cannot be are in `unread`, by their numbers."""

    events: tuple[JournalEvent, ...]
    unread: tuple[int, ...] = ()
    reached: int
    complete: bool
