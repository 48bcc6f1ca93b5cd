"""What can be ordered: identifiers read, in the one form in which they are kept and compared."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Final

from appliance.formats import addresses, idn
from appliance.model.acme import (
    AcmeError,
    Identifier,
    IdentifierType,
    ProblemType,
    Subproblem,
    malformed,
)
from appliance.model.errors import FormatError
from appliance.model.names import San, SanKind

MOST_IDENTIFIERS: Final = 100
_LONGEST_NAME: Final = 253  # RFC 1035 section 2.3.4, as text
_LONGEST_LABEL: Final = 63
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_SHOWN: Final = 80


def read_all(written: object) -> tuple[Identifier, ...]:
    """Read a list of identifiers, each once, in their order.

    What is wrong with several is told of each. Raises AcmeError.
    """
    if not isinstance(written, list) or not written:
        raise malformed("identifiers must be a list with at least one identifier")
    if len(written) > MOST_IDENTIFIERS:
        raise malformed(f"an order can have {MOST_IDENTIFIERS} identifiers at most")
    found: dict[Identifier, None] = {}
    problems: list[AcmeError] = []
    for each in written:
        try:
            found[read(each)] = None
        except AcmeError as error:
            problems.append(error)
    if problems:
        raise together(problems)
    return tuple(found)


def read(written: object) -> Identifier:
    """Read one. Raises AcmeError: malformed, or unsupportedIdentifier."""
    if not isinstance(written, Mapping):
        raise malformed("an identifier must be an object with type and value")
    kind, value = written.get("type"), written.get("value")
    if not isinstance(kind, str) or not isinstance(value, str):
        raise malformed("an identifier must have a type and a value, both text")
    match kind:
        case IdentifierType.DNS:
            return Identifier(type=IdentifierType.DNS, value=_domain(value))
        case IdentifierType.IP:
            return Identifier(type=IdentifierType.IP, value=_address(value))
        case IdentifierType.PERMANENT:
            if not value:
                raise malformed("a permanent identifier cannot be empty")
            return Identifier(type=IdentifierType.PERMANENT, value=value)
        case _:
            raise AcmeError(
                ProblemType.UNSUPPORTED_IDENTIFIER,
                f"identifiers of type '{kind[:_SHOWN]}' are not supported: "
                f"use {', '.join(IdentifierType)}",
            )


def together(problems: list[AcmeError]) -> AcmeError:
    """Give one problem for several, each as a subproblem (RFC 8555 6.7.1); a single one alone."""
    if len(problems) == 1:
        return problems[0]
    types = {each.type for each in problems}
    return AcmeError(
        types.pop() if len(types) == 1 else ProblemType.COMPOUND,
        "several identifiers cannot be ordered: see the subproblems",
        subproblems=[
            Subproblem(
                type=each.type.urn,
                detail=each.public,
                identifier=each.subproblems[0].identifier if each.subproblems else None,
            )
            for each in problems
        ],
    )


def refused(identifier: Identifier, why: str, detail: str = "") -> AcmeError:
    """Make the problem of an identifier that gets no certificate here."""
    return AcmeError(
        ProblemType.REJECTED_IDENTIFIER,
        why,
        detail=detail,
        subproblems=[
            Subproblem(type=ProblemType.REJECTED_IDENTIFIER.urn, detail=why, identifier=identifier)
        ],
    )


def san(identifier: Identifier) -> San | None:
    """Give an identifier as a name in a certificate; None where it is none of those kinds."""
    match identifier.type:
        case IdentifierType.DNS:
            return San(kind=SanKind.DNS, value=identifier.value)
        case IdentifierType.IP:
            return San(kind=SanKind.IP, value=identifier.value)
        case IdentifierType.PERMANENT:
            return None


def sans(identifiers: Iterable[Identifier]) -> tuple[San, ...]:
    """Give them as names: DNS names before addresses, each kind sorted, as step-ca writes them."""
    found = {each for each in map(san, identifiers) if each is not None}
    if len(found) == 1:
        return tuple(found)
    domains = sorted(each for each in found if each.kind is SanKind.DNS)
    addresses = sorted(
        (each for each in found if each.kind is SanKind.IP), key=lambda each: _octets(each.value)
    )
    return (*domains, *addresses)


def _octets(address: str) -> bytes:
    """Give what Go sorts addresses by: 16 octets, an IPv4 address as a mapped one."""
    found = addresses.parse(address)
    if isinstance(found, ipaddress.IPv4Address):
        return b"\0" * 10 + b"\xff\xff" + found.packed
    return found.packed


def _domain(value: str) -> str:
    name = value.removeprefix("*.")
    try:
        found = idn.lookup_form(name)
    except FormatError:
        raise malformed(f"invalid DNS name: {value[:_SHOWN]}") from None
    labels = found.split(".")
    if len(found) > _LONGEST_NAME or not all(
        len(label) <= _LONGEST_LABEL and _LABEL.fullmatch(label) for label in labels
    ):
        raise malformed(f"invalid DNS name: {value[:_SHOWN]}")
    if labels[-1].isdigit():
        raise malformed(f"invalid DNS name: {value[:_SHOWN]} (an address is of type ip, RFC 8738)")
    return f"*.{found}" if name != value else found


def _address(value: str) -> str:
    try:
        address = addresses.parse(value)
    except ValueError:
        raise malformed(f"invalid IP address: {value[:_SHOWN]}") from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise malformed(f"invalid IP address: {value[:_SHOWN]} (without a zone)")
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
    return str(address)
