"""What proves an order: authorizations that are there, new ones, or those of domains above."""

from appliance.authority.acme import preauthorizations
from appliance.authority.acme.authorizations import Authorization, Authorizations, Made
from appliance.issuance.acme import subdomains
from appliance.model.acme import Identifier
from appliance.provisioners.acme import AcmeProvisioner


async def proofs(
    authorizations: Authorizations,
    provisioner: AcmeProvisioner,
    account_id: str,
    ordered: tuple[Identifier, ...],
    ancestors: dict[Identifier, Identifier],
) -> list[Made | Authorization]:
    """Give an authorization for each identifier; one of a domain may be for several below it.

    `ancestors` are the domains by which the client would rather prove some (RFC 9444 4.3). Raises
    AcmeError.
    """
    found: dict[object, Made | Authorization] = {}
    with_subdomains = provisioner.checks.subdomains
    for identifier in ordered:
        proven = await preauthorizations.usable(authorizations, account_id, identifier)
        if proven is None and with_subdomains:
            proven = await _above(authorizations, account_id, identifier)
        ancestor = ancestors.get(identifier) if with_subdomains else None
        if proven is not None:
            found[proven.row.id] = proven
        elif ancestor is None:
            found[identifier] = authorizations.make(provisioner, account_id, identifier)
        elif (ancestor, with_subdomains) not in found:
            found[ancestor, with_subdomains] = authorizations.make(
                provisioner, account_id, ancestor, below=True
            )
    return list(found.values())


async def _above(
    authorizations: Authorizations, account_id: str, identifier: Identifier
) -> Authorization | None:
    """Find one that an account has of a domain above, for all that is below."""
    for ancestor in subdomains.ancestors(identifier):
        found = await preauthorizations.usable(authorizations, account_id, ancestor, below=True)
        if found is not None:
            return found
    return None
