"""`.AuthorizationCrt` behind a token of a Nebula host: Go's interface to such a certificate.

All of it is methods there, which templates call like fields: `{{ .AuthorizationCrt.Groups }}`.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from appliance.formats.gotemplate.signatures import (
    STRINGS,
    Function,
    Kind,
    Type,
    pointer_to,
    slice_of,
)
from appliance.formats.gotemplate.values import TIME, Pointer, Struct, Time, TypedList
from appliance.formats.nebula import NebulaCertificate, Network
from appliance.issuance.go_values import Number, getter


class _Holding(Struct):
    """A struct whose fields are its own; what it stands for is here."""

    __slots__ = ("held",)
    held: Any


def _holding(go_type: Type, held: object) -> _Holding:
    found = _Holding(go_type, {})
    found.held = held
    return found


_ADDRESS: Final = Type(
    name="netip.Addr",
    kind=Kind.STRUCT,
    methods={
        "String": getter(lambda address: str(address.held)),
        "Is4": getter(lambda address: address.held.version == 4),
        "Is6": getter(lambda address: address.held.version == 6),
    },
    json=lambda address: str(address.held),
    defined=True,
)
_PREFIX_METHODS: Final[dict[str, Function]] = {}
_PREFIX: Final = Type(
    name="netip.Prefix",
    kind=Kind.STRUCT,
    methods=_PREFIX_METHODS,
    json=lambda prefix: str(prefix.held),
    defined=True,
)
_PREFIX_METHODS.update(
    {
        "String": getter(lambda prefix: str(prefix.held)),
        "Addr": getter(lambda prefix: _holding(_ADDRESS, prefix.held.ip)),
        "Bits": getter(lambda prefix: prefix.held.network.prefixlen),
        "Masked": getter(lambda prefix: _holding(_PREFIX, prefix.held.network)),
    }
)
_PREFIXES: Final = slice_of(_PREFIX)
_VERSION: Final = Type(name="cert.Version", kind=Kind.UINT8, defined=True)
_CURVE: Final = Type(
    name="cert.Curve",
    kind=Kind.INT32,
    methods={"String": getter(lambda curve: "P256" if curve else "CURVE25519")},
    defined=True,
)


def certificate(found: NebulaCertificate) -> Pointer:
    """Show a certificate."""
    go_type = _TYPES[found.version]
    return Pointer(go_type, _holding(go_type.element or go_type, found))


def _of(read: Callable[[NebulaCertificate], object]) -> Function:
    return getter(lambda holding: read(holding.held))


def _texts(found: NebulaCertificate, texts: Sequence[str]) -> TypedList:
    """Make a list; where it is empty, it is nil in version 2 only."""
    return TypedList(texts, go_type=STRINGS, nil=not texts and found.version == 2)


def _prefixes(found: NebulaCertificate, networks: Sequence[Network]) -> TypedList:
    items = (_holding(_PREFIX, network) for network in networks)
    return TypedList(items, go_type=_PREFIXES, nil=not networks and found.version == 2)


def _time(moment: datetime) -> Time:
    return Time(seconds=int(moment.timestamp()))


def _is_expired(holding: _Holding, moment: Time) -> bool:
    found: NebulaCertificate = holding.held
    seconds = moment.seconds + moment.nanoseconds / 1e9
    return not found.not_before.timestamp() <= seconds <= found.not_after.timestamp()


def _json(holding: _Holding) -> dict[str, Any]:
    """Give what Nebula writes of a certificate; version 2 has key and curve beside the details."""
    found: NebulaCertificate = holding.held
    nothing: list[str] | None = [] if found.version == 1 else None
    details: dict[str, Any] = {
        "name": found.name,
        "networks": list(map(str, found.networks)) or nothing,
        "unsafeNetworks": list(map(str, found.unsafe_networks)) or nothing,
        "groups": list(found.groups) or nothing,
        "notBefore": _stamp(found.not_before),
        "notAfter": _stamp(found.not_after),
        "isCa": found.is_ca,
        "issuer": found.issuer,
    }
    whole: dict[str, Any] = {
        "version": found.version,
        "fingerprint": found.fingerprint,
        "signature": found.signature.hex(),
    }
    key = {"publicKey": found.public_key.hex(), "curve": found.curve.name}
    (details if found.version == 1 else whole).update(key)
    return {**whole, "details": details}


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _shown(holding: _Holding) -> str:
    return json.dumps(_json(holding), indent="\t", sort_keys=True, ensure_ascii=False)


_METHODS: Final = {
    "String": getter(_shown),
    "Version": _of(lambda found: Number(found.version, _VERSION)),
    "Name": _of(lambda found: found.name),
    "Networks": _of(lambda found: _prefixes(found, found.networks)),
    "UnsafeNetworks": _of(lambda found: _prefixes(found, found.unsafe_networks)),
    "Groups": _of(lambda found: _texts(found, found.groups)),
    "IsCA": _of(lambda found: found.is_ca),
    "NotBefore": _of(lambda found: _time(found.not_before)),
    "NotAfter": _of(lambda found: _time(found.not_after)),
    "Issuer": _of(lambda found: found.issuer),
    "PublicKey": _of(lambda found: found.public_key),
    "Curve": _of(lambda found: Number(found.curve, _CURVE)),
    "Signature": _of(lambda found: found.signature),
    "Fingerprint": _of(lambda found: found.fingerprint),
    "Expired": Function(call=_is_expired, parameters=(TIME,)),
}
_TYPES: Final = {
    version: pointer_to(
        Type(
            name=f"cert.certificateV{version}",
            kind=Kind.STRUCT,
            methods=_METHODS,
            json=_json,
            defined=True,
        )
    )
    for version in (1, 2)
}
