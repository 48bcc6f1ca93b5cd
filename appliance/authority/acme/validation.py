"""Challenges are proven here, in the background (RFC 8555 8).

    begin ──▶ a task ──▶ look ──▶ proven ─────────────▶ settle: valid
                          ▲  │
                          │  ├──▶ flawed for good ────▶ settle: invalid
                          │  │
                          └──┴──▶ not (yet) there ····▶ after a minute settle: invalid

A task holds nothing that others need: looks have a limit of their number, second looks a smaller
one, so that targets that hang hold up each other and not the first look of a new one. A task that
waits for its next look costs a few hundred octets.

Nothing of this is written but what came of each look, in the challenge's row, for its client to
see. After a restart, challenges that are processing are looked at anew.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import trio

from appliance.authority.acme import records
from appliance.authority.acme.authorizations import Authorizations, Outcome
from appliance.authority.acme.records import AccountRow, AuthorizationRow, ChallengeRow
from appliance.issuance.acme import attestation, attestation_roots, challenges, proofs
from appliance.issuance.acme.attestation import Asked
from appliance.issuance.acme.proofs import Flaw
from appliance.issuance.acme.states import ChallengeEvent
from appliance.model.acme import (
    AcmeError,
    AuthorizationStatus,
    ChallengeStatus,
    ChallengeType,
    ProblemType,
)
from appliance.model.errors import Broken, HearthError
from appliance.model.events import Event, EventKind
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.events import EventSink
from appliance.ports.probes import DnsProbe, Fault, HttpProbe, ProbeFailed, TlsProbe, Trial
from appliance.ports.store import Store
from appliance.provisioners.acme import AcmeProvisioner

log = logging.getLogger(__name__)

PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds between looks at what is not there yet; a minute altogether."""

