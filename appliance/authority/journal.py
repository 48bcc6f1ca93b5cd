"""The journal: every event as a row, chained to the one before it (formats.chain).

    hearth_events    number    → hash of the entry before, then the event in JSON

An event that goes with rows of its own (a certificate, a revocation, an account) is written in
their transaction: it is there exactly when they are. Others, refusals above all, come through the
Journal, which gathers for a moment what it writes, and keeps strangers from filling the disk: of
refusals, MOST_REFUSALS a minute are written one by one, and of the others how many there were.

The order of entries is that of the transactions, decided by the store's one writer, so chaining
waits for nothing. Entries are removed from the front only, in transactions that end with a
checkpoint: an entry that says which was the last to go, and its hash.
"""

import logging
from collections import deque
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import takewhile
from typing import Final, final

import msgspec
import trio

from appliance.formats import chain
from appliance.model.errors import FormatError, HearthError
from appliance.model.events import Event, EventKind
from appliance.model.grants import ProvisionerRef
from appliance.model.journal import JournalEntry, JournalEvent
from appliance.ports.clock import Clock
from appliance.ports.events import EventSink
from appliance.ports.store import Append, Delete, Operation, Store

log = logging.getLogger(__name__)

EVENTS: Final = "hearth_events"
MOST_REFUSALS: Final = 120  # a minute
_MINUTE: Final = timedelta(minutes=1)
_MOST_WAITING: Final = 5000  # events that are not written yet
_AT_ONCE: Final = 500  # events, or removals, of one transaction
_WORTHWHILE: Final = 50  # entries to remove; each removal leaves one of its own
_PAUSE: Final = 0.1  # seconds between two transactions
_ENDING: Final = 5.0  # seconds for the last ones
_LONGEST: Final = 500  # characters of a text that a stranger chose
_MOST_NAMES: Final = 100


class _Body(msgspec.Struct, omit_defaults=True):
    """An entry's event. Serial numbers are decimal text: they are too large for JSON."""

    at: datetime
    kind: EventKind
    operation: str
    subject: str = ""
    sans: tuple[str, ...] = ()
    sans_omitted: int = 0
    provisioner: str = ""
    provisioner_type: str = ""
    serial: str = ""
    certificate_type: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    reason: str = ""
    client: str = ""
    request_id: str = ""
    asked_by: str = ""
    replaces: str = ""
    sha256: str = ""  # of the certificate
    checkpoint: str = ""


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(_Body)


def row(event: Event, *, checkpoint: str = "") -> Append:
    """Give what writes an event."""
    body = _Body(
        at=event.at.astimezone(UTC),
        kind=event.kind,
        operation=event.operation,
        subject=event.subject[:_LONGEST],
        sans=tuple([san[:_LONGEST] for san in event.sans[:_MOST_NAMES]]),
        sans_omitted=max(len(event.sans) - _MOST_NAMES, 0),
        provisioner=event.provisioner[:_LONGEST],
        provisioner_type=event.provisioner_type,
        serial="" if event.serial is None else str(event.serial),
        certificate_type=event.certificate_type,
        not_before=event.not_before,
        not_after=event.not_after,
        reason=event.reason[:_LONGEST],
        client=event.client,
        request_id=event.request_id[:_LONGEST],
        asked_by=event.asked_by[:_LONGEST],
        replaces="" if event.replaces is None else str(event.replaces),
        sha256=event.fingerprint,
        checkpoint=checkpoint,
    )
    return Append(EVENTS, _encoder.encode(body))


def read(entry: JournalEntry) -> JournalEvent:
    """Read what an entry tells. Raises FormatError."""
    try:
        body = _decoder.decode(entry.body)
        serial, replaces = (int(text) if text else None for text in (body.serial, body.replaces))
    except (msgspec.DecodeError, ValueError) as error:
        raise FormatError(f"entry {entry.number} cannot be read") from error
    event = Event(
        at=body.at,
        kind=body.kind,
        operation=body.operation,
        subject=body.subject,
        sans=body.sans,
        provisioner=body.provisioner,
        provisioner_type=body.provisioner_type,
        serial=serial,
        certificate_type=body.certificate_type,
        not_before=body.not_before,
        not_after=body.not_after,
        reason=body.reason,
        client=body.client,
        request_id=body.request_id,
        asked_by=body.asked_by,
        replaces=replaces,
        fingerprint=body.sha256,
        journaled=True,
    )
    return JournalEvent(number=entry.number, event=event, checkpoint=body.checkpoint)


