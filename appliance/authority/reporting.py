"""Every attempt ends as one event: what was done, or why not, for whom, and how long it took."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from types import TracebackType

from msgspec import Struct
from msgspec.structs import replace

from appliance.authority import journal
from appliance.model.errors import HearthError
from appliance.model.events import Event, EventKind
from appliance.model.grants import ProvisionerRef
from appliance.model.inventory import Origin
from appliance.model.names import San
from appliance.model.validity import Validity
from appliance.ports.clock import Clock
from appliance.ports.events import EventSink
from appliance.ports.store import Operation


class Context(Struct, frozen=True, kw_only=True):
    """Who asks: the address of the client, and the id of its request."""

    client: str
    request_id: str


class Attempt:
    """Gathers what becomes known of one request; leaving it as a context records the event.

    Left by an error, it was refused. A cancelled one is not recorded: its outcome is not known.
    """

    reached: datetime  # the end of the last step
    _started: datetime

    def __init__(self, operation: str, context: Context, clock: Clock, events: EventSink) -> None:
        self._operation, self._context = operation, context
        self._clock, self._events = clock, events
        self._kind = EventKind.REFUSED
        self._subject = ""
        self._sans: tuple[str, ...] = ()
        self._provisioner: ProvisionerRef | None = None
        self._serial: int | None = None
        self._validity: Validity | None = None
        self._reason = ""
        self._certificate_type = ""
        self._asked_by = ""
        self._replaces: int | None = None
        self._fingerprint = ""
        self._journaled = False
        self._steps: dict[str, float] = {}

    def passed(self, step: str) -> None:
        """Note that a step ends now: `authorize`, `webhooks`, `decide`, `sign`, `record`."""
        now, steps = self._clock.now(), self._steps
        spent = (now - self.reached).total_seconds()
        self.reached = now
        steps[step] = steps.get(step, 0.0) + (spent if spent > 0 else 0.0)

    def about(self, subject: str, sans: Iterable[San]) -> None:
        """Note whom it is about."""
        self._subject, self._sans = subject, tuple([san.value for san in sans])

    def about_ssh(self, key_id: str, principals: Iterable[str], kind: str) -> None:
        """Note whom an SSH certificate is about; `kind` is user, host or not known."""
        self._subject, self._sans, self._certificate_type = key_id, tuple(principals), kind

    def allowed_by(self, provisioner: ProvisionerRef | None) -> None:
        """Note who allows it."""
        self._provisioner = provisioner
        if not self._steps:
            self.passed("authorize")

    def asked(self, credential: str) -> None:
        """Note by which credential: `token 7c5f…`, `certificate 0x2c…`, `account …`."""
        self._asked_by = credential

    def replacing(self, serial: int, credential: str = "") -> None:
        """Note which certificate is to be renewed or rekeyed; its holder asks, unless told."""
        self._replaces = serial
        self._asked_by = credential or f"certificate {serial:#x}"

    @property
    def origin(self) -> Origin:
        """How a certificate that comes of it came about."""
        return Origin(
            operation=self._operation,
            client=self._context.client,
            asked_by=self._asked_by,
            replaces=self._replaces,
        )

    def written(
        self,
        kind: EventKind,
        serial: int,
        validity: Validity | None,
        *,
        certificate: bytes = b"",
        reason: str = "",
    ) -> Operation:
        """Give what writes into the journal that it is done, for the transaction that does it."""
        fingerprint = sha256(certificate).hexdigest() if certificate else ""
        self._fingerprint, self._journaled = fingerprint, True
        return journal.row(self._event(kind, reason, serial, validity or self._validity))

    def of(self, serial: int, validity: Validity | None = None) -> None:
        """Note which certificate it is about."""
        self._serial, self._validity = serial, validity

    def succeeded(self, kind: EventKind, reason: str = "") -> None:
        """Note that it is done."""
        self._kind, self._reason = kind, reason
        self.passed("record")

    def __enter__(self) -> "Attempt":
        """Begin."""
        self._started = self._clock.now()
        self.reached = self._started
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Record how it ended."""
        if isinstance(error, Exception):
            self._kind = EventKind.REFUSED
            self._reason = str(error) if isinstance(error, HearthError) else "internal error"
            self._fingerprint, self._journaled = "", False
        elif error is not None:
            return
        self._events.record(self._event(self._kind, self._reason, self._serial, self._validity))

    def _event(
        self, kind: EventKind, reason: str, serial: int | None, validity: Validity | None
    ) -> Event:
        now, provisioner = self._clock.now(), self._provisioner
        return Event(
            at=now,
            kind=kind,
            operation=self._operation,
            subject=self._subject,
            sans=self._sans,
            provisioner=provisioner.name if provisioner else "",
            provisioner_type=provisioner.type if provisioner else "",
            serial=serial,
            certificate_type=self._certificate_type,
            not_before=validity.not_before if validity else None,
            not_after=validity.not_after if validity else None,
            reason=reason,
            client=self._context.client,
            request_id=self._context.request_id,
            took=(now - self._started).total_seconds(),
            asked_by=self._asked_by,
            replaces=self._replaces,
            fingerprint=self._fingerprint,
            steps=tuple(self._steps.items()),
            journaled=self._journaled,
        )


def of_the_box(operation: str, text: str, now: datetime, *, ok: bool = True) -> Event:
    """Make the event of something that the box or its operator did, or failed to do."""
    return replace(
        journal.noted(operation, now, text), kind=EventKind.NOTED if ok else EventKind.WARNED
    )


def refused(
    operation: str,
    context: Context,
    provisioner: ProvisionerRef | None,
    reason: str,
    now: datetime,
    events: EventSink,
) -> None:
    """Tell of a request that was refused before there was an attempt."""
    events.record(
        Event(
            at=now,
            kind=EventKind.REFUSED,
            operation=operation,
            provisioner=provisioner.name if provisioner else "",
            provisioner_type=provisioner.type if provisioner else "",
            reason=reason,
            client=context.client,
            request_id=context.request_id,
        )
    )
