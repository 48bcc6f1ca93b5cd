"""What is chosen of the inventory: a search as it is typed, and what the keys change."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from appliance.model.inventory import CertificateKind, CertificateQuery, CertificateState

T = TypeVar("T")

_STATES: Final = (None, *CertificateState)
_ENDS: Final = (None, timedelta(days=1), timedelta(days=7), timedelta(days=30))
_SERIAL: Final = re.compile(r"\d{4,}|0x[0-9a-f]+|[0-9a-f]{2}(:[0-9a-f]{2})+:?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the list shows."""

    typed: str = ""
    kind: CertificateKind = CertificateKind.X509
    state: CertificateState | None = None
    provisioner: str = ""
    ends_within: timedelta | None = None

    def query(self, now: datetime, limit: int) -> CertificateQuery:
        """Give the first page's query. What is typed is a serial number if it looks like one."""
        typed = self.typed.strip()
        is_serial = bool(_SERIAL.fullmatch(typed))
        below = typed.startswith("*.")
        return CertificateQuery(
            kind=self.kind,
            name=typed if below and len(typed) > 2 else "",
            word="" if is_serial or below else typed,
            serial=typed if is_serial else "",
            provisioner=self.provisioner,
            state=self.state,
            expires_after=now if self.ends_within else None,
            expires_before=now + self.ends_within if self.ends_within else None,
            limit=limit,
        )

    def other_kind(self) -> "Selection":
        """Change between X.509 and SSH."""
        ssh = self.kind is CertificateKind.SSH
        return replace(self, kind=CertificateKind.X509 if ssh else CertificateKind.SSH)

    def next_state(self) -> "Selection":
        """Go on to the next state, then to any."""
        return replace(self, state=_next(_STATES, self.state))

    def next_end(self) -> "Selection":
        """Go on to a later end, then to any."""
        return replace(self, ends_within=_next(_ENDS, self.ends_within))

    def next_provisioner(self, known: tuple[str, ...]) -> "Selection":
        """Go on to the next provisioner, then to any."""
        return replace(self, provisioner=_next(("", *known), self.provisioner))

    @property
    def is_narrow(self) -> bool:
        """Whether it leaves anything out, beside the other kind."""
        return self != Selection(kind=self.kind)

    def words(self) -> str:
        """Say it: `X.509 · active · by acme · ends within 7 d`."""
        parts = ["SSH" if self.kind is CertificateKind.SSH else "X.509"]
        parts += [str(self.state)] if self.state else []
        parts += [f"by {self.provisioner}"] if self.provisioner else []
        parts += [f"ends within {self.ends_within.days} d"] if self.ends_within else []
        return " · ".join(parts)


def _next(ways: tuple[T, ...], now: T) -> T:
    place = ways.index(now) if now in ways else -1
    return ways[(place + 1) % len(ways)]
