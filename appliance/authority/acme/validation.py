"""Challenges are proven here, in the background (RFC 8555 8).

    begin ──▶ a task ──▶ look ──▶ proven ─────────────▶ settle: valid ──▶ CAA: warn
                          ▲  │
                          │  ├──▶ flawed for good ────▶ settle: invalid
                          │  │
                          └──┴──▶ not (yet) there ····▶ when patience is over, settle: invalid

A task holds nothing that others need but while it looks (looking.py). One that waits for its next
look costs a few kilobytes; the pauses between looks grow.

Nothing of this is written but that it is begun, and what came of each look, in the row of the
challenge, for its client to see. After a restart, those that are processing are looked at anew.
"""

import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, TypeAlias

import msgspec
import trio

from appliance.authority.acme import records
from appliance.authority.acme.authorizations import Authorization, Authorizations, Outcome
from appliance.authority.acme.caa import CaaLookup, CaaRecheck
from appliance.authority.acme.looking import Job, Looks, Probes, Seen, told
from appliance.authority.acme.patience import Patience
from appliance.authority.acme.records import AccountRow, ChallengeRow, Held
from appliance.authority.acme.tally import ChallengeTally
from appliance.issuance.acme import attestation, attestation_roots, challenges
from appliance.issuance.acme.attestation import Asked
from appliance.issuance.acme.checks import CaaMode
from appliance.issuance.acme.persistent import Holder
from appliance.issuance.acme.states import ChallengeEvent
from appliance.model.acme import (
    AccountStatus,
    AcmeError,
    AuthorizationStatus,
    ChallengeStatus,
    ChallengeType,
    ProblemType,
)
from appliance.model.errors import HearthError
from appliance.model.events import Event, EventKind
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.events import EventSink
from appliance.ports.store import Store
from appliance.provisioners.acme import AcmeProvisioner

log = logging.getLogger(__name__)

PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds between looks at what is not there yet; the last again and again."""

ProvisionerOf: TypeAlias = Callable[[AccountRow], AcmeProvisioner | None]
"""Finds whose account it is; None for a provisioner that is no more."""

_ALL: Final = frozenset(ChallengeType)
_BY_ACCOUNT: Final = frozenset({ChallengeType.DNS_ACCOUNT_01, ChallengeType.DNS_PERSIST_01})
_MOST: Final = 10_000  # challenges in work
_PAGE: Final = 500  # rows
_PROMPT: Final = 0.25  # seconds that a response waits for what is seen
_FINAL: Final = {ChallengeEvent.PROVEN: "met", ChallengeEvent.FAILED: "failed"}
_PENDING: Final = b'"pending"'  # part of the rows that are read at the start


def nobody(_: AccountRow) -> AcmeProvisioner | None:
    """Know no provisioner: nothing is resumed."""
    return None


class Validation:
    """Proves challenges; the tasks are those of `run`."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        chance: Chance,
        events: EventSink,
        probes: Probes,
        tally: ChallengeTally | None = None,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._store, self._clock, self._events = store, clock, events
        self._pauses = tuple(pauses)
        self._caa = CaaLookup(probes.dns, clock)
        self._caa_recheck = CaaRecheck(self._caa, store, clock)
        self._looks = Looks(probes, self._caa, clock)
        self._authorizations = Authorizations(
            store=store, clock=clock, chance=chance, validator=self
        )
        self._tasks: trio.Nursery | None = None  # while it works
        self._waiting: list[tuple[Job, trio.Event]] = []  # until it does
        self._in_work: set[str] = set()  # ids of challenges
        self._patience = Patience(_PROMPT)
        self.tally = tally or ChallengeTally()

    @property
    def types(self) -> frozenset[ChallengeType]:
        """The types that it can prove: all."""
        return _ALL

    async def begin(
        self,
        found: Authorization,
        challenge: Held[ChallengeRow],
        *,
        provisioner: AcmeProvisioner,
        thumbprint: str,
        account_url: str,
        payload: bytes,
    ) -> None:
        """Take a challenge whose client is ready. Raises AcmeError when there are too many.

        What a device attests is judged here and now: there is nobody to ask. A target that answers
        promptly is waited for, so that the client need not ask again; not one that others wait for.
        """
        job = await self._job(found, challenge, provisioner, thumbprint, account_url)
        if job.type is ChallengeType.DEVICE_ATTEST_01:
            await self._settle(job, self._attested(job, provisioner, payload))
            return
        if self.tally.in_work >= _MOST:
            problem = AcmeError(
                ProblemType.RATE_LIMITED, "too many challenges are looked at; respond again later"
            )
            await self._settle(job, Outcome(event=ChallengeEvent.DEFERRED, problem=problem))
            raise problem
        is_free = not self._looks.goes_on_at(job.value)
        looked = self._take(job)
        if is_free and self._tasks is not None:
            self._patience.bound(looked)
            await looked.wait()

    async def recheck(self, provisioner: AcmeProvisioner, found: Sequence[Authorization]) -> None:
        """Look at CAA records again where they are strictly held. Raises AcmeError."""
        await self._caa_recheck.check(provisioner, found)

    def _attested(self, job: Job, provisioner: AcmeProvisioner, payload: bytes) -> Outcome:
        options = provisioner.options
        try:
            asked = Asked(
                identifier=job.value,
                token=job.key_authorization.partition(".")[0],
                key_authorization=job.key_authorization,
                formats=options.attestation_formats,
                roots=attestation_roots.configured(options.attestation_roots),
                now=self._clock.now(),
            )
            fingerprint = attestation.fingerprint_of(payload, asked)
        except AcmeError as problem:
            log.info("%s of %s: %s", job.type, job.value, problem)
            return Outcome(event=ChallengeEvent.FAILED, problem=problem)
        return Outcome(event=ChallengeEvent.PROVEN, fingerprint=fingerprint)

    async def run(
        self,
        provisioner_of: ProvisionerOf = nobody,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Look at what is begun, and first at what was when the server ended, for ever."""
        try:
            async with trio.open_nursery() as tasks:
                self._tasks = tasks
                tasks.start_soon(self._patience.run)
                task_status.started()
                for each in self._waiting:
                    tasks.start_soon(self._pursue, *each)
                self._waiting.clear()
                await self._resume(provisioner_of)
                await trio.sleep_forever()
        finally:
            self._tasks = None

    def _take(self, job: Job) -> trio.Event:
        """Put a challenge in work.

        What is given is set when what was seen first is recorded, if not before.
        """
        looked = trio.Event()
        self.tally.in_work += 1
        self._in_work.add(job.challenge_id)
        if self._tasks is None:
            self._waiting.append((job, looked))
        else:
            self._tasks.start_soon(self._pursue, job, looked)
        return looked

    async def _resume(self, provisioner_of: ProvisionerOf) -> None:
        """Begin again what was under way."""
        try:
            start, more = b"", True
            while more:
                rows = await self._store.scan(records.AUTHORIZATIONS, start=start, limit=_PAGE)
                for key, value in rows:
                    if _PENDING in value:
                        await self._begin_those_of(key.decode(), provisioner_of)
                more = len(rows) == _PAGE
                start = rows[-1][0] + b"\0" if rows else start
        except HearthError as error:
            log.warning("challenges that were begun could not be resumed: %s", error)

    async def _begin_those_of(self, authorization_id: str, provisioner_of: ProvisionerOf) -> None:
        found = await self._authorizations.find(authorization_id)
        if found is None or found.status is not AuthorizationStatus.PENDING:
            return
        for held in found.challenges:
            was_begun = held.row.status is ChallengeStatus.PROCESSING
            if was_begun and held.row.id not in self._in_work:
                await self._begin_again(found, held, provisioner_of)

    async def _begin_again(
        self,
        found: Authorization,
        challenge: Held[ChallengeRow],
        provisioner_of: ProvisionerOf,
    ) -> None:
        row = challenge.row
        account = await records.find(self._store, AccountRow, row.account_id)
        provisioner = None if account is None else provisioner_of(account.row)
        attested = row.type == ChallengeType.DEVICE_ATTEST_01  # its answer was not kept
        if account is None or provisioner is None or attested:
            await self._authorizations.settle(
                found.row.id, row.id, Outcome(event=ChallengeEvent.DEFERRED)
            )
            return
        thumbprint = str(account.row.key.get("kid", ""))
        url = account.row.location_prefix + account.row.id
        self._take(await self._job(found, challenge, provisioner, thumbprint, url))

    async def _job(
        self,
        found: Authorization,
        held: Held[ChallengeRow],
        provisioner: AcmeProvisioner,
        thumbprint: str,
        account_url: str,
    ) -> Job:
        """Gather what looking needs."""
        authorization, challenge = found.row, held.row
        holder = Holder(urls=(account_url,), thumbprints=(thumbprint,))
        if challenge.type in _BY_ACCOUNT:
            holder = await self._all_of(holder, challenge.account_id)
        return Job(
            authorization_id=authorization.id,
            challenge_id=challenge.id,
            account_id=challenge.account_id,
            type=ChallengeType(challenge.type),
            value=challenge.value.removeprefix("*."),
            is_wildcard=authorization.wildcard,
            key_authorization=challenges.key_authorization(challenge.token, thumbprint),
            holder=holder,
            issuers=provisioner.options.issuer_names,
            checks=provisioner.checks,
            provisioner=provisioner.ref.name,
            began=self._clock.now(),
            expires=records.read_time(authorization.expires_at),
            begun=(found, held),
        )

    async def _all_of(self, holder: Holder, account_id: str) -> Holder:
        """Add the URL that an account began with, and the keys that it had."""
        account = await records.find(self._store, AccountRow, account_id)
        first = () if account is None else (account.row.location_prefix + account_id,)
        former = await records.former_thumbprints(self._store, account_id)
        return Holder(
            urls=tuple(dict.fromkeys((*holder.urls, *first))),
            thumbprints=tuple(dict.fromkeys((*holder.thumbprints, *former))),
        )

    async def _pursue(self, job: Job, looked: trio.Event) -> None:
        """Look until it is settled. Nothing that goes wrong leaves the task."""
        try:
            try:
                outcome = await self._outcome(job, looked)
                await self._settle(job, outcome)
            finally:
                self.tally.in_work -= 1
                self._in_work.discard(job.challenge_id)
                looked.set()
            if outcome.event is ChallengeEvent.PROVEN and job.checks.caa is CaaMode.WARN:
                await self._warn(job)
        except HearthError as error:
            log.warning("what came of a challenge could not be recorded: %s", error)
        except Exception:
            log.exception("a challenge of %s met a fault of ours", job.value)

    async def _outcome(self, job: Job, looked: trio.Event) -> Outcome:
        ends = trio.current_time() + job.checks.patience.total_seconds()
        seen = await self._look(job)
        for pause in self._growing():
            left = ends - trio.current_time()
            is_over = left <= 0 or self._clock.now() >= job.expires
            if seen.flaw is None or seen.flaw.is_final or is_over:
                break
            retried = Outcome(event=ChallengeEvent.RETRIED, problem=_problem(job, seen))
            await self._written(job, retried)
            looked.set()
            await trio.sleep(min(pause, left))
            if not await self._is_wanted(job):
                return msgspec.structs.replace(retried, event=ChallengeEvent.DEFERRED)
            seen = await self._look(job, again=True)
        if seen.flaw is None:
            return Outcome(event=ChallengeEvent.PROVEN, until=seen.until)
        return Outcome(event=ChallengeEvent.FAILED, problem=_problem(job, seen))

    def _growing(self) -> Iterator[float]:
        return itertools.chain(self._pauses, itertools.repeat(self._pauses[-1]))

    async def _is_wanted(self, job: Job) -> bool:
        """Say whether its authorization still waits, and its account may act.

        Another challenge may have been met, or the account given up.
        """
        found = await self._authorizations.find(job.authorization_id)
        if found is None or found.status is not AuthorizationStatus.PENDING:
            return False
        account = await records.find(self._store, AccountRow, job.account_id)
        return account is None or account.row.status is AccountStatus.VALID

    async def _look(self, job: Job, *, again: bool = False) -> Seen:
        seen = await self._looks.look(job, again=again)
        if seen.flaw is not None:
            log.info("%s", told(job, seen))
        return seen

    async def _settle(self, job: Job, outcome: Outcome) -> None:
        """Write it down, and tell of what failed."""
        written = await self._written(job, outcome)
        if written and outcome.event in _FINAL:
            self.tally.settled(job.type.value, _FINAL[outcome.event])
        if written and outcome.event is ChallengeEvent.FAILED and outcome.problem is not None:
            self._tell(job, EventKind.REFUSED, "acme-challenge", outcome.problem.public)

    async def _written(self, job: Job, outcome: Outcome) -> bool:
        return await self._authorizations.settle(
            job.authorization_id, job.challenge_id, outcome, job.begun
        )

    async def _warn(self, job: Job) -> None:
        """Tell of CAA records that should have kept us from issuing."""
        problem = await self._caa.warning(job.name, job.issuance)
        if problem:
            text = f"{job.name} was proven, but {problem}"
            log.warning("%s", text)
            self._tell(job, EventKind.WARNED, "acme-caa", text)

    def _tell(self, job: Job, kind: EventKind, operation: str, reason: str) -> None:
        now = self._clock.now()
        self._events.record(
            Event(
                at=now,
                kind=kind,
                operation=operation,
                subject=job.name,
                sans=(job.name,),
                provisioner=job.provisioner,
                provisioner_type="ACME",
                reason=reason,
                took=_seconds(job.began, now),
            )
        )


def _seconds(began: datetime, now: datetime) -> float:
    return (now - began).total_seconds()


def _problem(job: Job, seen: Seen) -> AcmeError | None:
    """Make the problem that the client is shown of a look."""
    return None if seen.flaw is None else AcmeError(seen.flaw.type, told(job, seen))
