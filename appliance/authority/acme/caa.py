"""CAA records, asked for where they count: when a name was proven, and when that is hours ago.

A warning costs nobody anything: it is looked for after the challenge is settled, of each domain now
and then, and of names that only this network knows not at all.
"""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import trio

from appliance.authority.acme import records
from appliance.authority.acme.authorizations import Authorization
from appliance.authority.acme.records import AccountRow, ChallengeRow
from appliance.issuance.acme import caa
from appliance.issuance.acme.caa import Issuance
from appliance.issuance.acme.checks import CaaMode
from appliance.model.acme import (
    AcmeError,
    ChallengeStatus,
    IdentifierType,
    ProblemType,
    Subproblem,
)
from appliance.ports.clock import Clock
from appliance.ports.probes import DnsProbe, Fault, ProbeFailed
from appliance.ports.store import Store
from appliance.provisioners.acme import AcmeProvisioner

log = logging.getLogger(__name__)

_FRESH: Final = timedelta(hours=8)  # CA/Browser Forum, Baseline Requirements 4.2.2.1
_TIMEOUT: Final = 10.0  # seconds for all questions about one domain
_AT_A_TIME: Final = 16
_QUIET: Final = timedelta(hours=1)  # between two warnings about a domain
_REMEMBERED: Final = 1000  # domains
_LOCAL: Final = ("home.arpa", "local", "localhost", "internal", "lan", "home", "test", "intranet")


class CaaLookup:
    """Looks up the records that count for a domain."""

    def __init__(self, dns: DnsProbe, clock: Clock) -> None:
        self._dns, self._clock = dns, clock
        self._places = trio.CapacityLimiter(_AT_A_TIME)
        self._warned: OrderedDict[str, datetime] = OrderedDict()

    async def objection(self, name: str, asked: Issuance) -> str:
        """Say why the domain's records keep us from issuing; empty: they do not.

        Addresses have none. Raises ProbeFailed when that cannot be found out.
        """
        if _is_address(name):
            return ""
        try:
            with trio.fail_after(_TIMEOUT):
                for domain in caa.climb(name):
                    found = await self._dns.authorizations(f"{domain}.")
                    if found:
                        return caa.objection(domain, found, asked)
        except trio.TooSlowError:
            why = f"no resolver answered within {_TIMEOUT:g} s"
            raise ProbeFailed(why, fault=Fault.DNS) from None
        return ""

    async def warning(self, name: str, asked: Issuance) -> str:
        """Say what `objection` does, of each name now and then; empty also when nobody answers."""
        if _is_address(name) or _is_local(name) or not self._is_due(name):
            return ""
        async with self._places:
            try:
                return await self.objection(name, asked)
            except ProbeFailed as failure:
                log.debug("the CAA records of %s cannot be looked up: %s", name, failure)
                return ""

    def _is_due(self, name: str) -> bool:
        now = self._clock.now()
        last = self._warned.get(name)
        if last is not None and now - last < _QUIET:
            return False
        self._warned[name] = now
        self._warned.move_to_end(name)
        while len(self._warned) > _REMEMBERED:
            self._warned.popitem(last=False)
        return True


class CaaRecheck:
    """Looks again, before a certificate is issued, for names that were proven hours ago."""

    def __init__(self, lookup: CaaLookup, store: Store, clock: Clock) -> None:
        self._lookup, self._store, self._clock = lookup, store, clock

    async def check(self, provisioner: AcmeProvisioner, found: Sequence[Authorization]) -> None:
        """Let pass what the records still allow. Raises AcmeError where they are strictly held."""
        if provisioner.checks.caa is not CaaMode.STRICT:
            return
        problems = [
            Subproblem(type=ProblemType.CAA.urn, detail=problem, identifier=each.identifier)
            for each in found
            if (problem := await self._problem(provisioner, each))
        ]
        if problems:
            raise AcmeError(ProblemType.CAA, problems[0].detail, subproblems=problems)

    async def _problem(self, provisioner: AcmeProvisioner, found: Authorization) -> str:
        if found.identifier.type is not IdentifierType.DNS:
            return ""
        proven = await self._proven(found)
        if proven is None:
            return ""
        if self._clock.now() - records.read_time(proven.validated_at) < _FRESH:
            return ""
        account = await records.find(self._store, AccountRow, proven.account_id)
        urls = () if account is None else (account.row.location_prefix + account.row.id,)
        asked = Issuance(
            issuers=provisioner.options.issuer_names,
            account_urls=urls,
            method=proven.type,
            is_wildcard=found.row.wildcard,
        )
        try:
            return await self._lookup.objection(found.identifier.value, asked)
        except ProbeFailed as failure:
            return f"the CAA records of {found.row.identifier.value} cannot be looked up: {failure}"

    async def _proven(self, found: Authorization) -> ChallengeRow | None:
        """Give the challenge by which an authorization was proven."""
        for key in found.row.challenge_ids:
            held = await records.find(self._store, ChallengeRow, key)
            if held is not None and held.row.status is ChallengeStatus.VALID:
                return held.row
        return None


def _is_address(name: str) -> bool:
    return ":" in name or name.rpartition(".")[2].isdigit()


def _is_local(name: str) -> bool:
    """Say whether a name is of a house: nobody else's DNS has records of it (RFC 6762, 8375)."""
    labels = name.rsplit(".", 2)
    return len(labels) == 1 or labels[-1] in _LOCAL or ".".join(labels[-2:]) in _LOCAL
