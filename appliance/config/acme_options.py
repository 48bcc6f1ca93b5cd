"""`options.acme` of a provisioner of type ACME: what step-ca has no setting for."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from appliance.config import claims
from appliance.config.document import Document
from appliance.config.schema import AcmeOptions, Options
from appliance.issuance.acme.checks import USUAL, CaaMode, Checks
from appliance.model.acme import ChallengeType

_LONGEST: Final = timedelta(hours=24)  # as long as an order lives


def read(given: Any, document: Document, place: str) -> Checks:
    """Read how challenges are looked at. Raises ConfigError."""
    if given is None:
        return USUAL
    written = document.read(Options, given, place).acme or AcmeOptions()
    return Checks(
        caa=_mode(written.caa, document, f"{place}.acme.caa"),
        patience=_patience(written.patience, document, f"{place}.acme.patience"),
        subdomains=written.subdomains,
    )


def warnings(kind: str, entry: Mapping[str, object], place: str) -> list[str]:
    """Say what of an entry of type ACME cannot be offered."""
    listed = entry.get("challenges")
    lasting = isinstance(listed, list) and ChallengeType.DNS_PERSIST_01 in listed
    if kind != "ACME" or not lasting or entry.get("caaIdentities"):
        return []
    return [
        f"{place}: dns-persist-01 needs `caaIdentities`, a name of the CA for its records; "
        "it is not offered"
    ]


def _mode(written: str, document: Document, place: str) -> CaaMode:
    if not written:
        return USUAL.caa
    try:
        return CaaMode(written.lower())
    except ValueError:
        raise document.wrong(f"must be {', '.join(CaaMode)}, not '{written}'", place) from None


def _patience(written: str, document: Document, place: str) -> timedelta:
    if not written:
        return USUAL.patience
    patience = claims.duration(written, document, place)
    if not timedelta() < patience <= _LONGEST:
        raise document.wrong(f"must be more than 0 and at most 24h, not '{written}'", place)
    return patience