_LOOKS: Final = 256
_SECOND_LOOKS: Final = 128
_MOST: Final = 10_000  # challenges in work
_PAGE: Final = 500  # rows
_PENDING: Final = b'"pending"'  # part of the rows that are read at the start
_TYPES: Final = frozenset(
    {
        ChallengeType.HTTP_01,
        ChallengeType.DNS_01,
        ChallengeType.TLS_ALPN_01,
        ChallengeType.DEVICE_ATTEST_01,
    }
)
_PROBLEMS: Final = {
    Fault.DNS: ProblemType.DNS,
    Fault.CONNECTION: ProblemType.CONNECTION,
    Fault.TLS: ProblemType.TLS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """What looks at targets."""

    http: HttpProbe
    dns: DnsProbe
    tls: TlsProbe


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One challenge in work."""

    authorization_id: str
    challenge_id: str
    type: ChallengeType
    value: str
    key_authorization: str
    provisioner: str
    began: datetime
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What came of one look."""

    flaw: Flaw | None
    tried: tuple[Trial, ...]


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
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._store, self._clock, self._events = store, clock, events
        self._probes, self._pauses = probes, tuple(pauses)
        self._authorizations = Authorizations(
            store=store, clock=clock, chance=chance, validator=self
        )
        self._looks = trio.CapacityLimiter(_LOOKS)
        self._second_looks = trio.CapacityLimiter(_SECOND_LOOKS)
        self._add, self._added = trio.open_memory_channel[_Job](math.inf)
        self._count = 0

    @property
    def types(self) -> frozenset[ChallengeType]:
        """The types that it can prove."""
        return _TYPES

    async def begin(
        self,
        authorization: AuthorizationRow,
        challenge: ChallengeRow,
        *,
        provisioner: AcmeProvisioner,
        thumbprint: str,
        account_url: str,
        payload: bytes,
    ) -> None:
        """Take a challenge whose client is ready. Raises AcmeError when there are too many.

        What a device attests is judged here and now: there is nobody to ask.
        """
        job = _job(authorization, challenge, provisioner.ref.name, thumbprint, self._clock.now())
        if job.type is ChallengeType.DEVICE_ATTEST_01:
            await self._settle(job, self._attested(job, provisioner, payload))
            return
        if self._count >= _MOST:
            problem = AcmeError(
                ProblemType.RATE_LIMITED, "too many challenges are looked at; respond again later"
            )
            await self._settle(job, Outcome(event=ChallengeEvent.DEFERRED, problem=problem))
            raise problem
        self._take(job)
        await trio.lowlevel.checkpoint()

    def _attested(self, job: _Job, provisioner: AcmeProvisioner, payload: bytes) -> Outcome:
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

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look at what is begun, and first at what was when the server ended, for ever."""
        async with trio.open_nursery() as looking:
            task_status.started()
            looking.start_soon(self._resume)
            async for job in self._added:
                looking.start_soon(self._pursue, job)

    def _take(self, job: _Job) -> None:
        self._count += 1
        self._add.send_nowait(job)

    async def _resume(self) -> None:
        """Begin again what was under way."""
        try:
            start, more = b"", True
            while more:
                rows = await self._store.scan(records.AUTHORIZATIONS, start=start, limit=_PAGE)
                for key, value in rows:
                    if _PENDING in value:
                        await self._begin_those_of(key.decode())
                more = len(rows) == _PAGE
                start = rows[-1][0] + b"\0" if rows else start
        except HearthError as error:
            log.warning("challenges that were begun could not be resumed: %s", error)

    async def _begin_those_of(self, authorization_id: str) -> None:
        found = await self._authorizations.find(authorization_id)
        if found is None or found.status is not AuthorizationStatus.PENDING:
            return
        for held in found.challenges:
            if held.row.status is ChallengeStatus.PROCESSING:
                await self._begin_again(found.row, held.row)

    async def _begin_again(self, authorization: AuthorizationRow, challenge: ChallengeRow) -> None:
        account = await records.find(self._store, AccountRow, challenge.account_id)
        if account is None or challenge.type not in _TYPES:
            return
        if challenge.type == ChallengeType.DEVICE_ATTEST_01:  # its answer was not kept
            await self._authorizations.settle(
                authorization.id, challenge.id, Outcome(event=ChallengeEvent.DEFERRED)
            )
            return
        thumbprint = str(account.row.key.get("kid", ""))
        name = account.row.provisioner_name
        self._take(_job(authorization, challenge, name, thumbprint, self._clock.now()))

    async def _pursue(self, job: _Job) -> None:
        """Look until it is settled. Nothing that goes wrong leaves the task."""
        try:
            await self._settle(job, await self._outcome(job))
        except HearthError as error:
            log.warning("what came of a challenge could not be recorded: %s", error)
        except Exception:
            log.exception("a challenge of %s met a fault of ours", job.value)
        finally:
            self._count -= 1

    async def _outcome(self, job: _Job) -> Outcome:
        seen = await self._look(job, self._looks)
        for pause in self._pauses:
            if seen.flaw is None or seen.flaw.is_final or self._clock.now() >= job.expires:
                break
            retried = Outcome(event=ChallengeEvent.RETRIED, problem=_problem(job, seen))
            await self._authorizations.settle(job.authorization_id, job.challenge_id, retried)
            await trio.sleep(pause)
            if not await self._is_wanted(job):
                return replace(retried, event=ChallengeEvent.DEFERRED)
            seen = await self._look(job, self._second_looks)
        if seen.flaw is None:
            return Outcome(event=ChallengeEvent.PROVEN)
        return Outcome(event=ChallengeEvent.FAILED, problem=_problem(job, seen))

    async def _is_wanted(self, job: _Job) -> bool:
        """Say whether its authorization still waits: another challenge may have been met."""
        found = await self._authorizations.find(job.authorization_id)
        return found is not None and found.status is AuthorizationStatus.PENDING

    async def _look(self, job: _Job, limiter: trio.CapacityLimiter) -> _Seen:
        """Look once."""
        async with limiter:
            try:
                seen = await self._looked(job)
            except ProbeFailed as failure:
                flaw = Flaw(
                    type=_PROBLEMS[failure.fault],
                    text=failure.public,
                    is_final=proofs.alert(failure.alert),
                )
                seen = _Seen(flaw=flaw, tried=failure.tried)
        if seen.flaw is not None:
            log.info("%s", _told(job, seen))
        return seen

    async def _looked(self, job: _Job) -> _Seen:
        match job.type:
            case ChallengeType.HTTP_01:
                return await self._web_page(job)
            case ChallengeType.DNS_01:
                return await self._record(job)
            case ChallengeType.TLS_ALPN_01:
                return await self._handshake(job)
            case _:
                raise Broken("a challenge of a type that cannot be proven", detail=job.type)

    async def _web_page(self, job: _Job) -> _Seen:
        token = job.key_authorization.partition(".")[0]
        page = await self._probes.http.page(job.value, proofs.web_path(token))
        flaw = proofs.web_page(page.url, page.status, page.body, job.key_authorization)
        return _Seen(flaw=flaw, tried=page.tried)

    async def _record(self, job: _Job) -> _Seen:
        name = proofs.challenge_record(job.value)
        found = await self._probes.dns.texts(name)
        expected = challenges.text_record(job.key_authorization)
        return _Seen(flaw=proofs.texts(name, found.values, expected), tried=found.tried)

    async def _handshake(self, job: _Job) -> _Seen:
        shown = await self._probes.tls.presented(
            job.value, proofs.server_name(job.value), proofs.ALPN
        )
        expected = proofs.key_hash(job.key_authorization)
        flaw = proofs.handshake(shown.protocol, shown.certificate, job.value, expected)
        return _Seen(flaw=flaw, tried=shown.tried)

    async def _settle(self, job: _Job, outcome: Outcome) -> None:
        """Write it down, and tell of what failed."""
        written = await self._authorizations.settle(job.authorization_id, job.challenge_id, outcome)
        if not written or outcome.event is not ChallengeEvent.FAILED or outcome.problem is None:
            return
        now = self._clock.now()
        self._events.record(
            Event(
                at=now,
                kind=EventKind.REFUSED,
                operation="acme-challenge",
                subject=job.value,
                sans=(job.value,),
                provisioner=job.provisioner,
                provisioner_type="ACME",
                reason=outcome.problem.public,
                took=(now - job.began).total_seconds(),
            )
        )


def _job(
    authorization: AuthorizationRow,
    challenge: ChallengeRow,
    provisioner: str,
    thumbprint: str,
    now: datetime,
) -> _Job:
    return _Job(
        authorization_id=authorization.id,
        challenge_id=challenge.id,
        type=ChallengeType(challenge.type),
        value=challenge.value.removeprefix("*."),
        key_authorization=challenges.key_authorization(challenge.token, thumbprint),
        provisioner=provisioner,
        began=now,
        expires=records.read_time(authorization.expires_at),
    )


def _problem(job: _Job, seen: _Seen) -> AcmeError | None:
    """Make the problem that the client is shown of a look."""
    return None if seen.flaw is None else AcmeError(seen.flaw.type, _told(job, seen))


def _told(job: _Job, seen: _Seen) -> str:
    """Say what is wrong, and what was tried."""
    text = seen.flaw.text if seen.flaw else "proven"
    tried = "; ".join(f"{each.what}: {each.outcome}" for each in seen.tried)
    return f"{job.type} of {job.value}: {text}{f' (tried: {tried})' if tried else ''}"
