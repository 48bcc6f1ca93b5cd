"""Accounts: made, found by key, changed, given another key, given up (RFC 8555 7.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec

from appliance.authority import journal
from appliance.authority.acme import records
from appliance.authority.acme.ids import new_id
from appliance.authority.acme.records import AccountRow, Held
from appliance.formats import jwk
from appliance.issuance.acme import states
from appliance.issuance.acme.states import AccountEvent
from appliance.model.acme import (
    AccountStatus,
    AcmeError,
    Identifier,
    ProblemType,
    unauthorized,
)
from appliance.model.errors import Conflict
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.store import Delete, Operation, Put, PutIfAbsent, Store
from appliance.provisioners.acme import AcmeProvisioner

_KEYS: Final = "hearth_acme_keys"  # provisioner ‖ thumbprint → account id
_MOST_CONTACTS: Final = 10
_TRIES: Final = 10


class Binding(Protocol):
    """What binds new accounts to keys that the CA gave out (RFC 8555 7.3.4)."""

    async def bound(
        self,
        provisioner: AcmeProvisioner,
        binding: object,
        key: Mapping[str, Any],
        url: str,
        account_id: str,
    ) -> Sequence[Operation]:
        """Judge a request's `externalAccountBinding`, and give what binds the account.

        The operations go into the transaction that makes the account. Raises AcmeError.
        """
        ...

    async def permit(self, provisioner: AcmeProvisioner, account_id: str,
                     identifiers: Sequence[Identifier]) -> None:  # fmt: skip
        """Hold an order against the names that the account's key is bound to. Raises AcmeError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """What POST /new-account asks. `key` is the JWK, `location` where accounts are found."""

    key: Mapping[str, Any]
    thumbprint: str
    contact: Sequence[str]
    terms_agreed: bool
    only_existing: bool
    binding: object  # decoded JSON; None: not given
    url: str
    location: str
    client: str = ""  # the address that asks


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The accounts of all provisioners."""

    store: Store
    clock: Clock
    chance: Chance
    binding: Binding | None = None

    async def by_id(self, identifier: str) -> Held[AccountRow] | None:
        """Find an account."""
        return await records.find(self.store, AccountRow, identifier)

    async def by_key(
        self, provisioner: AcmeProvisioner, thumbprint: str
    ) -> Held[AccountRow] | None:
        """Find the account of a key with a provisioner."""
        for bucket, key in _places(provisioner, thumbprint):
            identifier = await self.store.get(bucket, key)
            if identifier is not None:
                found = await self.by_id(identifier.decode())
                if found is not None and belongs(found.row, provisioner):
                    return found
        return None

    async def create(
        self, provisioner: AcmeProvisioner, asked: NewAccount
    ) -> tuple[AccountRow, bool]:
        """Give the account of a key, and whether it is new. Raises AcmeError."""
        for _ in range(_TRIES):
            existing = await self.by_key(provisioner, asked.thumbprint)
            if existing is not None:
                return active(existing).row, False
            if asked.only_existing:
                raise AcmeError(
                    ProblemType.ACCOUNT_DOES_NOT_EXIST, "there is no account with this key"
                )
            try:
                return await self._create(provisioner, asked), True
            except Conflict:
                continue  # another request with this key was first
        raise AcmeError(ProblemType.CONFLICT, "too many requests for one account at a time")

    async def update(
        self,
        provisioner: AcmeProvisioner,
        held: Held[AccountRow],
        contact: Sequence[str] | None,
        status: str | None,
        client: str = "",
    ) -> AccountRow:
        """Change an account's contacts, or deactivate it. Raises AcmeError.

        Any other status is passed over (RFC 8555 7.3.2).
        """
        row = held.row
        if status == AccountStatus.DEACTIVATED:
            after = states.after(states.ACCOUNTS, row.status, AccountEvent.DEACTIVATED)
            if after is None:
                raise unauthorized("the account is not active")
            row = msgspec.structs.replace(
                row, status=after, deactivated_at=records.write_time(self.clock.now())
            )
        if contact is not None:
            row = msgspec.structs.replace(row, contact=list(contacts(contact)) or None)
        if row != held.row:
            done = "was changed" if row.status == held.row.status else f"is {row.status}"
            told = self._told(provisioner, f"account {row.id} {done}", client)
            await _commit(self.store, [held.changed(row), told])
        return row

    async def change_key(
        self,
        provisioner: AcmeProvisioner,
        held: Held[AccountRow],
        key: Mapping[str, Any],
        client: str = "",
    ) -> AccountRow | None:
        """Give an account another key (RFC 8555 7.3.5).

        None when the key is some other account's.
        """
        old, new = str(held.row.key.get("kid", "")), jwk.thumbprint(key)
        if await self.by_key(provisioner, new) is not None:
            return None
        row = msgspec.structs.replace(held.row, key={**key, "kid": new})
        await _commit(
            self.store,
            [
                held.changed(row),
                *await self._unindexed(provisioner, old, row.id),
                *await self._indexed(provisioner, new, row.id),
                Put(records.FORMER_KEYS, records.former_key(row.id, old), b"1"),
                self._told(provisioner, f"account {row.id} has another key", client),
            ],
        )
        return row

    async def _create(self, provisioner: AcmeProvisioner, asked: NewAccount) -> AccountRow:
        options = provisioner.options
        if options.terms_of_service and not asked.terms_agreed:
            raise AcmeError(
                ProblemType.USER_ACTION_REQUIRED,
                f"the terms of service must be agreed to: {options.terms_of_service}",
                instance=options.terms_of_service,
            )
        contact = contacts(asked.contact)
        identifier = new_id(self.chance)
        if self.binding is not None:
            bound = await self.binding.bound(
                provisioner, asked.binding, asked.key, asked.url, identifier
            )
        elif options.require_binding:
            raise AcmeError(
                ProblemType.EXTERNAL_ACCOUNT_REQUIRED, "an external account binding is needed"
            )
        else:
            bound = ()
        row = AccountRow(
            id=identifier,
            key={**asked.key, "kid": asked.thumbprint},
            contact=list(contact) or None,
            status=AccountStatus.VALID,
            location_prefix=asked.location,
            provisioner_id=provisioner.ref.id,
            provisioner_name=provisioner.ref.name,
            created_at=records.write_time(self.clock.now()),
        )
        index = await self._indexed(provisioner, asked.thumbprint, identifier)
        told = self._told(provisioner, f"account {row.id} was made", asked.client)
        await self.store.commit([records.created(row), *index, *bound, told])
        return row

    def _told(self, provisioner: AcmeProvisioner, reason: str, client: str) -> Operation:
        """Write into the journal, with what it tells."""
        now = self.clock.now()
        return journal.row(
            journal.noted("acme-account", now, reason, client=client, provisioner=provisioner.ref)
        )

    async def _indexed(
        self, provisioner: AcmeProvisioner, thumbprint: str, identifier: str
    ) -> list[Operation]:
        """Make a key lead to an account: in our index, and in step-ca's unless that is taken.

        step-ca's knows one account of a key, whichever provisioner's; some clients use one key for
        all directories of a server. In ours two requests for one account meet.
        """
        ours = PutIfAbsent(_KEYS, _own_key(provisioner, thumbprint), identifier.encode())
        if await self.store.get(records.ACCOUNTS_BY_KEY, thumbprint.encode()) is not None:
            return [ours]
        theirs = PutIfAbsent(records.ACCOUNTS_BY_KEY, thumbprint.encode(), identifier.encode())
        return [ours, theirs]

    async def _unindexed(
        self, provisioner: AcmeProvisioner, thumbprint: str, identifier: str
    ) -> Sequence[Operation]:
        own: list[Operation] = [Delete(_KEYS, _own_key(provisioner, thumbprint))]
        if (
            await self.store.get(records.ACCOUNTS_BY_KEY, thumbprint.encode())
            == identifier.encode()
        ):
            own.append(Delete(records.ACCOUNTS_BY_KEY, thumbprint.encode()))
        return own


async def holder(store: Store, provisioner: AcmeProvisioner, thumbprint: str) -> str | None:
    """Give the id of an account whose key it is, of this or of any provisioner."""
    for bucket, key in _places(provisioner, thumbprint):
        identifier = await store.get(bucket, key)
        if identifier is not None:
            return identifier.decode()
    return None


def active(held: Held[AccountRow]) -> Held[AccountRow]:
    """Give back an account that may act. Raises AcmeError."""
    if held.row.status is not AccountStatus.VALID:
        raise unauthorized(f"the account is {held.row.status}")
    return held


def belongs(row: AccountRow, provisioner: AcmeProvisioner) -> bool:
    """Say whether an account is one of a provisioner's."""
    if row.provisioner_id:
        return row.provisioner_id == provisioner.ref.id
    return row.provisioner_name in ("", provisioner.ref.name)


