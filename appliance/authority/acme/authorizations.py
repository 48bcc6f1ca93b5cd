"""Authorizations and their challenges: made, looked at, given up, settled (RFC 8555 7.1.4, 7.5).

How a challenge is proven is the validation's business: a `Validator` is told when a client is
ready, and comes back with an `Outcome`, which is written here, in one transaction with what follows
from it. Nothing here waits for a target.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec

from appliance.authority.acme import holdings, records
from appliance.authority.acme.ids import new_id
from appliance.authority.acme.problems import busy, not_found, problem_row
from appliance.authority.acme.records import (
    AuthorizationRow,
    ChallengeRow,
    Held,
    IdentifierRow,
    ProblemRow,
)
from appliance.issuance.acme import challenges, states
from appliance.issuance.acme.states import AuthorizationEvent, ChallengeEvent
from appliance.model.acme import (
    AcmeError,
    AuthorizationStatus,
    ChallengeStatus,
    ChallengeType,
    Identifier,
    IdentifierType,
    ProblemType,
    malformed,
    unauthorized,
)
from appliance.model.errors import Conflict
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.store import Operation, Put, Store
from appliance.provisioners.acme import AcmeProvisioner

LIFETIME: Final = timedelta(hours=24)
"""How long a client has to prove what it asked for, and to use what it proved."""

_KEPT: Final = timedelta(days=7)  # after that, for people who look for what went wrong
_TRIES: Final = 10


class Validator(Protocol):
    """What proves challenges in the background."""

    @property
    def types(self) -> frozenset[ChallengeType]:
        """The types that it can prove; others are not offered."""
        ...

    async def begin(
        self,
        found: "Authorization",
        challenge: Held[ChallengeRow],
        *,
        provisioner: AcmeProvisioner,
        thumbprint: str,
        account_url: str,
        payload: bytes,
    ) -> None:
        """Take a challenge whose client is ready, and return at once.

        The challenge is processing, which is noted, and may not have reached the disk. `payload` is
        what the client sent (of device-attest-01).
        """
        ...

    async def recheck(self, provisioner: AcmeProvisioner, found: Sequence["Authorization"]) -> None:
        """Let pass what may still be issued on what was proven. Raises AcmeError."""
        ...


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a challenge. `event` is PROVEN, FAILED, or DEFERRED: nothing final yet.

    `fingerprint` is that of an attested key, `until` when the proof itself says that it ends.
    """

    event: ChallengeEvent
    problem: AcmeError | None = None
    fingerprint: str = ""
    until: datetime | None = None


class Authorization(msgspec.Struct, frozen=True):
    """An authorization as it is now, and those of its challenges that were read."""

    held: Held[AuthorizationRow]
    status: AuthorizationStatus
    challenges: tuple[Held[ChallengeRow], ...]

    @property
    def row(self) -> AuthorizationRow:
        """Its row."""
        return self.held.row

    @property
    def is_looked_at(self) -> bool:
        """Whether one of these challenges is being proven."""
        return any(each.row.status is ChallengeStatus.PROCESSING for each in self.challenges)

    @property
    def identifier(self) -> Identifier:
        """What it is for; a wildcard with its `*.`."""
        return whole(self.row)


