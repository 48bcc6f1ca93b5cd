"""What an operator sees of a CA that does not run: what its store holds."""

from dataclasses import dataclass

from appliance.authority.counts import Counts
from appliance.authority.inventory import Inventory
from appliance.authority.journal_reading import JournalReader
from appliance.model.inventory import (
    CertificateCounts,
    CertificateDetail,
    CertificateKind,
    CertificatePage,
    CertificateQuery,
)
from appliance.model.journal import JournalPage, JournalQuery
from appliance.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class StoredCertificates:
    """The part of the Operator that needs no running server."""

    inventory: Inventory
    clock: Clock

    async def certificates(self, query: CertificateQuery) -> CertificatePage:
        """Give one page of the inventory. Raises BadRequest, Broken."""
        return await self.inventory.page(query, self.clock.now())

    async def certificate(
        self, serial: int, kind: CertificateKind = CertificateKind.X509
    ) -> CertificateDetail:
        """Give one certificate. Raises NotFound, Broken."""
        return await self.inventory.certificate(serial, self.clock.now(), kind)

    async def certificate_counts(self, kind: CertificateKind) -> CertificateCounts:
        """Count the certificates of a kind by provisioner and state. Raises Broken."""
        return await Counts(self.inventory.store).of(kind, self.clock.now())

    async def journal(self, query: JournalQuery) -> JournalPage:
        """Give entries of the journal. Raises BadRequest, Broken."""
        return await JournalReader(self.inventory.store).page(query)