def contacts(written: Sequence[str]) -> Sequence[str]:
    """Let contacts pass (RFC 8555 7.3): URLs, of which we look into those of mail.

    Raises AcmeError.
    """
    if len(written) > _MOST_CONTACTS:
        raise AcmeError(
            ProblemType.INVALID_CONTACT, f"an account can have {_MOST_CONTACTS} contacts at most"
        )
    for each in written:
        scheme, _, rest = each.partition(":")
        if not each:
            raise AcmeError(ProblemType.INVALID_CONTACT, "a contact cannot be empty")
        if not rest or not urlsplit(each).scheme:
            raise AcmeError(
                ProblemType.UNSUPPORTED_CONTACT,
                f"a contact must be a URL such as mailto:me@example.com, not {each[:80]!r}",
            )
        if scheme.lower() == "mailto" and ("?" in rest or "," in rest):
            raise AcmeError(
                ProblemType.INVALID_CONTACT,
                "a contact by mail must be one address, without header fields",
            )
    return written


async def _commit(store: Store, operations: Sequence[Operation]) -> None:
    try:
        await store.commit(operations)
    except Conflict as error:
        raise AcmeError(
            ProblemType.CONFLICT, "the account was changed by another request; try again"
        ) from error


def _places(provisioner: AcmeProvisioner, thumbprint: str) -> tuple[tuple[str, bytes], ...]:
    """Say where a key leads to its account."""
    return (
        (records.ACCOUNTS_BY_KEY, thumbprint.encode()),
        (_KEYS, _own_key(provisioner, thumbprint)),
    )


def _own_key(provisioner: AcmeProvisioner, thumbprint: str) -> bytes:
    return f"{provisioner.ref.id}\0{thumbprint}".encode()
