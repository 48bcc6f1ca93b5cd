"""One look at what proves a challenge: asked of the probes, judged by the proofs.

A look holds one of a limited number of places while it lasts, and one of a smaller number that its
target and its account have each: a target that hangs, or an account with many such, leaves places
for the others.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from appliance.authority.acme.authorizations import Authorization
from appliance.authority.acme.caa import CaaLookup
from appliance.authority.acme.records import ChallengeRow, Held
from appliance.authority.acme.shares import Shares
from appliance.issuance.acme import challenges, persistent, proofs
from appliance.issuance.acme.caa import Issuance
from appliance.issuance.acme.checks import CaaMode, Checks
from appliance.issuance.acme.persistent import Holder
from appliance.issuance.acme.proofs import Flaw
from appliance.model.acme import ChallengeType, ProblemType
from appliance.model.errors import Broken
from appliance.ports.clock import Clock
from appliance.ports.probes import DnsProbe, Fault, HttpProbe, ProbeFailed, Texts, TlsProbe, Trial

_FIRST: Final = 256
_SECOND: Final = 128
_OF_ONE_TARGET: Final = 16
_OF_ONE_ACCOUNT: Final = 192
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


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One challenge in work. `value` is without `*.`; `issuers` are the CA's names in the DNS.

    `begun` is what was there when it was begun.
    """

    authorization_id: str
    challenge_id: str
    account_id: str
    type: ChallengeType
    value: str
    is_wildcard: bool
    key_authorization: str
    holder: Holder
    issuers: tuple[str, ...]
    checks: Checks
    provisioner: str
    began: datetime
    expires: datetime
    begun: tuple[Authorization, Held[ChallengeRow]]

    @property
    def name(self) -> str:
        """What was ordered."""
        return f"*.{self.value}" if self.is_wildcard else self.value

    @property
    def issuance(self) -> Issuance:
        """What CAA records are asked of it."""
        return Issuance(
            issuers=self.issuers,
            account_urls=self.holder.urls,
            method=self.type,
            is_wildcard=self.is_wildcard,
        )


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one look. `until`: what was seen says that it ends then."""

    flaw: Flaw | None
    tried: tuple[Trial, ...]
    until: datetime | None = None


class Looks:
    """Looks at targets, so many at a time."""

    def __init__(self, probes: Probes, caa: CaaLookup, clock: Clock) -> None:
        self._probes, self._caa, self._clock = probes, caa, clock
        self._first = Shares(_FIRST)
        self._second = Shares(_SECOND)
        self._targets = Shares(_OF_ONE_TARGET)
        self._accounts = Shares(_OF_ONE_ACCOUNT)

    def goes_on_at(self, target: str) -> bool:
        """Say whether somebody looks at a target now."""
        return self._targets.are_held_of(target)

    async def look(self, job: Job, *, again: bool = False) -> Seen:
        """Look once; second looks have places of their own."""
        places = self._second if again else self._first
        async with (
            self._targets.one_of(job.value),
            self._accounts.one_of(job.account_id),
            places.one_of(""),
        ):
            try:
                seen = await self._looked(job)
                if seen.flaw is None and job.checks.caa is CaaMode.STRICT:
                    seen = await self._permitted(job, seen)
            except ProbeFailed as failure:
                flaw = Flaw(
                    type=_PROBLEMS[failure.fault],
                    text=failure.public,
                    is_final=proofs.alert(failure.alert),
                )
                seen = Seen(flaw=flaw, tried=failure.tried)
        return seen

    async def _permitted(self, job: Job, seen: Seen) -> Seen:
        """See whether the domain's CAA records let us issue what was proven."""
        try:
            problem = await self._caa.objection(job.name, job.issuance)
        except ProbeFailed as failure:
            text = f"the CAA records of {job.value} cannot be looked up: {failure.public}"
            return Seen(
                flaw=Flaw(type=ProblemType.CAA, text=text, is_final=False), tried=failure.tried
            )
        if not problem:
            return seen
        return msgspec.structs.replace(
            seen, flaw=Flaw(type=ProblemType.CAA, text=problem, is_final=True)
        )

    async def _looked(self, job: Job) -> Seen:
        match job.type:
            case ChallengeType.HTTP_01:
                return await self._web_page(job)
            case ChallengeType.DNS_01:
                return await self._record(job, "")
            case ChallengeType.DNS_ACCOUNT_01:
                return await self._record_of_account(job)
            case ChallengeType.DNS_PERSIST_01:
                return await self._lasting_record(job)
            case ChallengeType.TLS_ALPN_01:
                return await self._handshake(job)
            case _:
                raise Broken("a challenge of a type that cannot be proven", detail=job.type)

    async def _web_page(self, job: Job) -> Seen:
        token = job.key_authorization.partition(".")[0]
        page = await self._probes.http.page(job.value, proofs.web_path(token))
        flaw = proofs.web_page(page.url, page.status, page.body, job.key_authorization)
        return Seen(flaw=flaw, tried=page.tried)

    async def _record(self, job: Job, label: str) -> Seen:
        name = f"{label}{proofs.challenge_record(job.value)}"
        found = await self._probes.dns.texts(name)
        expected = challenges.text_record(job.key_authorization)
        return Seen(flaw=proofs.texts(name, found.values, expected), tried=found.tried)

    async def _record_of_account(self, job: Job) -> Seen:
        """Look below the label of the account; of each, where it has two URLs."""
        seen = None
        for url in job.holder.urls:
            try:
                seen = await self._record(job, f"{challenges.account_label(url)}.")
            except ProbeFailed:
                if url == job.holder.urls[-1] and seen is None:
                    raise
                continue
            if seen.flaw is None:
                break
        if seen is None:
            raise Broken("an account has no URL", detail=job.account_id)
        return seen

    async def _lasting_record(self, job: Job) -> Seen:
        """Look at the domain's record, then at those of the domains above that hold for it."""
        flaw, tried = None, list[Trial]()
        for domain, is_above in persistent.places(job.value):
            found = await self._texts_if_any(persistent.record_name(domain))
            tried += found.tried
            expected = persistent.Expected(
                domain=domain,
                issuers=job.issuers,
                holder=job.holder,
                needs_policy=is_above or job.is_wildcard,
                now=self._clock.now(),
            )
            verdict = persistent.judge(found.values, expected)
            if verdict.flaw is None:
                return Seen(flaw=None, tried=tuple(tried), until=verdict.until)
            if flaw is None or (found.values and is_above):
                flaw = verdict.flaw
        return Seen(flaw=flaw, tried=tuple(tried))

    async def _texts_if_any(self, name: str) -> Texts:
        """Give the records of a name that need not exist. Raises ProbeFailed without an answer."""
        try:
            return await self._probes.dns.texts(name)
        except ProbeFailed as failure:
            if not failure.is_absence:
                raise
            return Texts(values=(), tried=failure.tried)

    async def _handshake(self, job: Job) -> Seen:
        shown = await self._probes.tls.presented(
            job.value, proofs.server_name(job.value), proofs.ALPN
        )
        expected = proofs.key_hash(job.key_authorization)
        flaw = proofs.handshake(shown.protocol, shown.certificate, job.value, expected)
        return Seen(flaw=flaw, tried=shown.tried)


def told(job: Job, seen: Seen) -> str:
    """Say what is wrong, and what was tried."""
    text = seen.flaw.text if seen.flaw else "proven"
    tried = "; ".join(f"{each.what}: {each.outcome}" for each in seen.tried)
    return f"{job.type} of {job.name}: {text}{f' (tried: {tried})' if tried else ''}"
