"""Domains that answer for those below them (RFC 9444)."""

from collections.abc import Iterator, Mapping
from typing import Any

from appliance.issuance.acme import identifiers
from appliance.model.acme import Identifier, IdentifierType, malformed


def ancestors(identifier: Identifier) -> Iterator[Identifier]:
    """Give the domains above a name, the nearest first; a wildcard is below its own domain."""
    if identifier.type is not IdentifierType.DNS:
        return
    above = identifier.value.partition(".")[2]
    while above:
        yield Identifier(type=IdentifierType.DNS, value=above)
        above = above.partition(".")[2]


def read_ancestors(written: object) -> dict[Identifier, Identifier]:
    """Read which identifiers of an order are to be proven by a domain above (4.3).

    `written` has been read as a list of identifiers before. Raises AcmeError.
    """
    found = {}
    for each in written if isinstance(written, list) else ():
        if isinstance(each, Mapping) and each.get("ancestorDomain") is not None:
            identifier = identifiers.read(each)
            found[identifier] = _ancestor(identifier, each["ancestorDomain"])
    return found


def is_asked_for(request: Mapping[str, Any]) -> bool:
    """Say whether a pre-authorization is to hold for subdomains too (4.2).

    Clients write the member into the identifier or beside it. Raises AcmeError.
    """
    identifier = request.get("identifier")
    places = (request, identifier if isinstance(identifier, Mapping) else {})
    found = [place["subdomainAuthAllowed"] for place in places if "subdomainAuthAllowed" in place]
    if not all(isinstance(each, bool) for each in found):
        raise malformed("subdomainAuthAllowed must be true or false")
    return any(found)


def _ancestor(identifier: Identifier, written: object) -> Identifier:
    ancestor = identifiers.read({"type": IdentifierType.DNS, "value": written})
    if ancestor.is_wildcard or ancestor not in ancestors(identifier):
        raise malformed(f"{ancestor.value} is not a domain above {identifier.value}")
    return ancestor
