"""From one intermediate to the next: the steps, as changes of ca.json.

    standby ── activate ──▶ `crt`, `key` ── the next one is activated ──▶ retiring ──▶ retired
       └────── activate beside ──▶ active: for the provisioners that name it

A step that would leave clients with a chain that they cannot follow is refused.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from appliance.config import issuers
from appliance.config.editing import Editing, spelled
from appliance.config.settings import IssuerState
from appliance.formats import pem
from appliance.issuance import paths
from appliance.model.errors import BadRequest, FormatError, Unauthorized

_SIGNING: Final = (IssuerState.ACTIVE, IssuerState.RETIRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollover:
    """The `issuers` of a configuration being changed; `roots` are its root certificates in DER."""

    editing: Editing
    roots: tuple[bytes, ...]
    now: datetime

    def check_new(self, name: str) -> None:
        """Refuse a name that is taken or cannot be one. Raises BadRequest."""
        if not issuers.is_name(name):
            raise BadRequest(
                f"'{name}' cannot be the name of an issuer: use letters, digits, '.', '_' and '-'"
            )
        if self._find(name) is not None:
            raise BadRequest(f"there is an issuer '{name}' already: choose another name")

    def add(self, name: str, chain: tuple[bytes, ...], certificate: Path, key: Path) -> None:
        """Enter a new intermediate: published, and signing nothing yet. Raises BadRequest."""
        self.check_new(name)
        self._check_chain(name, chain)
        entry = {"name": name, "crt": str(certificate), "key": str(key)}
        self._entries().append(entry | {"state": IssuerState.STANDBY.value})

    def activate(self, name: str, *, former: str) -> None:
        """Let it issue everything from now on; the one before it, named `former`, retires.

        Raises BadRequest.
        """
        entry = self._ready(name)
        members = self.editing.members
        crt, key = spelled(members, "crt"), spelled(members, "key")
        replaced = {"name": former, "crt": members[crt], "key": members[key]}
        members[crt], members[key] = _get(entry, "crt"), _get(entry, "key")
        self._entries().remove(entry)
        self.check_new(former)
        self._entries().append(replaced | {"state": IssuerState.RETIRING.value})

    def activate_beside(self, name: str) -> None:
        """Let it issue for the provisioners that name it. Raises BadRequest."""
        _set_state(self._ready(name), IssuerState.ACTIVE)

    def retire(self, name: str) -> None:
        """Let its successor renew what it issued; its key is not needed any more."""
        entry = self._named(name)
        if _state(entry) not in _SIGNING:
            raise BadRequest(f"the issuer '{name}' is {_state(entry)}: it signs nothing")
        self._check_unused(name)
        _set_state(entry, IssuerState.RETIRED)

    def remove(self, name: str) -> None:
        """Forget it: what it issued cannot be renewed any more. Raises BadRequest."""
        entry = self._named(name)
        if _state(entry) in _SIGNING:
            raise BadRequest(
                f"the issuer '{name}' is {_state(entry)}: retire it first "
                f"(hearth ca intermediate retire {name})"
            )
        self._entries().remove(entry)

    def _ready(self, name: str) -> dict[str, Any]:
        entry = self._named(name)
        if _state(entry) is IssuerState.RETIRED:
            raise BadRequest(f"the issuer '{name}' is retired: create a new one")
        try:
            chain = tuple(pem.certificates(Path(_get(entry, "crt")).read_bytes()))
        except (OSError, FormatError) as error:
            raise BadRequest(f"the certificate of '{name}' cannot be read: {error}") from error
        self._check_chain(name, chain)
        return entry

    def _check_chain(self, name: str, chain: tuple[bytes, ...]) -> None:
        try:
            trust = paths.Trust(roots=self.roots, between=chain[1:])
            paths.verify(chain[0], trust, now=self.now)
        except (Unauthorized, FormatError) as error:
            raise BadRequest(
                f"clients would refuse what the issuer '{name}' signs: its certificate does not "
                f"lead to a certificate in `root` ({error.public})"
            ) from error

    def _check_unused(self, name: str) -> None:
        """Refuse while a provisioner names it, which could not issue any more."""
        for provisioner in self.editing.checked().provisioners:
            if provisioner.profile.issuer == name:
                raise BadRequest(
                    f"provisioner '{provisioner.name}' issues with '{name}': "
                    "change its options.x509.issuer first"
                )

    def _named(self, name: str) -> dict[str, Any]:
        entry = self._find(name)
        if entry is None:
            known = ", ".join(_get(each, "name") for each in self._entries()) or "none"
            raise BadRequest(f"there is no issuer '{name}' in {self.editing.file} (there: {known})")
        return entry

    def _find(self, name: str) -> dict[str, Any] | None:
        return next((each for each in self._entries() if _get(each, "name") == name), None)

    def _entries(self) -> list[dict[str, Any]]:
        return self.editing.part(list, issuers.PLACE)


def _state(entry: dict[str, Any]) -> IssuerState:
    return IssuerState(_get(entry, "state").lower() or IssuerState.ACTIVE)


def _set_state(entry: dict[str, Any], state: IssuerState) -> None:
    entry[spelled(entry, "state")] = state.value


def _get(entry: dict[str, Any], name: str) -> str:
    return str(entry.get(spelled(entry, name)) or "")
