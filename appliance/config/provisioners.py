"""`authority.provisioners`: each entry read by its type, with its claims completed."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec

from appliance.config import options
from appliance.config.claims import Inherited, inherit, shown
from appliance.config.document import Document, is_off
from appliance.config.schema import Acme, Claims, Jwk, ProvisionerKind, SshPop
from appliance.config.settings import ProvisionerSettings
from appliance.formats import jwk
from appliance.model.errors import FormatError

_PLACE: Final = "authority.provisioners"
_SHAPES: Final[Mapping[str, type[Jwk] | type[Acme] | type[SshPop]]] = {
    "JWK": Jwk,
    "ACME": Acme,
    "SSHPOP": SshPop,
}
_TYPES: Final = tuple(_SHAPES)
_NOT_YET: Final = (
    "OIDC", "GCP", "AWS", "Azure", "X5C", "K8sSA", "SCEP", "Nebula",
)  # fmt: skip
# As go-jose writes a key, without what only its owner may know.
_PUBLIC_MEMBERS: Final = (
    "use", "kty", "kid", "crv", "alg", "x", "y", "n", "e", "x5c", "x5t", "x5t#S256",
)  # fmt: skip
_SECRET_MEMBERS: Final = ("d", "p", "q", "dp", "dq", "qi", "k")


def read(
    entries: list[Any] | None,
    above: Inherited,
    backdate: timedelta,
    document: Document,
    warnings: list[str],
) -> tuple[ProvisionerSettings, ...]:
    """Read all entries. Raises ConfigError for wrong types and for what is not honoured yet."""
    found = []
    for index, entry in enumerate(entries or []):
        place = f"{_PLACE}[{index}]"
        if not isinstance(entry, Mapping):
            raise document.wrong("must be an object in braces", place)
        kind = _kind(entry, document, place)
        if kind not in _TYPES:
            _refuse(kind, document, place)
            warnings.append(f"{place}: provisioners of type '{kind}' are not known; it is skipped")
            continue
        found.append(_settings(kind, entry, above, backdate, document, place))
    return tuple(found)


def _kind(entry: Mapping[str, Any], document: Document, place: str) -> str:
    """Give the type in step-ca's spelling, or as written when nobody knows it."""
    only = {key: value for key, value in entry.items() if key.lower() == "type"}
    written = document.read(ProvisionerKind, only, place).type
    spelling = {each.lower(): each for each in (*_TYPES, *_NOT_YET)}
    return spelling.get(written.lower(), written)


def _refuse(kind: str, document: Document, place: str) -> None:
    if kind in _NOT_YET:
        raise document.wrong(
            f"provisioners of type {kind} are not supported by this version: remove "
            f"the entry, or keep this configuration on step-ca (supported: {', '.join(_TYPES)})",
            place,
        )


def _settings(
    kind: str,
    entry: Mapping[str, Any],
    above: Inherited,
    backdate: timedelta,
    document: Document,
    place: str,
) -> ProvisionerSettings:
    written = document.read(_SHAPES[kind], entry, place)
    given = None if isinstance(written, SshPop) else written.options
    profile = options.read(given, document, f"{place}.options")
    claims = inherit(above, written.claims, document, f"{place}.claims")
    problem = "its name is missing" if not written.name else claims.problem()
    return ProvisionerSettings(
        type=kind,
        name=written.name,
        claims=(above if problem else claims).settings(backdate),
        entry=_entry(written, document, place),
        profile=profile,
        problem=problem and f"claims: {problem}" if written.name else problem,
    )


def _entry(written: Jwk | Acme | SshPop, document: Document, place: str) -> Mapping[str, object]:
    """Give what GET /provisioners shows: the keys in step-ca's order, without empty ones."""
    entry: dict[str, object] = {}
    for name, value in msgspec.to_builtins(written).items():
        if name in ("type", "name"):
            entry[name] = value
        elif name == "key":
            entry[name] = _public(value, document, f"{place}.key")
        elif name == "claims" and isinstance(written.claims, Claims):
            entry[name] = shown(written.claims, document, f"{place}.claims")
        elif name != "options" and not is_off(value):
            entry[name] = value
    return entry


def _public(
    key: Mapping[str, Any] | None, document: Document, place: str
) -> Mapping[str, object] | None:
    """Give the public part of a key. Raises ConfigError when it is none."""
    if key is None:
        return None
    if any(key.get(member) for member in _SECRET_MEMBERS):
        raise document.wrong(
            "holds a private key, which everybody could read: leave only its public part, "
            "and put the private one into encryptedKey, encrypted",
            place,
        )
    try:
        jwk.public_key(key)
    except FormatError as error:
        raise document.wrong(error.public, place) from None
    return {member: key[member] for member in _PUBLIC_MEMBERS if not is_off(key.get(member))}
