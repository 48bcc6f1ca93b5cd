"""The keys for external account binding: given out, listed, taken back, by whoever runs the CA.

Rows and indexes are step-ca's: a key under its id, its id in the list of its provisioner and, where
it has one, under its reference. What it is for besides is in a row of ours (external_accounts).
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from appliance.authority import journal
from appliance.authority.acme import external_accounts, records
from appliance.authority.acme.external_accounts import BOUNDS, BoundsRow
from appliance.authority.acme.ids import new_id
from appliance.authority.acme.records import AccountRow, ExternalKeyRow, Held
from appliance.formats import gojson
from appliance.issuance.acme import states
from appliance.issuance.acme.bounds import Bounds
from appliance.issuance.acme.states import AccountEvent
from appliance.model.errors import (
    BadRequest,
    Broken,
    Conflict,
    FormatError,
    NotFound,
    Unavailable,
)
from appliance.model.external_keys import (
    ExternalKey,
    ExternalKeyOrder,
    ExternalKeyPage,
    ExternalKeyQuery,
    NewExternalKey,
)
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.store import CompareAndSwap, Delete, Operation, Put, PutIfAbsent, Store
from appliance.provisioners.acme import AcmeProvisioner

log = logging.getLogger(__name__)

LARGEST_PAGE: Final = 1000
_SECRET: Final = 32  # octets
_LONGEST_REFERENCE: Final = 256
_MOST_NAMES: Final = 100
_TRIES: Final = 10

T = TypeVar("T")


class _ReferenceRow(msgspec.Struct):
    """A value of acme_external_account_keyID_reference_index."""

    reference: str
    key_id: str = msgspec.field(name="externalAccountKeyID")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalKeyAdministration:
    """All keys (operator.interface.ExternalKeys). `named` finds a provisioner by its name."""

    store: Store
    clock: Clock
    chance: Chance
    named: Callable[[str], object | None]

    async def external_keys(self, query: ExternalKeyQuery) -> ExternalKeyPage:
        """Give one page of a provisioner's keys. Raises NotFound, BadRequest, Broken."""
        provisioner = self._provisioner(query.provisioner)
        if query.reference:
            found = await self._by_reference(provisioner, query.reference)
            return ExternalKeyPage(keys=tuple(await self._shown(provisioner, found)), cursor="")
        _, ids = await self._ids(provisioner)
        if query.cursor:
            if query.cursor not in ids:
                raise BadRequest("the key that the page before ended with is gone: begin anew")
            ids = ids[ids.index(query.cursor) + 1 :]
        page = ids[: max(1, min(query.limit, LARGEST_PAGE))]
        return ExternalKeyPage(
            keys=tuple(await self._shown(provisioner, page)),
            cursor=page[-1] if len(page) < len(ids) else "",
        )

    async def add_external_key(self, order: ExternalKeyOrder) -> NewExternalKey:
        """Make a key. Raises BadRequest, NotFound, Unavailable, Broken."""
        provisioner = self._provisioner(order.provisioner)
        self._check(provisioner, order)
        key_id, secret = new_id(self.chance), self.chance.octets(_SECRET)
        row = ExternalKeyRow(
            id=key_id,
            provisioner_id=provisioner.ref.id,
            reference=order.reference,
            key=secret,
            created_at=records.write_time(self.clock.now()),
        )
        bounds = BoundsRow(
            names=list(order.names),
            not_after=records.write_time(order.not_after) if order.not_after else "",
        )
        for _ in range(_TRIES):
            await self._check_free(provisioner, order.reference)
            operations = [records.created(row), await self._listed(provisioner, key_id)]
            if order.reference:
                operations.append(_referenced(provisioner, order.reference, key_id))
            if bounds != BoundsRow():
                operations.append(Put(BOUNDS, key_id.encode(), msgspec.json.encode(bounds)))
            operations.append(self._told(provisioner, f"external account key {key_id} was made"))
            try:
                await self.store.commit(operations)
            except Conflict:
                continue  # another key was made or removed meanwhile
            log.info(
                "external account key %s was made for provisioner '%s'%s",
                key_id,
                order.provisioner,
                f", for {', '.join(order.names)}" if order.names else "",
            )
            return NewExternalKey(key=_shown(row, bounds, provisioner.ref.name), secret=secret)
        raise _busy()

    async def remove_external_key(
        self, provisioner: str, key_id: str, *, revoke_account: bool = False
    ) -> None:
        """Remove a key, and by wish keep the account that it let in from doing anything more.

        Raises NotFound, BadRequest, Unavailable, Broken.
        """
        found = self._provisioner(provisioner)
        for _ in range(_TRIES):
            held = await records.find(self.store, ExternalKeyRow, key_id)
            if held is None or held.row.provisioner_id != found.ref.id:
                raise NotFound(
                    f"provisioner '{provisioner}' has no external account key '{key_id[:80]}'"
                )
            operations = [
                held.removed(),
                Delete(BOUNDS, key_id.encode()),
                *await self._unlisted(found, held.row),
            ]
            if revoke_account:
                operations += await self._revoked(held)
            operations.append(self._told(found, f"external account key {key_id} was removed"))
            try:
                await self.store.commit(operations)
            except Conflict:
                continue
            log.info("external account key %s of provisioner '%s' was removed", key_id, provisioner)
            return
        raise _busy()

    def _told(self, provisioner: AcmeProvisioner, reason: str) -> Operation:
        """Write into the journal what the operator did, with what it tells."""
        told = journal.noted(
            "eab", self.clock.now(), reason, client="operator", provisioner=provisioner.ref
        )
        return journal.row(told)

    # ---- what is asked

    def _provisioner(self, name: str) -> AcmeProvisioner:
        found = self.named(name)
        if found is None:
            raise NotFound(f"there is no provisioner '{name}'")
        if not isinstance(found, AcmeProvisioner):
            raise BadRequest(f"provisioner '{name}' is not of type ACME, or cannot be used")
        return found

    def _check(self, provisioner: AcmeProvisioner, order: ExternalKeyOrder) -> None:
        if not provisioner.options.require_binding:
            raise BadRequest(
                f"provisioner '{order.provisioner}' lets accounts in without a key: turn that off "
                f"first, by 'ca provisioner update {order.provisioner} --require-eab' (a CA that "
                "runs must read it then)"
            )
        if len(order.reference) > _LONGEST_REFERENCE:
            raise BadRequest(f"a reference can have {_LONGEST_REFERENCE} characters at most")
        if len(order.names) > _MOST_NAMES:
            raise BadRequest(f"a key can be for {_MOST_NAMES} names at most")
        if order.not_after is not None and order.not_after <= self.clock.now():
            raise BadRequest("the key would have ended before it begins")
        try:
            Bounds.of(order.names)
        except FormatError as error:
            raise BadRequest(error.public) from error

    # ---- rows

    async def _shown(
        self, provisioner: AcmeProvisioner, ids: Sequence[str]
    ) -> Sequence[ExternalKey]:
        found = []
        for each in ids:
            held = await records.find(self.store, ExternalKeyRow, each)
            if held is not None:
                bounds = await external_accounts.read(self.store, BOUNDS, each, BoundsRow)
                found.append(_shown(held.row, bounds or BoundsRow(), provisioner.ref.name))
        return found

    async def _by_reference(self, provisioner: AcmeProvisioner, reference: str) -> Sequence[str]:
        raw = await self.store.get(
            records.EXTERNAL_KEYS_BY_REFERENCE, _reference_key(provisioner, reference)
        )
        return [] if raw is None else [_decoded(raw, _ReferenceRow).key_id]

    async def _check_free(self, provisioner: AcmeProvisioner, reference: str) -> None:
        if reference and await self._by_reference(provisioner, reference):
            raise BadRequest(
                f"provisioner '{provisioner.ref.name}' has a key with the reference '{reference}' "
                "already"
            )

    async def _ids(self, provisioner: AcmeProvisioner) -> tuple[bytes | None, list[str]]:
        """Give the list of a provisioner's keys, and its octets."""
        raw = await self.store.get(
            records.EXTERNAL_KEYS_BY_PROVISIONER, provisioner.ref.id.encode()
        )
        return raw, [] if raw is None else _decoded(raw, list[str])

    async def _listed(self, provisioner: AcmeProvisioner, key_id: str) -> Operation:
        raw, ids = await self._ids(provisioner)
        return _relisted(provisioner, raw, [*ids, key_id])

    async def _unlisted(
        self, provisioner: AcmeProvisioner, row: ExternalKeyRow
    ) -> Sequence[Operation]:
        raw, ids = await self._ids(provisioner)
        operations: list[Operation] = []
        if row.id in ids:
            rest = [each for each in ids if each != row.id]
            operations.append(_relisted(provisioner, raw, rest))
        if row.reference and row.id in await self._by_reference(provisioner, row.reference):
            operations.append(
                Delete(
                    records.EXTERNAL_KEYS_BY_REFERENCE, _reference_key(provisioner, row.reference)
                )
            )
        return operations

    async def _revoked(self, held: Held[ExternalKeyRow]) -> Sequence[Operation]:
        if not held.row.account_id:
            return ()
        account = await records.find(self.store, AccountRow, held.row.account_id)
        after = account and states.after(states.ACCOUNTS, account.row.status, AccountEvent.REVOKED)
        if account is None or after is None:  # it was given up before
            return ()
        row = msgspec.structs.replace(
            account.row, status=after, deactivated_at=records.write_time(self.clock.now())
        )
        return [account.changed(row)]


