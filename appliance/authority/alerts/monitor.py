"""The watch over the box and its certificates: what is wrong becomes an alert, and is told once.

    events ─▶ lines (habits) · refusals · watched names ─┐
    conditions of the box ───────────────────────────────┼─▶ found ─▶ changes ─▶ rows ─▶ courier
    ends of the CA's own certificates and lists ─▶ conditions

One `step` looks at everything, with the time as the clock has it; it is taken every ten seconds.
What is heard between two steps is learned at once, and never so much of it in a row that requests
would feel it. Alerts and what waits to be told are written in one transaction. When the store can
not be written, which may be what is to be told, alerts go out all the same and are written later.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import trio

from appliance.authority.alerts import changes, habits, records, rules
from appliance.authority.alerts.delivery import Courier
from appliance.authority.alerts.lines import Lines
from appliance.authority.conditions import ConditionBoard
from appliance.formats.prometheus import Family
from appliance.model.alerts import (
    Alert,
    AlertReport,
    Burst,
    Change,
    Delivery,
    Finding,
    Mute,
    Notice,
    Watch,
)
from appliance.model.conditions import Severity
from appliance.model.errors import BadRequest, HearthError, NotFound
from appliance.model.events import Event, EventKind
from appliance.model.inventory import CertificateKind, CertificateSummary
from appliance.model.tokens import TokenStatus
from appliance.model.validity import Validity
from appliance.ports.clock import Clock
from appliance.ports.events import EventSink
from appliance.ports.store import Operation, Store

log = logging.getLogger(__name__)

End: TypeAlias = tuple[str, Validity | None]
"""The name of a condition, and its time; None: it should be there and is not."""

_LOOK: Final = 10  # seconds between two steps
_LISTEN: Final = 1.0  # seconds between two looks at what was heard
_AT_ONCE: Final = 200  # events that are learned in a row
_ROWS: Final = 200  # of one transaction
_SAVED: Final = timedelta(minutes=5)  # between two notes of how far issuances were looked at
_MOST_EVENTS: Final = 100_000  # between two steps
_SHOWN: Final = 50  # alerts that are over
_MOST_WATCHED: Final = 100  # notices of watched issuances in one step
USUAL_BURST: Final = Burst()
_HABITS: Final = ("renewal-late", "host-quiet")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPolicy:
    """What is watched, and what is not wanted. `authority` names the CA in notices."""

    authority: str = ""
    watches: tuple[Watch, ...] = ()
    burst: Burst = USUAL_BURST
    disabled: frozenset[str] = frozenset()  # rules
    holds: Mapping[str, timedelta] = field(default_factory=dict)


class Alerts:
    """An EventSink that hands on what it hears, and watches."""

    def __init__(
        self, events: EventSink, store: Store, clock: Clock, conditions: ConditionBoard
    ) -> None:
        self._events = events
        self._store = store
        self._clock = clock
        self._conditions = conditions
        self._policy = AlertPolicy()
        self._ends: Callable[[], Iterable[End]] = tuple
        self._ending: set[str] = set()
        self._heard: deque[Event] = deque(maxlen=_MOST_EVENTS)
        self._watched: list[Alert] = []  # since the last step
        self._refusals: deque[datetime] = deque(maxlen=_MOST_EVENTS)
        self._tries: dict[str, int] = {}
        self._open: dict[str, Alert] = {}
        self._mutes: dict[str, Mute] = {}
        self._lines = Lines(store)
        self._unwritten: list[Operation] = []
        self._able_since: datetime | None = clock.now()
        self._saved: datetime | None = None
        self._told = 0
        self._loaded = False
        self.courier = Courier(store, clock)

    def record(self, event: Event) -> None:
        """Hand the event on, and keep it for the next step."""
        self._events.record(event)
        if event.kind not in (EventKind.WARNED, EventKind.NOTED):
            self._heard.append(event)

    def token_changed(self, status: TokenStatus) -> None:
        """Take note of a token: tries of its PIN that were lost are a condition of the box."""
        if (left := status.tries_left) is None:
            return
        most = self._tries[status.name] = max(left, self._tries.get(status.name, 0))
        self._conditions.report(
            f"token-pin:{status.name}",
            ok=left >= most,
            text="" if left >= most else f"{left} tries of its PIN are left, of {most}",
            severity=Severity.CRITICAL if left <= 1 else Severity.WARNING,
        )

    def token_left(self, name: str) -> None:
        """Forget a token that is not used any more."""
        self._tries.pop(name, None)
        self._conditions.forget(f"token-pin:{name}")

    def configure(self, policy: AlertPolicy, ends: Callable[[], Iterable[End]]) -> None:
        """Watch by this policy from now on. `ends` gives what ends when, by condition names."""
        self._policy = policy
        self._ends = ends

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Watch and tell until cancelled; no fault of it ends the server."""
        async with trio.open_nursery() as tasks:
            await self._tried(self.load)
            task_status.started()
            tasks.start_soon(self.courier.run)
            while True:
                await self._tried(self.step)
                for _ in range(_LOOK):
                    await trio.sleep(_LISTEN)
                    await self._tried(self._listen)

    async def load(self) -> None:
        """Take up what was known when the server ended, and what was issued since. Raises Broken.

        Certificates that were issued before there were alerts teach habits, too.
        """
        async for alert in records.rows(self._store, records.OPEN, Alert):
            self._open[alert.name] = alert
        async for mute in records.rows(self._store, records.MUTES, Mute):
            self._mutes[mute.name] = mute
        await self.courier.load()
        await self._lines.load()
        seen = await records.read_seen(self._store)
        for summary in await self._lines.issued_since(seen, self._clock.now()):
            self._lines.follow(habits.of_summary(summary))
            if seen is not None:
                self._heard.append(_event(summary))
        self._loaded = True

    async def step(self) -> None:
        """Look at everything once. Raises Broken when it cannot be written."""
        if not self._loaded:
            await self.load()
        await self._listen()
        now, watched = self._clock.now(), self._watched[:_MOST_WATCHED]
        if len(self._watched) > _MOST_WATCHED:
            log.warning("%d watched issuances at once: not all are told", len(self._watched))
        self._watched = []
        self._judge_ends(now)
        outcome = changes.told(
            self._open, self._found(now), now,
            mutes=self._mutes.values(), holds=self._hold,
        )  # fmt: skip
        notices = [
            *(self._notice(change, alert, now) for change, alert in outcome.notices),
            *(self._notice(Change.NOTED, alert, now) for alert in watched),
        ]
        operations: list[Operation] = [
            records.opened(alert)
            for name, alert in outcome.open.items()
            if self._open.get(name) != alert
        ]
        for alert in outcome.ended:
            operations += records.ended(alert, now)
        operations += [records.noted(alert, now) for alert in watched]
        self._open = dict(outcome.open)
        await self._tell(notices, operations, now)

    async def report(self) -> AlertReport:
        """Give all that is known. Raises Broken."""
        now = self._clock.now()
        return AlertReport(
            open=sorted(self._open.values(), key=lambda each: (-each.severity.rank, each.name)),
            ended=await records.last_ended(self._store, _SHOWN),
            pending=self.courier.pending,
            mutes=[each for each in self._mutes.values() if not each.until or each.until > now],
            conditions=self._conditions.conditions(),
            targets=self.courier.targets,
        )

    async def mute(self, mute: Mute) -> None:
        """Do not tell of an alert or a rule. Raises BadRequest, Broken."""
        if not mute.name or (mute.until is not None and mute.until <= self._clock.now()):
            raise BadRequest("name an alert or a rule, and a time that is to come")
        await self._store.commit([records.muted(mute)])
        self._mutes[mute.name] = mute

    async def unmute(self, name: str) -> None:
        """Tell of it again. Raises NotFound, Broken."""
        if name not in self._mutes:
            raise NotFound(f"'{name}' is not muted")
        await self._store.commit([records.unmuted(name)])
        del self._mutes[name]

    async def test(self, target: str = "") -> list[Delivery]:
        """Send a test to a target, or to all, now. Raises NotFound, BadRequest without targets."""
        if not self.courier.targets:
            raise BadRequest("nobody is told of alerts: `alerts.targets` of ca.json is empty")
        now = self._clock.now()
        alert = Alert(
            name="test", severity=Severity.NOTICE, text="this is a test: alerts reach you",
            since=now, opened_at=now,
        )  # fmt: skip
        return await self.courier.try_out(self._notice(Change.TEST, alert, now), target)

    def families(self) -> list[Family]:
        """Give alerts as numbers."""
        firing: dict[str, int] = {}
        for each in self._open.copy().values():
            firing[each.rule] = firing.get(each.rule, 0) + 1
        waiting = dict.fromkeys(self.courier.targets, 0)
        for row in self.courier.pending:
            waiting[row.target] = waiting.get(row.target, 0) + 1
        ends = [
            ((("name", name),), validity.not_after.timestamp())
            for name, validity in self._ends()
            if validity is not None
        ]
        return [
            Family(
                name="hearth_end_timestamp_seconds",
                help="When certificates and lists of the CA itself end, since 1970",
                kind="gauge",
                samples=ends,
            ),
            Family(
                name="hearth_alerts_firing",
                help="Number of alerts that are not over",
                kind="gauge",
                samples=[((("rule", rule),), count) for rule, count in firing.items()] or [((), 0)],
            ),
            Family(
                name="hearth_alerts_undelivered",
                help="Number of notices that a target has not taken yet",
                kind="gauge",
                samples=[((("target", name),), count) for name, count in waiting.items()],
            ),
        ]

    # ---- what is found

    async def _listen(self) -> None:
        """Learn from what was heard, some of it at a time, and keep issuances that are watched."""
        while self._heard and self._loaded:
            now = self._clock.now()
            for _ in range(min(len(self._heard), _AT_ONCE)):
                event = self._heard.popleft()
                self._lines.heard(event)
                if event.kind is EventKind.REFUSED:
                    self._refusals.append(event.at)
                self._watched += self._wanted(event, now)
            await trio.lowlevel.checkpoint()

    def _wanted(self, event: Event, now: datetime) -> list[Alert]:
        """Give what is to be told of an issuance."""
        return [
            Alert(
                name=f"watched:{watch.title}", severity=Severity.NOTICE,
                text=rules.issued_text(event), since=event.at, opened_at=now, ended_at=now,
            )
            for watch in self._policy.watches
            if rules.wants(watch, event) and self._is_wanted(f"watched:{watch.title}", now)
        ]  # fmt: skip

    def _is_wanted(self, name: str, now: datetime) -> bool:
        return not any(mute.covers(name, now) for mute in self._mutes.values())

    def _judge_ends(self, now: datetime) -> None:
        """Report how near the ends are, and how many were refused, as conditions."""
        report = self._conditions.report
        names = set()
        for name, validity in self._ends():
            limit = rules.ENDINGS[name.partition(":")[0]]
            found = rules.ending(name, validity, now, limit)
            report(name, ok=found.ok, text=found.text, severity=found.severity)
            names.add(name)
        for name in self._ending - names:
            self._conditions.forget(name)
        self._ending = names
        burst = self._policy.burst
        while self._refusals and self._refusals[0] <= now - burst.within:
            self._refusals.popleft()
        ok, text = rules.refusals(self._refusals, now, burst)
        report("refusals", ok=ok, text="" if ok else text)

    def _found(self, now: datetime) -> list[Finding]:
        """Give all that is wrong now and wanted."""
        conditions = self._conditions.conditions()
        found = [
            Finding(name=each.name, since=each.since, text=each.text, severity=each.severity)
            for each in conditions
            if not each.ok
        ]
        if not rules.is_able(conditions):
            self._able_since = None
        elif self._able_since is None:
            self._able_since = now
        if self._able_since is None:  # nobody can renew: that alone is the news
            found += [_again(each) for each in self._open.values() if each.rule in _HABITS]
        else:
            found += self._lines.findings(now, self._able_since)
        return [each for each in found if each.rule not in self._policy.disabled]

    def _hold(self, rule: str) -> timedelta:
        usual = changes.HOLDS.get(rule, timedelta())
        return self._policy.holds.get(rule, usual)

    # ---- what is told

    def _notice(self, change: Change, alert: Alert, now: datetime) -> Notice:
        self._told += 1
        id_ = f"{int(now.timestamp() * 1_000_000):016x}-{self._told:04x}"
        return changes.notice(change, alert, now, id=id_, authority=self._policy.authority)

    async def _tell(
        self, notices: list[Notice], operations: list[Operation], now: datetime
    ) -> None:
        rows = [row for notice in notices for row in self.courier.addressed(notice)]
        for notice in notices:
            level = logging.INFO if notice.change is Change.RECOVERED else logging.WARNING
            log.log(level, "alert %s (%s): %s", notice.name, notice.change, notice.text)
        try:
            await self._write([*operations, *map(records.pending, rows)])
        finally:
            self.courier.send(rows)
        await self._note_lines(now)

    async def _write(self, operations: list[Operation]) -> None:
        """Write what was told before anybody is told; what could not be is written next time."""
        told = [each for each in self._unwritten if not self.courier.has_delivered(each)]
        self._unwritten = [*told, *operations]
        if self._unwritten:
            await self._store.commit(self._unwritten)
        self._unwritten = []

    async def _note_lines(self, now: datetime) -> None:
        """Write what was learned of lines, a little at a time: a load leaves thousands of them.

        When all of it is written, so is, now and again, until when issuances were looked at.
        """
        self._lines.tidy(now)
        while some := self._lines.changes(_ROWS):
            await self._store.note(some)
            self._lines.written()
            await trio.lowlevel.checkpoint()
        if self._saved is None or not timedelta() <= now - self._saved < _SAVED:
            self._saved = now
            await self._store.note([records.seen(now), *await records.too_old(self._store)])
            await self.courier.trim()

    async def _tried(self, deed: Callable[[], Awaitable[None]]) -> None:
        try:
            await deed()
        except HearthError as error:
            log.warning("alerts cannot be recorded: %s", error)
        except Exception:
            log.exception("the watch met a fault")


def _again(alert: Alert) -> Finding:
    return Finding(name=alert.name, since=alert.since, text=alert.text, severity=alert.severity)


def _event(summary: CertificateSummary) -> Event:
    ssh = summary.kind is CertificateKind.SSH
    return Event(
        at=summary.issued_at,
        kind=EventKind.ISSUED,
        operation="ssh-sign" if ssh else "sign",
        subject=summary.subject,
        sans=summary.sans,
        provisioner=summary.provisioner,
        provisioner_type=summary.provisioner_type,
        serial=summary.serial,
        certificate_type=summary.certificate_type,
        not_before=summary.not_before,
        not_after=summary.not_after,
    )
