"""Authorizations before any order (RFC 8555 7.4.1), and which of them an account may still use."""

from appliance.authority.acme import holdings, records
from appliance.authority.acme.authorizations import Authorization, Authorizations
from appliance.model.acme import AuthorizationStatus, Identifier, malformed
from appliance.ports.store import Store
from appliance.provisioners.acme import AcmeProvisioner


async def create(
    authorizations: Authorizations,
    provisioner: AcmeProvisioner,
    account_id: str,
    identifier: Identifier,
    *,
    below: bool = False,
) -> tuple[Authorization, bool]:
    """Authorize before any order; an authorization that is open or valid is given again.

    With `below` it is for all subdomains too (RFC 9444). The second of the answer says whether it
    is new. Raises AcmeError.
    """
    if identifier.is_wildcard:
        raise malformed("a wildcard cannot be authorized before it is ordered")
    existing = await usable(authorizations, account_id, identifier, pending=True, below=below)
    if existing is not None:
        return existing, False
    made = authorizations.make(provisioner, account_id, identifier, ordered=False, below=below)
    await authorizations.store.commit([*made.operations, holdings.asked_first(account_id)])
    return made.authorization, True


async def usable(
    authorizations: Authorizations,
    account_id: str,
    identifier: Identifier,
    *,
    pending: bool = False,
    below: bool = False,
) -> Authorization | None:
    """Find one of those that were asked for before any order, valid (or pending) now.

    With `below`, one that is for all subdomains too.
    """
    if not await holdings.has_asked_first(authorizations.store, account_id):
        return None
    good = {AuthorizationStatus.VALID} | ({AuthorizationStatus.PENDING} if pending else set())
    for key, kind in await holdings.held(authorizations.store, account_id, identifier):
        if kind.startswith(holdings.ASKED_FOR) and (kind.endswith(holdings.BELOW) or not below):
            found = await authorizations.find(key)
            if found is not None and found.status in good:
                return found
    return None


async def is_for_subdomains(store: Store, found: Authorization) -> bool:
    """Say whether an authorization is for all subdomains too."""
    key = holdings.held_key(found.row.account_id, found.identifier, found.row.id)
    return (await store.get(records.HELD, key) or b"").endswith(holdings.BELOW)


async def holds(authorizations: Authorizations, account_id: str, identifier: Identifier) -> bool:
    """Say whether an account has proven an identifier, and still may use that."""
    for key, _ in await holdings.held(authorizations.store, account_id, identifier):
        found = await authorizations.find(key)
        if found is not None and found.status is AuthorizationStatus.VALID:
            return True
    return False
