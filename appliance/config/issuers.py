"""`issuers`: intermediates beside `crt` and `key`, for a change of intermediate or for some only.

The key is ours; step-ca does not know it, and goes on with `crt` and `key` alone.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from appliance.config.document import Document
from appliance.config.schema import IssuerEntry
from appliance.config.settings import IssuerSettings, IssuerState, ProvisionerSettings
from appliance.config.tokens import Keys

PLACE: Final = "issuers"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def read(
    entries: Iterable[IssuerEntry] | None, document: Document, places: Keys
) -> tuple[IssuerSettings, ...]:
    """Check all entries. Raises ConfigError."""
    found: dict[str, IssuerSettings] = {}
    for index, entry in enumerate(entries or ()):
        place = f"{PLACE}[{index}]"
        read_entry = _entry(entry, document, place, places)
        if read_entry.name in found:
            raise document.wrong(f"'{read_entry.name}' is there twice", f"{place}.name")
        found[read_entry.name] = read_entry
    return tuple(found.values())


def check_named(
    provisioners: Iterable[ProvisionerSettings],
    issuers: Iterable[IssuerSettings],
    document: Document,
) -> None:
    """Hold what provisioners name against what is there. Raises ConfigError."""
    states = {each.name: each.state for each in issuers}
    for provisioner, name in _named(provisioners):
        if not name or states.get(name) in (IssuerState.ACTIVE, IssuerState.RETIRING):
            continue
        problem = f"is {states[name]}" if name in states else f"is none of those in `{PLACE}`"
        raise document.wrong(
            f"provisioner '{provisioner.name}' names the issuer '{name}', which {problem}",
            "authority.provisioners",
        )


def _named(
    provisioners: Iterable[ProvisionerSettings],
) -> Iterator[tuple[ProvisionerSettings, str]]:
    """Give each provisioner with each issuer that it, or a profile of it, names."""
    for each in provisioners:
        yield each, each.profile.issuer
        for profile in each.acme_profiles.listed.values():
            yield each, profile.issuer


def is_name(text: str) -> bool:
    """Say whether an issuer may have this name: it becomes part of file names and paths."""
    return _NAME.fullmatch(text) is not None


def _entry(entry: IssuerEntry, document: Document, place: str, places: Keys) -> IssuerSettings:
    if not is_name(entry.name):
        raise document.wrong(
            f"'{entry.name}' must be of letters, digits, '.', '_' and '-', and not be empty",
            f"{place}.name",
        )
    try:
        state = IssuerState(entry.state.lower() or IssuerState.ACTIVE)
    except ValueError:
        allowed = ", ".join(IssuerState)
        raise document.wrong(
            f"'{entry.state}' must be one of {allowed}", f"{place}.state"
        ) from None
    if not entry.crt:
        raise document.wrong("cannot be empty", f"{place}.crt")
    if not entry.key and state in (IssuerState.ACTIVE, IssuerState.RETIRING):
        raise document.wrong(f"cannot be empty while the issuer is {state}", f"{place}.key")
    return IssuerSettings(
        name=entry.name,
        certificate=Path(entry.crt).absolute(),
        key=places.optional(entry.key, f"{place}.key"),
        state=state,
    )
