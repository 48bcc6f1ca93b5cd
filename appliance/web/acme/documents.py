"""ACME's resources as JSON, member by member as step-ca writes them."""

from typing import Any

from appliance.authority.acme.authorizations import Authorization
from appliance.authority.acme.orders import Order
from appliance.authority.acme.records import AccountRow, ChallengeRow
from appliance.formats import flattened_jws
from appliance.model.acme import (
    AcmeError,
    AuthorizationStatus,
    ChallengeStatus,
    ChallengeType,
    ProblemType,
    Subproblem,
)
from appliance.provisioners.acme import AcmeOptions, AcmeProvisioner
from appliance.web.acme.links import Links

_ALL = frozenset(ChallengeStatus)
_SHOWN_OF = {
    AuthorizationStatus.VALID: {ChallengeStatus.VALID},
    AuthorizationStatus.INVALID: {ChallengeStatus.INVALID},
}


def directory(links: Links, provisioner: AcmeProvisioner) -> dict[str, Any]:
    """Say where everything is (RFC 8555 7.1.1)."""
    options = provisioner.options
    meta = {
        "termsOfService": options.terms_of_service,
        "website": options.website,
        "caaIdentities": list(options.caa_identities),
        "externalAccountRequired": options.require_binding,
        "subdomainAuthAllowed": provisioner.checks.subdomains,
        "profiles": {name: each.description for name, each in options.profiles.listed.items()},
    }
    meta |= _lasting_records(links, options)
    said = {name: value for name, value in meta.items() if value}
    return {
        "newNonce": links.at("new-nonce"),
        "newAccount": links.at("new-account"),
        "newOrder": links.at("new-order"),
        "newAuthz": links.at("new-authz"),
        "revokeCert": links.at("revoke-cert"),
        "keyChange": links.at("key-change"),
        "renewalInfo": links.at("renewal-info"),
        **({"meta": said} if said else {}),
    }


def _lasting_records(links: Links, options: AcmeOptions) -> dict[str, Any]:
    """Say what dns-persist-01 records have (draft-ietf-acme-dns-persist-02 3.2, 4.1)."""
    if ChallengeType.DNS_PERSIST_01 not in options.challenges:
        return {}
    return {
        "issuerDomainNames": list(options.issuer_names),
        "accountHashPrefix": links.at("account-hash/"),
    }


def account(row: AccountRow, links: Links, binding: object = None) -> dict[str, Any]:
    """Show an account (7.1.2)."""
    return {
        **({"contact": row.contact} if row.contact else {}),
        "status": row.status,
        "orders": links.orders(row.id),
        **({"externalAccountBinding": binding} if binding else {}),
    }


def order(found: Order, links: Links) -> dict[str, Any]:
    """Show an order (7.1.3)."""
    row, error = found.row, found.error
    return {
        "id": row.id,
        "status": found.status,
        "expires": row.expires_at,
        "identifiers": row.identifiers,
        "notBefore": row.not_before,
        "notAfter": row.not_after,
        **({"error": error} if error else {}),
        **({"replaces": found.replaces} if found.replaces else {}),
        **({"profile": found.profile} if found.profile else {}),
        "authorizations": [links.authorization(each) for each in row.authorization_ids],
        "finalize": links.finalize(row.id),
        **({"certificate": links.certificate(row.certificate)} if row.certificate else {}),
    }


def authorization(
    found: Authorization, links: Links, options: AcmeOptions, *, below: bool = False
) -> dict[str, Any]:
    """Show an authorization (7.1.4); of one that is settled, the challenge that settled it.

    `below`: it is for all subdomains too (RFC 9444 4.1).
    """
    row = found.row
    shown = _SHOWN_OF.get(found.status, _ALL)
    return {
        "identifier": row.identifier,
        "status": found.status,
        "challenges": [
            challenge(each.row, row.id, links, options)
            for each in found.challenges
            if each.row.status in shown
        ],
        **({"wildcard": True} if row.wildcard else {}),
        **({"subdomainAuthAllowed": True} if below else {}),
        "expires": row.expires_at,
        **({"error": row.error} if row.error else {}),
    }


def challenge(
    row: ChallengeRow, authorization_id: str, links: Links, options: AcmeOptions
) -> dict[str, Any]:
    """Show a challenge (section 8). That of dns-persist-01 has no token, but our names."""
    lasting = row.type == ChallengeType.DNS_PERSIST_01
    return {
        "type": row.type,
        "status": row.status,
        **({"issuerDomainNames": list(options.issuer_names)} if lasting else {"token": row.token}),
        **({"validated": row.validated_at} if row.validated_at else {}),
        "url": links.challenge(authorization_id, row.id),
        **({"target": row.target} if row.target else {}),
        **({"error": row.error} if row.error else {}),
    }


def problem(error: AcmeError) -> dict[str, Any]:
    """Show what is wrong (6.7)."""
    told: dict[str, Any] = {"type": error.type.urn, "detail": error.public}
    if error.type is ProblemType.BAD_SIGNATURE_ALGORITHM:
        told["algorithms"] = list(flattened_jws.ALGORITHMS)
    if error.instance:
        told["instance"] = error.instance
    if error.subproblems:
        told["subproblems"] = [_subproblem(each) for each in error.subproblems]
    return told


def failed(detail: str) -> dict[str, Any]:
    """Show that it is our fault."""
    return {"type": ProblemType.SERVER_INTERNAL.urn, "detail": detail}


def _subproblem(each: Subproblem) -> dict[str, Any]:
    found: dict[str, Any] = {"type": each.type, "detail": each.detail}
    if each.identifier is not None:
        found["identifier"] = {"type": each.identifier.type, "value": each.identifier.value}
    return found
