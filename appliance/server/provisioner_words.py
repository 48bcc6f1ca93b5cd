"""An entry of `authority.provisioners` in a few words."""

from collections.abc import Mapping
from typing import Any, Final

from appliance.config import provisioner_edits
from appliance.config.entries import NOT_YET, SHAPES

ASKS: Final[Mapping[str, str]] = {
    "JWK": "Who knows its password, or has its key, may ask for any name.",
    "OIDC": "Who logs in gets the own address; admins may ask for any name.",
    "X5C": "Who has a certificate below these roots may ask for any name.",
    "SSHPOP": "A host with an SSH certificate of ours gets it again, and anybody may revoke one.",
    "ACME": "Who proves a name gets it.",
    "Nebula": "A host of the Nebula network gets its own name and addresses.",
    "K8sSA": "Who has a service account's token may ask for any name: give it rules.",
    "SCEP": "Listed, checked, and not served by this version.",
}
_ANY: Final[Mapping[str, str]] = {
    "OIDC": "own address",
    "SSHPOP": "SSH hosts, again",
    "ACME": "any proven name",
    "Nebula": "own names",
    "SCEP": "nothing",
}
_SPELLINGS: Final = {each.lower(): each for each in (*SHAPES, *NOT_YET)}
_UNSERVED: Final = ("SCEP", *NOT_YET)


def kind_of(entry: Mapping[str, Any]) -> str:
    """Give the type in the spelling of ca.json, or as written when nobody knows it."""
    written = provisioner_edits.text(entry, "type")
    return _SPELLINGS.get(written.lower(), written)


def is_served(kind: str) -> bool:
    """Say whether the server does more for a type than to list it."""
    return kind in SHAPES and kind not in _UNSERVED


def names(kind: str, entry: Mapping[str, Any]) -> str:
    """Say what it may certify: what its rules allow, else what its type does."""
    allowed = _patterns(entry, "allow")
    denied = _patterns(entry, "deny")
    if allowed:
        return _some(allowed)
    usual = _ANY.get(kind, "any name")
    return f"{usual}, not {_some(denied)}" if denied else usual


def _patterns(entry: Mapping[str, Any], rule: str) -> list[str]:
    found: list[str] = []
    for side in (("x509",), ("ssh", "user"), ("ssh", "host")):
        kinds = provisioner_edits.value_at(entry, ("options", *side, rule))
        for listed in kinds.values() if isinstance(kinds, dict) else ():
            found += [str(each) for each in listed] if isinstance(listed, list) else []
    return found


def _some(patterns: list[str]) -> str:
    more = f" +{len(patterns) - 2}" if len(patterns) > 2 else ""
    return ", ".join(patterns[:2]) + more