@final
class Journal:
    """An EventSink that writes down what is not written yet, and hands everything on.

    Not `persistent`: without a database nothing is written.
    """

    def __init__(
        self, store: Store, clock: Clock, events: EventSink, *, persistent: bool = True
    ) -> None:
        self._store = store
        self._clock = clock
        self._events = events
        self.persistent = persistent
        self._waiting: deque[Event] = deque()
        self._dropped = 0
        self._minute = datetime.min.replace(tzinfo=UTC)
        self._refusals = 0  # of this minute
        self._left_out = 0
        self._token: trio.lowlevel.TrioToken | None = None
        self._wake = trio.Event()
        self._changed = trio.Event()
        self._readers = 0  # who wait for a change

    def record(self, event: Event) -> None:
        """Take the event, never wait, never raise; callable from any thread."""
        self._events.record(event)
        if not self.persistent:
            return
        if not event.journaled:
            self._take(event)
        elif not self._readers:
            return
        if self._token is not None:
            heed = self._tell if event.journaled else self._wake_up
            try:
                self._token.run_sync_soon(heed, idempotent=True)
            except trio.RunFinishedError:
                return

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write until cancelled, and the last ones then."""
        self._token = trio.lowlevel.current_trio_token()
        task_status.started()
        try:
            while True:
                with trio.move_on_after(_MINUTE.total_seconds()):
                    await self._wake.wait()
                await self.flush()
                await trio.sleep(_PAUSE)
        finally:
            with trio.move_on_after(_ENDING, shield=True):
                self._minute = datetime.min.replace(tzinfo=UTC)
                await self.flush()

    async def flush(self) -> None:
        """Write what has gathered. What cannot be written is told to the log, and given up."""
        self._wake = trio.Event()
        self._sum_up(self._clock.now())
        while self._waiting:
            some = [self._waiting.popleft() for _ in range(min(len(self._waiting), _AT_ONCE))]
            try:
                await self._store.commit([row(event) for event in some])
            except HearthError as error:
                log.warning("%d events could not be written down: %s", len(some), error)
                return
            self._tell()

    async def wait_changed(self, seconds: float) -> None:
        """Wait until something may have been written, for so long at most."""
        self._readers += 1
        try:
            with trio.move_on_after(seconds):
                await self._changed.wait()
        finally:
            self._readers -= 1

    def _wake_up(self) -> None:
        self._wake.set()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def _take(self, event: Event) -> None:
        if event.kind is EventKind.REFUSED:
            self._sum_up(event.at)
            self._refusals += 1
            if self._refusals > MOST_REFUSALS:
                self._left_out += 1
                return
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append(event)
        else:
            self._dropped += 1

    def _sum_up(self, now: datetime) -> None:
        """Begin another minute of refusals, and say what was left out in the one before."""
        if abs(now - self._minute) < _MINUTE:
            return
        self._minute, self._refusals = now, 0
        left_out, self._left_out = self._left_out, 0
        dropped, self._dropped = self._dropped, 0
        if left_out:
            self._waiting.append(_warning(now, f"{left_out} more refusals in a minute"))
        if dropped:
            self._waiting.append(_warning(now, f"{dropped} events could not be written in time"))


def noted(
    operation: str,
    now: datetime,
    reason: str,
    *,
    client: str = "",
    provisioner: ProvisionerRef | None = None,
) -> Event:
    """Make an event of the box itself, or of an account."""
    return Event(
        at=now,
        kind=EventKind.NOTED,
        operation=operation,
        provisioner=provisioner.name if provisioner else "",
        provisioner_type=provisioner.type if provisioner else "",
        reason=reason,
        client=client,
    )


def _warning(now: datetime, reason: str) -> Event:
    return Event(at=now, kind=EventKind.WARNED, operation="journal", reason=reason)


async def last(store: Store) -> chain.Link:
    """Give number and hash of the last entry. Raises Broken, FormatError."""
    rows = await store.scan(EVENTS, reverse=True, limit=1)
    return chain.read(*rows[0]).link if rows else chain.START


async def forget(store: Store, *, before: datetime, now: datetime) -> int:
    """Remove entries that are older, from the front on, and give how many that were.

    An entry that is younger, or cannot be read, keeps all behind it; the last one always stays.
    Raises Broken.
    """
    removed = 0
    while rows := await store.scan(EVENTS, limit=_AT_ONCE + 1):
        old = list(takewhile(partial(_is_older, moment=before), rows[:-1]))
        if len(old) < _WORTHWHILE:
            break
        link = chain.read(*old[-1]).link
        event = noted("journal-prune", now, f"{len(old)} entries before {before:%Y-%m-%d} removed")
        operations: list[Operation] = [Delete(EVENTS, key) for key, _ in old]
        await store.commit([*operations, row(event, checkpoint=str(link))])
        removed += len(old)
        if len(old) < _AT_ONCE:
            break
    return removed


def _is_older(pair: tuple[bytes, bytes], moment: datetime) -> bool:
    try:
        entry = chain.read(*pair)
        told = read(JournalEntry(number=entry.number, previous=entry.previous, body=entry.body))
    except FormatError:
        return False
    return told.event.at < moment
