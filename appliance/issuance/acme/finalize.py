"""What a certificate request must be like to finalize an order: its names are the order's.

Every name counts, in the subject and in the extension, of whichever kind: what was not ordered was
not proven (RFC 8555 7.4).
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence

from appliance.formats import addresses, der
from appliance.issuance import rules
from appliance.issuance.acme import identifiers
from appliance.issuance.requests import SigningRequest
from appliance.model.acme import AcmeError, Identifier, IdentifierType, ProblemType
from appliance.model.errors import Forbidden
from appliance.model.names import San, SanKind


def check(request: SigningRequest, ordered: Sequence[Identifier]) -> None:
    """Let a request pass that is for the names of an order and no others. Raises AcmeError."""
    try:
        rules.check_key(request.public_key)
    except Forbidden as error:
        raise _bad(error.public) from error
    devices = [each.value for each in ordered if each.type is IdentifierType.PERMANENT]
    if devices:
        _check_device(request, devices[0])
        return
    asked = {_folded(each) for each in request.sans}
    if request.has_other_sans:
        raise _bad("the CSR has a name that is neither a DNS name nor an IP address")
    if request.common_name:
        asked.add(_of_common_name(request.common_name))
    wanted = set(identifiers.sans(ordered))
    if asked != wanted:
        raise _bad(
            "the names of the CSR are not those of the order: "
            f"CSR [{_shown(asked)}], order [{_shown(wanted)}]"
        )


def key_fingerprint(public_key_info: bytes) -> str:
    """Hash a key (SubjectPublicKeyInfo) as step-ca keeps those that devices attest."""
    _, key = der.items(public_key_info)
    octets = hashlib.sha256(key.value[1:]).digest()  # behind the count of unused bits
    return "SHA256:" + base64.b64encode(octets).decode()


def subject(request: SigningRequest, ordered: Sequence[Identifier], *, forced: bool) -> str:
    """Choose the common name: the request's; where it has none and one is forced, a DNS name."""
    if request.common_name or not forced:
        return request.common_name
    domains = [each.value for each in identifiers.sans(ordered) if each.kind is SanKind.DNS]
    if not domains:
        raise _bad("the provisioner asks for a common name, and the order has no DNS name to be it")
    return domains[0]


def _check_device(request: SigningRequest, device: str) -> None:
    """Keep a device from naming itself otherwise than by what it attested."""
    if request.common_name and request.common_name != device:
        raise _bad("the common name of the CSR is not the order's permanent identifier")


def _folded(name: San) -> San:
    if name.kind is not SanKind.DNS:
        return name
    return San(kind=SanKind.DNS, value=name.value.lower())


def _of_common_name(name: str) -> San:
    try:
        address = addresses.parse(name)
    except ValueError:
        return San(kind=SanKind.DNS, value=name.lower())
    return San(kind=SanKind.IP, value=str(address))


def _shown(names: Iterable[San]) -> str:
    return " ".join(sorted(each.value for each in names))


def _bad(why: str) -> AcmeError:
    return AcmeError(ProblemType.BAD_CSR, why)
