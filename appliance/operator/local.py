"""What an operator sees of a CA that does not run: what its store holds."""

from dataclasses import dataclass

from appliance.authority.inventory import Inventory
from appliance.model.inventory import (
    CertificateDetail,
    CertificateKind,
    CertificatePage,
    CertificateQuery,
)
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