class Made(msgspec.Struct, frozen=True):
    """An authorization to be written."""

    authorization: Authorization
    operations: Sequence[Operation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorizations:
    """The authorizations of all accounts."""

    store: Store
    clock: Clock
    chance: Chance
    validator: Validator

    def make(
        self,
        provisioner: AcmeProvisioner,
        account_id: str,
        identifier: Identifier,
        *,
        ordered: bool = True,
        below: bool = False,
    ) -> Made:
        """Draft an authorization with its challenges. Raises AcmeError when none could prove it.

        `below`: for all subdomains too.
        """
        enabled = frozenset(provisioner.options.challenges) & self.validator.types
        offered = challenges.offered(identifier, enabled, below=below)
        if not offered:
            raise _unprovable(identifier)
        now, token, key = self.clock.now(), new_id(self.chance), new_id(self.chance)
        created, expires = records.write_time(now), records.write_time(now + LIFETIME)
        value = identifier.value.removeprefix("*.") if identifier.is_wildcard else identifier.value
        found = [
            records.encoded(
                ChallengeRow(
                    id=new_id(self.chance),
                    account_id=account_id,
                    type=each,
                    status=ChallengeStatus.PENDING,
                    token=token,
                    value=value,
                    created_at=created,
                )
            )
            for each in offered
        ]
        row = records.encoded(
            AuthorizationRow(
                id=key,
                account_id=account_id,
                identifier=IdentifierRow(type=identifier.type, value=value),
                status=AuthorizationStatus.PENDING,
                token=token,
                challenge_ids=[each.row.id for each in found],
                wildcard=identifier.is_wildcard,
                created_at=created,
                expires_at=expires,
            )
        )
        held = holdings.held_key(account_id, identifier, key)
        with_it = [(records.CHALLENGES, each.row.id) for each in found]
        return Made(
            Authorization(row, AuthorizationStatus.PENDING, tuple(found)),
            [
                row.created(),
                *(each.created() for each in found),
                Put(records.HELD, held, holdings.kind(ordered=ordered, below=below)),
                records.expiring(
                    forgotten(now + LIFETIME),
                    records.AUTHORIZATIONS,
                    key,
                    *with_it,
                    (records.HELD, held.decode()),
                ),
            ],
        )

    async def find(self, key: str, which: Sequence[str] | None = None) -> Authorization | None:
        """Read an authorization and its challenges, or those of them that are asked for."""
        held = await records.find(self.store, AuthorizationRow, key)
        if held is None:
            return None
        found, all_of_it = [], held.row.challenge_ids
        for each in all_of_it if which is None else [each for each in which if each in all_of_it]:
            challenge = await records.find(self.store, ChallengeRow, each)
            if challenge is not None:
                found.append(challenge)
        expires = records.read_time(held.row.expires_at)
        status = states.authorization_status(held.row.status, expires, self.clock.now())
        return Authorization(held, status, tuple(found))

    async def of_account(
        self, account_id: str, key: str, which: Sequence[str] | None = None
    ) -> Authorization:
        """Read one that must be of an account, as `find` does. Raises AcmeError."""
        found = await self.find(key, which)
        if found is None:
            raise not_found("authorization")
        if found.row.account_id != account_id:
            raise unauthorized("the authorization is another account's")
        return found

    async def deactivate(self, account_id: str, key: str) -> Authorization:
        """Let an account give up an authorization (RFC 8555 7.5.2). Raises AcmeError."""
        for _ in range(_TRIES):
            found = await self.of_account(account_id, key)
            if found.status is AuthorizationStatus.DEACTIVATED:
                return found
            after = states.after(
                states.AUTHORIZATIONS, found.status, AuthorizationEvent.DEACTIVATED
            )
            if after is None:
                raise malformed(f"the authorization is {found.status}: it cannot be deactivated")
            row = msgspec.structs.replace(found.row, status=after)
            try:
                await self.store.commit([found.held.changed(row)])
            except Conflict:
                continue
            return await self.of_account(account_id, key)
        raise busy()

    async def challenge(self, account_id: str, key: str, challenge_id: str) -> Held[ChallengeRow]:
        """Read a challenge of an authorization of an account. Raises AcmeError."""
        found = await self.of_account(account_id, key, [challenge_id])
        return _challenge_of(found, challenge_id)

    async def respond(
        self,
        provisioner: AcmeProvisioner,
        account_id: str,
        key: str,
        challenge_id: str,
        *,
        thumbprint: str,
        account_url: str,
        payload: bytes,
    ) -> Held[ChallengeRow]:
        """Note that a client is ready to be looked at (RFC 8555 7.5.1), and begin.

        What is under way, or settled, is given as it is. Raises AcmeError.
        """
        found = await self.of_account(account_id, key, [challenge_id])
        held = _challenge_of(found, challenge_id)
        after = states.after(states.CHALLENGES, held.row.status, ChallengeEvent.RESPONDED)
        if after is None or found.status is not AuthorizationStatus.PENDING:
            return held
        begun = records.encoded(msgspec.structs.replace(held.row, status=after))
        try:
            await self.store.note([held.becomes(begun), found.held.unchanged()])
        except Conflict:  # another request was first, and began it
            return await self._recorded(account_id, key, held)
        await self.validator.begin(
            found,
            begun,
            provisioner=provisioner,
            thumbprint=thumbprint,
            account_url=account_url,
            payload=payload,
        )
        return await self._recorded(account_id, key, held)

    async def _recorded(
        self, account_id: str, key: str, before: Held[ChallengeRow]
    ) -> Held[ChallengeRow]:
        """Read a challenge that is no longer what it was before; what is noted, is written first.

        So nobody is told what a crash could forget.
        """
        found = await records.find(self.store, ChallengeRow, before.row.id)
        if found is None or found.raw == before.raw:
            await self.store.commit([])
            return await self.challenge(account_id, key, before.row.id)
        return found

    async def settle(
        self,
        key: str,
        challenge_id: str,
        outcome: Outcome,
        begun: tuple[Authorization, Held[ChallengeRow]] | None = None,
    ) -> bool:
        """Write what came of a challenge; False when that is no longer asked.

        A challenge that is met makes its authorization valid, one that is not makes it invalid
        (RFC 8555 7.1.6). `begun` is what was there when it was begun, where nobody has looked
        since. Raises Broken.
        """
        for _ in range(_TRIES):
            if begun is not None:
                (found, held), begun = begun, None
            else:
                read = await self.find(key, [challenge_id])
                if read is None:
                    return False
                found, held = read, _challenge_of(read, challenge_id)
            after = states.after(states.CHALLENGES, held.row.status, outcome.event)
            if after is None:
                return False
            problem = problem_row(outcome.problem) if outcome.problem else None
            now = self.clock.now()
            proven = outcome.event is ChallengeEvent.PROVEN
            row = msgspec.structs.replace(
                held.row,
                status=after,
                error=problem,
                validated_at=records.write_time(now) if proven else "",
            )
            try:
                await self.store.commit([held.changed(row), *_following(found, outcome, problem)])
            except Conflict:
                continue
            return True
        raise busy()


def whole(row: AuthorizationRow) -> Identifier:
    """Give what an authorization is for; a wildcard with its `*.`."""
    identifier = row.identifier.identifier
    if not row.wildcard:
        return identifier
    return Identifier(type=IdentifierType.DNS, value=f"*.{identifier.value}")


def forgotten(at: datetime) -> datetime:
    """Say when what ended at a time may be forgotten."""
    return at + _KEPT


def _following(
    found: Authorization, outcome: Outcome, problem: ProblemRow | None
) -> list[Operation]:
    """Give what a settled challenge makes of its authorization."""
    events = {
        ChallengeEvent.PROVEN: AuthorizationEvent.PROVEN,
        ChallengeEvent.FAILED: AuthorizationEvent.FAILED,
    }
    event = events.get(outcome.event)
    after = None if event is None else states.after(states.AUTHORIZATIONS, found.status, event)
    if after is None:
        return [found.held.unchanged()]
    row = msgspec.structs.replace(
        found.row,
        status=after,
        error=problem,
        fingerprint=outcome.fingerprint or found.row.fingerprint,
        expires_at=_sooner(found.row.expires_at, outcome.until),
    )
    return [found.held.changed(row)]


def _sooner(expires: str, until: datetime | None) -> str:
    if until is None or until >= records.read_time(expires):
        return expires
    return records.write_time(until)


def _challenge_of(found: Authorization, challenge_id: str) -> Held[ChallengeRow]:
    held = next((each for each in found.challenges if each.row.id == challenge_id), None)
    if held is None:
        raise not_found("challenge")
    return held


def _unprovable(identifier: Identifier) -> AcmeError:
    return AcmeError(
        ProblemType.REJECTED_IDENTIFIER,
        f"this provisioner has no challenge that could prove {identifier.value} "
        f"({identifier.type})",
    )
