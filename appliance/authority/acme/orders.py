"""Orders: made, looked at, listed (RFC 8555 7.1.3, 7.4).

    new-order ──▶ policies ──▶ an authorization of each identifier ──▶ one transaction

An order's row says what was asked and what was issued. Whether it is ready is not written into it:
that follows from its authorizations and the time (issuance.acme.states), whoever looks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from appliance.authority.acme import proving, records, replacing
from appliance.authority.acme.accounts import Binding
from appliance.authority.acme.authorizations import (
    LIFETIME,
    Authorization,
    Authorizations,
    Made,
    forgotten,
)
from appliance.authority.acme.ids import new_id
from appliance.authority.acme.problems import not_found
from appliance.authority.acme.records import Held, IdentifierRow, OrderRow, ProblemRow
from appliance.authority.gate import IssuanceGate
from appliance.issuance import periods
from appliance.issuance.acme import identifiers, states
from appliance.issuance.profiles import NamePolicy
from appliance.model.acme import (
    AuthorizationStatus,
    Identifier,
    OrderStatus,
    ProblemType,
    malformed,
    unauthorized,
)
from appliance.model.errors import BadRequest, Forbidden
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.store import Operation, Put, Store
from appliance.provisioners.acme import AcmeProvisioner

PROFILES: Final = "hearth_acme_profiles"  # order id → name of the profile
_LISTED: Final = 100  # orders that a page is made of


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What POST /new-order asks. None: not asked."""

    identifiers: tuple[Identifier, ...]
    not_before: datetime | None = None
    not_after: datetime | None = None
    replaces: str = ""  # identifier of a certificate (RFC 9773 4.1)
    ancestors: dict[Identifier, Identifier] = {}  # RFC 9444 4.3
    profile: str = ""  # its name