def _shown(row: ExternalKeyRow, bounds: BoundsRow, provisioner: str) -> ExternalKey:
    return ExternalKey(
        id=row.id,
        provisioner=provisioner,
        reference=row.reference,
        created_at=records.read_time(row.created_at),
        bound_at=records.read_time(row.bound_at) if row.is_bound else None,
        account=row.account_id,
        names=tuple(bounds.names),
        not_after=records.read_time(bounds.not_after) if bounds.not_after else None,
    )


def _relisted(provisioner: AcmeProvisioner, raw: bytes | None, ids: Sequence[str]) -> Operation:
    """Replace the list; an empty one is removed, since step-ca cannot add to it."""
    return CompareAndSwap(
        records.EXTERNAL_KEYS_BY_PROVISIONER,
        provisioner.ref.id.encode(),
        raw,
        gojson.encode(ids) if ids else None,
    )


def _referenced(provisioner: AcmeProvisioner, reference: str, key_id: str) -> Operation:
    return PutIfAbsent(
        records.EXTERNAL_KEYS_BY_REFERENCE,
        _reference_key(provisioner, reference),
        gojson.encode(_ReferenceRow(reference, key_id)),
    )


def _reference_key(provisioner: AcmeProvisioner, reference: str) -> bytes:
    return f"{provisioner.ref.id}.{reference}".encode()


def _decoded(raw: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise Broken(
            "an index of external account keys cannot be read", detail=str(error)
        ) from error


def _busy() -> Unavailable:
    return Unavailable("too many keys are changed at a time; try again")
