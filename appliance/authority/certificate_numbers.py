"""How many certificates there are, and how many end soon, as numbers for Prometheus.

They are read from the counts of the store (authority.counts) when somebody asks, and kept for a
minute.
"""

from datetime import datetime, timedelta
from typing import Final, final

from appliance.authority.counts import Counts
from appliance.formats.prometheus import Family, Labels
from appliance.model.inventory import CertificateKind, CertificateState
from appliance.ports.clock import Clock
from appliance.ports.store import Store

HORIZONS: Final = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "168h": timedelta(hours=168),
    "720h": timedelta(hours=720),
}
_KEPT: Final = timedelta(minutes=1)


@final
class CertificateNumbers:
    """The inventory in numbers."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._counts = Counts(store)
        self._clock = clock
        self._read_at: datetime | None = None
        self._families: list[Family] = []

    async def families(self) -> list[Family]:
        """Give them, at most a minute old. Raises Broken."""
        now = self._clock.now()
        if self._read_at is None or not timedelta() <= now - self._read_at < _KEPT:
            self._families = [await self._by_state(now), await self._ending(now)]
            self._read_at = now
        return self._families

    async def _by_state(self, now: datetime) -> Family:
        samples: list[tuple[Labels, float]] = []
        for kind in CertificateKind:
            for each in (await self._counts.of(kind, now)).provisioners:
                named = ("kind", kind.value), ("provisioner", each.provisioner)
                samples += [
                    ((*named, ("state", state.value)), getattr(each, state.value))
                    for state in CertificateState
                ]
        return Family(
            name="hearth_certificates",
            help="Number of certificates that were issued, by their state",
            kind="gauge",
            samples=samples,
        )

    async def _ending(self, now: datetime) -> Family:
        samples: list[tuple[Labels, float]] = []
        for kind in CertificateKind:
            number, since = 0, now
            for horizon, span in HORIZONS.items():
                number += await self._counts.ending(kind, since, now + span)
                since = now + span
                samples.append(((("kind", kind.value), ("within", horizon)), number))
        return Family(
            name="hearth_certificates_expiring",
            help="Number of active certificates that end within a time from now",
            kind="gauge",
            samples=samples,
        )