class Order(msgspec.Struct, frozen=True):
    """An order as it is now, which certificate it replaces, and its profile.

    Its authorizations come without their challenges.
    """

    held: Held[OrderRow]
    status: OrderStatus
    authorizations: tuple[Authorization, ...]
    replaces: str = ""
    profile: str = ""

    @property
    def row(self) -> OrderRow:
        """Its row."""
        return self.held.row

    @property
    def identifiers(self) -> tuple[Identifier, ...]:
        """What was ordered."""
        return tuple(each.identifier for each in self.row.identifiers)

    @property
    def error(self) -> ProblemRow | None:
        """Why it came to nothing, where it did."""
        if self.status is not OrderStatus.INVALID:
            return None
        if self.row.error is not None:
            return self.row.error
        failed = (each.row.error for each in self.authorizations if each.row.error is not None)
        return next(failed, None) or ProblemRow(
            type=ProblemType.MALFORMED.urn,
            detail="the order has expired"
            if all(
                each.status is not AuthorizationStatus.DEACTIVATED for each in self.authorizations
            )
            else "an authorization of the order was deactivated",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """The orders of all accounts. `policy` is that of the whole authority."""

    store: Store
    clock: Clock
    chance: Chance
    authorizations: Authorizations
    policy: NamePolicy | None = None
    binding: Binding | None = None
    gate: IssuanceGate = field(default_factory=IssuanceGate)

    async def create(self, provisioner: AcmeProvisioner, account_id: str, asked: NewOrder) -> Order:
        """Make an order and what proves it. Raises AcmeError, Unavailable."""
        self.gate.check()
        await self.permit(provisioner, account_id, asked.identifiers)
        if asked.replaces:
            await replacing.permit(self.store, account_id, asked.replaces, asked.identifiers)
        profile = provisioner.options.profiles.chosen(asked.profile)
        not_before, not_after = self._validity(provisioner, asked, profile)
        operations: list[Operation] = []
        found: list[Authorization] = []
        now = self.clock.now()
        expires = now + LIFETIME
        for each in await proving.proofs(
            self.authorizations, provisioner, account_id, asked.identifiers, asked.ancestors
        ):
            if isinstance(each, Made):
                operations += each.operations
                found.append(each.authorization)
            else:
                found.append(each)
                expires = min(expires, records.read_time(each.row.expires_at))
        order = records.encoded(
            OrderRow(
                id=new_id(self.chance),
                account_id=account_id,
                provisioner_id=provisioner.ref.id,
                identifiers=[
                    IdentifierRow(type=each.type, value=each.value) for each in asked.identifiers
                ],
                authorization_ids=[each.row.id for each in found],
                status=OrderStatus.PENDING,
                not_before=records.write_time(not_before),
                not_after=records.write_time(not_after),
                created_at=records.write_time(now),
                expires_at=records.write_time(expires),
            )
        )
        key, forget = order.row.id, forgotten(expires)
        held = _held_key(account_id, key)
        operations += [
            order.created(),
            Put(records.HELD, held, b"o"),
            records.expiring(forget, records.ORDERS, key, (records.HELD, held.decode())),
        ]
        if asked.replaces:
            operations += replacing.noted(key, asked.replaces, forget)
        if profile:
            operations += _of_profile(key, profile, forget)
        await self.store.commit(operations)
        status = _status(order.row, [each.status for each in found], now)
        return Order(order, status, tuple(found), asked.replaces, profile)

    async def permit(
        self, provisioner: AcmeProvisioner, account_id: str, asked: Sequence[Identifier]
    ) -> None:
        """Hold each identifier against the policies (rejectedIdentifier). Raises AcmeError."""
        if self.binding is not None:
            await self.binding.permit(provisioner, account_id, asked)
        problems = []
        for identifier in asked:
            name = identifiers.san(identifier)
            if name is None:
                continue
            for policy in (provisioner.profile.policy, self.policy):
                try:
                    if policy is not None:
                        policy.check("", (name,))
                except Forbidden as error:
                    problems.append(identifiers.refused(identifier, error.public))
                    break
        if problems:
            raise identifiers.together(problems)

    async def of_account(self, provisioner: AcmeProvisioner, account_id: str, key: str) -> Order:
        """Read an order that must be of an account. Raises AcmeError."""
        held = await records.find(self.store, OrderRow, key)
        if held is None:
            raise not_found("order")
        if held.row.account_id != account_id:
            raise unauthorized("the order is another account's")
        if held.row.provisioner_id != provisioner.ref.id:
            raise unauthorized("the order is another provisioner's")
        return await self.now(held)

    async def is_looked_at(self, order: Order) -> bool:
        """Whether a challenge is being proven that an order waits for."""
        if order.status is not OrderStatus.PENDING:
            return False
        keys = order.row.authorization_ids
        found = [await self.authorizations.find(each) for each in keys]
        return any(each is not None and each.is_looked_at for each in found)

    async def now(self, held: Held[OrderRow]) -> Order:
        """See what an order is now."""
        row, found = held.row, []
        statuses = []
        # One that is valid stays so, whatever became of what proved it.
        for key in row.authorization_ids if row.status is not OrderStatus.VALID else ():
            authorization = await self.authorizations.find(key, ())
            if authorization is None:  # forgotten
                statuses.append(AuthorizationStatus.EXPIRED)
            else:
                statuses.append(authorization.status)
                found.append(authorization)
        status = _status(row, statuses, self.clock.now())
        replaces = await replacing.replaced_by(self.store, row.id)
        profile = (await self.store.get(PROFILES, row.id.encode()) or b"").decode()
        return Order(held, status, tuple(found), replaces, profile)

    async def open_ones(self, account_id: str, after: str = "") -> tuple[list[str], str]:
        """Give the ids of an account's orders that are not finished (RFC 8555 7.1.2.1), by pages.

        `after` is where the page before ended; the second of the answer is where this one did,
        empty after the last. A page may be empty, and others follow.
        """
        prefix = _held_key(account_id, "")
        start = _held_key(account_id, after) + b"\0" if after else prefix
        rows = await self.store.scan(
            records.HELD, start=start, stop=prefix + b"\xff", limit=_LISTED + 1
        )
        keys = [key[len(prefix) :].decode() for key, _ in rows]
        found = []
        for key in keys[:_LISTED]:
            held = await records.find(self.store, OrderRow, key)
            if held is not None and held.row.status is OrderStatus.PENDING:
                status = (await self.now(held)).status
                if status is not OrderStatus.INVALID:
                    found.append(key)
        return found, keys[_LISTED - 1] if len(keys) > _LISTED else ""

    def _validity(
        self, provisioner: AcmeProvisioner, asked: NewOrder, name: str
    ) -> tuple[datetime, datetime]:
        """Choose the certificate's dates, as they are judged again when it is issued.

        Raises AcmeError for dates that the provisioner, or the profile, does not allow.
        """
        profile = provisioner.options.profiles.named(name)
        allowed = provisioner.claims.lifetimes
        if profile is not None:
            allowed = profile.lifetimes(allowed)
        try:
            validity = periods.decide(asked.not_before, asked.not_after, allowed, self.clock.now())
        except (BadRequest, Forbidden) as error:
            raise malformed(error.public) from error
        return validity.not_before, validity.not_after


def _status(
    row: OrderRow, authorizations: Sequence[AuthorizationStatus], now: datetime
) -> OrderStatus:
    return states.order_status(row.status, authorizations, records.read_time(row.expires_at), now)


def _of_profile(order_id: str, profile: str, forget: datetime) -> list[Operation]:
    return [
        Put(PROFILES, order_id.encode(), profile.encode()),
        records.expiring(forget, PROFILES, order_id),
    ]


def _held_key(account_id: str, key: str) -> bytes:
    return f"{account_id}\0o{key}".encode()
